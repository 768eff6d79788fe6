"""Secrets Manager as Kubernetes Secrets: ``<stack>/<namespace>/<name>`` is a JSON object of Flux's keys.

A warm function remembers values for a while, unless a secret was changed or a reconcile was asked for since. Values
are never logged and never part of an error.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import AuthenticationError, OutOfOrder, RetryableError
from tagstream.ports.runtime import Clock
from tagstream.ports.secrets import SecretNotFound

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_S = 60
# A tick a minute would read every secret a minute: reads are paid for.
LONG_CACHE_S = 300
# A thousand scans in one invocation need not ask a thousand times whether a secret was changed.
EPOCH_CACHE_S = 1.0
# Secrets Manager may answer with the former value for a moment after a change, so that one is not remembered.
SETTLE_S = 5.0
BINARY_PREFIX = "base64:"
# After no answer came in time, nothing that is not remembered is asked for so long: each read would wait as long again.
PAUSE_S = 10.0
MISSING = frozenset({"ResourceNotFoundException", "InvalidRequestException"})


class SecretsEpoch(Protocol):
    """Where all functions and the command line see when secrets were changed last."""

    def changed_at(self) -> float:
        """Seconds since 1970; 0 for never."""

    def change(self, at: datetime) -> None:
        """Secrets were changed at this time."""


class SecretsManager:
    """Secrets on AWS Secrets Manager; one prefix a stack.

    Args:
        client: of boto3.
        stack: the first part of every secret's name.
        epoch: shared with everybody who changes secrets through tagstream.
        clock: wall time; a frozen function's monotonic clock may stand still.
        remember_s: how long a value is remembered that nobody has said to be changed.
    """

    def __init__(
        self,
        client: SecretsManagerClient,
        stack: str,
        epoch: SecretsEpoch,
        clock: Clock,
        remember_s: int = CACHE_S,
    ) -> None:
        self.client, self.stack, self._epoch, self._clock = client, stack, epoch, clock
        self._provider = _PatientOnce(client, clock)
        self._remember_s = remember_s
        self._changed_at = 0.0
        self._asked_at = 0.0
        self._lock = threading.Lock()

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The members; text members as UTF-8, members written as ``base64:…`` decoded.

        Raises:
            SecretNotFound: there is no such secret, or it is being deleted.
            AuthenticationError: the function may not read it, or it is no JSON object of strings.
            OutOfOrder: Secrets Manager or the table is throttling or out of reach.
        """
        return self._read(key, fresh=self._was_changed_lately())

    def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
        """Like ``get``, but bypasses what is remembered."""
        return self._read(key, fresh=True)

    def expire(self) -> None:
        """Every warm function reads its secrets anew at their next use.

        Raises:
            RetryableError: the table is out of reach.
        """
        self._epoch.change(self._clock.now())
        self._asked_at = 0.0

    def put(self, key: NamespacedName, data: Mapping[str, bytes]) -> None:
        """Create the secret, or give it a new version, and let warm functions know.

        Raises:
            RetryableError: Secrets Manager refuses (it may be deleting the secret) or is out of reach.
        """
        body = json.dumps({name: _written(value) for name, value in sorted(data.items())})
        try:
            self._write(key, body)
        except (ClientError, BotoCoreError) as error:
            raise RetryableError(
                f"failed to write secret '{key}': {_refusal(error)}", reason="AuthenticationFailed"
            ) from None
        self.expire()

    def _was_changed_lately(self) -> bool:
        """Forget what is remembered from before the last change; True while Secrets Manager may still be behind."""
        now = self._clock.now().timestamp()
        with self._lock:
            # One of many threads looks.
            if not 0 <= now - self._asked_at < EPOCH_CACHE_S:
                changed_at, self._asked_at = self._epoch.changed_at(), now
                if changed_at != self._changed_at:
                    self._provider.clear_cache()  # type: ignore[no-untyped-call]
                    self._changed_at = changed_at
        return now - self._changed_at < SETTLE_S

    def _write(self, key: NamespacedName, body: str) -> None:
        try:
            self.client.put_secret_value(SecretId=self._id(key), SecretString=body)
        except self.client.exceptions.ResourceNotFoundException:
            self.client.create_secret(Name=self._id(key), SecretString=body)

    def _id(self, key: NamespacedName) -> str:
        return f"{self.stack}/{key.namespace}/{key.name}"

    def _read(self, key: NamespacedName, *, fresh: bool) -> Mapping[str, bytes]:
        try:
            body = self._provider.get(self._id(key), max_age=self._remember_s, force_fetch=fresh)
        except GetParameterError as error:
            # Powertools turns every error into one of its own; the context is the error of the call.
            raise _unread(key, error.__context__) from None
        return _members(key, body if isinstance(body, str) else "")


class _DoesNotAnswer(Exception):
    """Secrets Manager did not answer a moment ago."""


class _PatientOnce(SecretsProvider):
    """Powertools' provider, which waits for a service that hangs once, and then not again for a while."""

    def __init__(self, client: SecretsManagerClient, clock: Clock) -> None:
        super().__init__(boto3_client=client)
        self._clock, self._hung_at = clock, 0.0

    def _get(self, name: str, **sdk_options: Any) -> str | bytes:
        """Asked for what is not remembered only."""
        now = self._clock.now().timestamp()
        if 0 <= now - self._hung_at < PAUSE_S:
            raise _DoesNotAnswer
        try:
            return super()._get(name, **sdk_options)
        except (ReadTimeoutError, ConnectTimeoutError):
            self._hung_at = self._clock.now().timestamp()
            raise


def _unread(key: NamespacedName, cause: BaseException | None) -> Exception:
    """The error for a secret that could not be read; it names the secret and AWS's code."""
    code = type(cause).__name__
    if isinstance(cause, ClientError):
        code = cause.response.get("Error", {}).get("Code", "Unknown")
    if code in MISSING:
        return SecretNotFound(f'secrets "{key.name}" not found')
    if code == "AccessDeniedException":
        return AuthenticationError(
            f"secret '{key}' may not be read by this function: {code}", reason="AuthenticationFailed"
        )
    # A secret that was stored as bytes has no string, which is no fault of the connection.
    if isinstance(cause, KeyError):
        return _unusable(key)
    if isinstance(cause, _DoesNotAnswer):
        code = "Secrets Manager does not answer"
    return OutOfOrder(f"failed to read secret '{key}': {code}", reason="AuthenticationFailed")


def _unusable(key: NamespacedName) -> AuthenticationError:
    # The body is a secret: the error names the secret, never what is in it.
    return AuthenticationError(
        f"secret '{key}' is not a JSON object whose values are strings", reason="AuthenticationFailed"
    )


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
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict) or not all(isinstance(value, str) for value in parsed.values()):
        raise _unusable(key)
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
