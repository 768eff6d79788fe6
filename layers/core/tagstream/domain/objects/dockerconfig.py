"""Registry credentials in ``.dockerconfigjson`` and ``.dockercfg``, found for an image as the kubelet and Flux do.

Source: go-containerregistry pkg/authn/kubernetes/keychain.go; vectors registry/dockerconfig_match.json.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from gocompat.path_match import BadPattern, glob_match
from tagstream.domain.objects.image_name import ImageName

MEMBERS = (".dockerconfigjson", ".dockercfg")
"""Of a pull secret; the first one that has content counts."""
HUB = "index.docker.io"
HUB_ALIASES = ("docker.io", "registry-1.docker.io", "registry.hub.docker.com", "index.docker.io/v1")
_AUTHORITY_AND_PATH = re.compile(r"([^/?#]*)([^?#]*)")
_PORT = re.compile(r"[0-9]*", re.ASCII)
MALFORMED = "unable to decode auth field: must be formatted as base64(username:password)"


class InvalidDockerConfig(ValueError):
    """The member is not a docker configuration; the message never quotes a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What one entry says; all empty means anonymous."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Entries of all secrets, keys in reverse string order: the order in which they are tried."""

    entries: tuple[tuple[str, Credentials], ...]

    def matching(self, registry: str, repository: str) -> tuple[tuple[str, Credentials], ...]:
        """Entries whose key matches ``registry/repository``; the first one counts."""
        return tuple(entry for entry in self.entries if _key_matches(entry[0], registry, repository))

    def find(self, registry: str, repository: str) -> Credentials | None:
        """The credentials of the first matching entry."""
        return next((one for _, one in self.matching(registry, repository)), None)

    def find_by_alias(self, registry: str) -> tuple[str, Credentials] | None:
        """For Docker Hub: an entry under one of the names that Flux does not take for it."""
        if registry != HUB:
            return None
        return next((entry for entry in self.entries if entry[0] in HUB_ALIASES), None)


def parse_keyring(members: Iterable[tuple[str, bytes]]) -> Keyring:
    """A keyring from secret members, in order of precedence.

    Args:
        members: (``.dockerconfigjson`` or ``.dockercfg``, content) pairs.

    Raises:
        InvalidDockerConfig: not JSON, not an object, or an ``auth`` that is not base64 of user:password.
    """
    found: dict[str, Credentials] = {}
    for member, content in members:
        for key, entry in _auths(member, content).items():
            found.setdefault(_normal_key(key), _credentials(entry))
    return Keyring(entries=tuple(sorted(found.items(), key=lambda pair: pair[0].encode(), reverse=True)))


def pull_secret_keyring(secrets: Iterable[Mapping[str, bytes]]) -> Keyring:
    """A keyring from whole secrets, in order of precedence. A secret that is no pull secret adds nothing.

    Args:
        secrets: the members of each.

    Raises:
        InvalidDockerConfig: as ``parse_keyring``.
    """
    found = ((secret, _member(secret)) for secret in secrets)
    return parse_keyring((name, secret[name]) for secret, name in found if name)


def why_unmatched(image: ImageName, secrets: Mapping[str, Mapping[str, bytes]], keyring: Keyring) -> str:
    """Why none of the pull secrets counts for an image; ``""`` if there are no secrets.

    Args:
        image: which no entry is for.
        secrets: the members of each by its name.
        keyring: their entries.
    """
    other_kind = [f"'{name}'" for name, members in secrets.items() if not _member(members)]
    if other_kind:
        return f"secret {', '.join(other_kind)} has no {' or '.join(MEMBERS)}, so that it is no pull secret"
    if not secrets:
        return ""
    names = ", ".join(f"'{name}'" for name in secrets)
    hosts = ", ".join(sorted(key for key, _ in keyring.entries)) or "none"
    # Where entries are for other paths of the registry, its name alone would be no explanation.
    is_near = any(key.startswith(f"{image.registry}/") for key, _ in keyring.entries)
    wanted = f"{image.registry}/{image.repository}" if is_near else image.registry
    return f"pull secret {names} has no entry for {wanted}; its entries: {hosts}"


def _member(secret: Mapping[str, bytes]) -> str:
    return next((name for name in MEMBERS if secret.get(name)), "")


def _auths(member: str, content: bytes) -> Mapping[str, object]:
    if not content.strip():
        return {}
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidDockerConfig(f"{member} is not valid JSON") from error
    auths = document
    if member == ".dockerconfigjson" and isinstance(document, dict):
        auths = document.get("auths")
    if auths is None:
        return {}
    if not isinstance(auths, dict):
        raise InvalidDockerConfig(f"{member} must be a JSON object with an object of registries")
    return auths


def _normal_key(key: str) -> str:
    url = key.removeprefix("https://").removeprefix("http://")
    # By hand: the standard library takes a glob class for an IPv6 address.
    authority, path = _AUTHORITY_AND_PATH.match(url).groups()  # type: ignore[union-attr]  # matches everything
    host, path = authority.rpartition("@")[2], unquote(path)
    if not _PORT.fullmatch(_split_port(host)[1]):
        # A password may stand before the host.
        shown = json.dumps(key.rpartition("@")[2])
        raise InvalidDockerConfig(f"entry {shown} in dockercfg invalid (invalid port)")
    if path.startswith(("/v1/", "/v2/")):
        path = path[3:]
    return host if path in ("", "/") else host + path


def _credentials(entry: object) -> Credentials:
    if entry is None:
        return Credentials()
    if not isinstance(entry, dict):
        raise InvalidDockerConfig("an entry of auths must be a JSON object")
    # Go's decoder takes member names in any case.
    lowered = {name.lower(): value for name, value in entry.items()}
    texts = {}
    for name in ("username", "password", "auth", "identitytoken", "registrytoken"):
        value = lowered.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidDockerConfig(f"member {name} of an entry of auths must be a string")
        texts[name] = value or ""
    username, password = texts["username"], texts["password"]
    if texts["auth"]:
        username, password = _user_and_password(texts["auth"])
    return Credentials(
        username=username,
        password=password,
        identity_token=texts["identitytoken"],
        registry_token=texts["registrytoken"],
    )


def _user_and_password(auth: str) -> tuple[str, str]:
    packed = auth.replace("\r", "").replace("\n", "").strip()
    padded = packed if packed.endswith("=") else packed + "=" * (-len(packed) % 4)
    try:
        text = base64.b64decode(padded.encode("ascii"), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidDockerConfig(MALFORMED) from error
    username, colon, password = text.partition(":")
    if not colon:
        raise InvalidDockerConfig(MALFORMED)
    return username, password


def _key_matches(key: str, registry: str, repository: str) -> bool:
    key_authority, slash, key_path = key.partition("/")
    key_host, key_port = _split_port(key_authority)
    host, port = _split_port(registry)
    labels, patterns = host.split("."), key_host.split(".")
    if key_port != port or len(labels) != len(patterns):
        return False
    if not f"/{repository}".startswith(slash + key_path):
        return False
    try:
        return all(glob_match(pattern, label) for pattern, label in zip(patterns, labels, strict=True))
    except BadPattern:
        return False


def _split_port(authority: str) -> tuple[str, str]:
    if authority.startswith("["):
        # A bracket opens an IPv6 address or a glob class; only the former closes before the port.
        host, _, port = authority.partition("]")
        if ":" in host:
            return host[1:], port.removeprefix(":")
    host, _, port = authority.partition(":")
    return host, port
