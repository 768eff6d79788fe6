"""Secrets Manager as Kubernetes Secrets: ``<stack>/<namespace>/<name>`` is a JSON object of Flux's keys.

In: a namespace and a name. Out: the members as bytes. Values are cached for a minute in a warm container, never
logged, and never part of an error.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import AuthenticationError, RetryableError
from tagstream.ports.runtime import Clock
from tagstream.ports.secrets import SecretNotFound

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_S = 60.0
BINARY_PREFIX = "base64:"
MISSING = frozenset({"ResourceNotFoundException", "InvalidRequestException"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsManager:
    """Secrets on AWS Secrets Manager; one prefix a stack."""

    client: SecretsManagerClient
    stack: str
    clock: Clock
    cache: dict[str, tuple[float, Mapping[str, bytes]]] = field(default_factory=dict, repr=False)

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The members; text members as UTF-8, members written as ``base64:…`` decoded.

        Raises:
            SecretNotFound: there is no such secret, or it is being deleted.
            AuthenticationError: the function may not read it.
            RetryableError: Secrets Manager is throttling or out of reach.
        """
        known = self.cache.get(str(key))
        if known is not None and known[0] > self.clock.monotonic_s():
            return known[1]
        data = self._read(key)
        self.cache[str(key)] = (self.clock.monotonic_s() + CACHE_S, data)
        return data

    def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
        """As ``get``, read now."""
        self.cache.pop(str(key), None)
        return self.get(key)

    def put(self, key: NamespacedName, data: Mapping[str, bytes]) -> None:
        """Create the secret, or give it a new version.

        Raises:
            RetryableError: Secrets Manager refuses (it may be deleting the secret) or is out of reach.
        """
        body = json.dumps({name: _written(value) for name, value in sorted(data.items())})
        self.cache.pop(str(key), None)
        try:
            self._write(key, body)
        except (ClientError, BotoCoreError) as error:
            raise RetryableError(
                f"failed to write secret '{key}': {_refusal(error)}", reason="AuthenticationFailed"
            ) from None

    def _write(self, key: NamespacedName, body: str) -> None:
        try:
            self.client.put_secret_value(SecretId=self._id(key), SecretString=body)
        except self.client.exceptions.ResourceNotFoundException:
            self.client.create_secret(Name=self._id(key), SecretString=body)

    def _id(self, key: NamespacedName) -> str:
        return f"{self.stack}/{key.namespace}/{key.name}"

    def _read(self, key: NamespacedName) -> Mapping[str, bytes]:
        try:
            body = self.client.get_secret_value(SecretId=self._id(key)).get("SecretString", "")
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "Unknown")
            if code in MISSING:
                raise SecretNotFound(f'secrets "{key.name}" not found') from None
            if code == "AccessDeniedException":
                raise AuthenticationError(
                    f"secret '{key}' may not be read by this function: {code}", reason="AuthenticationFailed"
                ) from None
            raise RetryableError(f"failed to read secret '{key}': {code}", reason="AuthenticationFailed") from None
        except BotoCoreError as error:
            raise RetryableError(
                f"failed to read secret '{key}': {type(error).__name__}", reason="AuthenticationFailed"
            ) from None
        return _members(key, body)


def _refusal(error: ClientError | BotoCoreError) -> str:
    """AWS's words where they are about the secret's state; else a code, since words may quote what was sent."""
    if not isinstance(error, ClientError):
        return type(error).__name__
    told = error.response.get("Error", {})
    code = told.get("Code", "Unknown")
    return told.get("Message", code) if code == "InvalidRequestException" else code


def _members(key: NamespacedName, body: str) -> Mapping[str, bytes]:
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict) or not all(isinstance(value, str) for value in parsed.values()):
        # The body is a secret: the error names the secret, never what is in it.
        raise AuthenticationError(
            f"secret '{key}' is not a JSON object whose values are strings", reason="AuthenticationFailed"
        )
    return {name: _value(value) for name, value in parsed.items()}


def _value(text: str) -> bytes:
    if not text.startswith(BINARY_PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(BINARY_PREFIX), validate=True)
    except ValueError:
        return text.encode()


def _written(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return BINARY_PREFIX + base64.b64encode(value).decode()
    return BINARY_PREFIX + base64.b64encode(value).decode() if text.startswith(BINARY_PREFIX) else text
