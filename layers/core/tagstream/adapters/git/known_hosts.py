"""OpenSSH's ``known_hosts``: which host keys and which certificates a server may show.

paramiko's reader knows neither patterns nor ``@revoked`` nor ``@cert-authority``.

Source: sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT"; golang.org/x/crypto/ssh/knownhosts, which Flux uses: its matching and its
words.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tagstream.adapters.git.host_certificate import HostCertificate, HostKeyRefused

DEFAULT_PORT = 22
MAX_BYTES = 1_048_576
# An RSA key signs with any of these; servers of today refuse the last.
RSA_ALGORITHMS = ("rsa-sha2-512", "rsa-sha2-256")
_HASHED = re.compile(r"\|1\|([A-Za-z0-9+/=]+)\|([A-Za-z0-9+/=]+)")
_BRACKETED = re.compile(r"(!?)\[([^\]]+)\]:([0-9]+)")

Marker = Literal["", "@revoked", "@cert-authority"]


class InvalidKnownHosts(ValueError):
    """A line that cannot be read; the message names its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The key that a server showed, in its wire form, with the certificate for it if there is one, and when."""

    key: bytes
    certificate: HostCertificate | None = None
    now_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One entry; ``key`` is the public key's wire form."""

    marker: Marker
    hosts: str
    kind: str
    key: bytes


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """A parsed file."""

    lines: tuple[_Line, ...]

    def algorithms(self, host: str, port: int) -> tuple[str, ...]:
        """Host key algorithms to negotiate: those of the keys known for this very host, in the file's order.

        Flux offers the types of all lines, so a server may answer with a key that turns out to be unknown.

        Args:
            host: a name or an address, without brackets.
            port: TCP.
        """
        kinds = (one.kind for one in self._of(host, port) if not one.marker)
        offered = (RSA_ALGORITHMS if kind == "ssh-rsa" else (kind,) for kind in kinds)
        return tuple(dict.fromkeys(one for group in offered for one in group))

    def has_authority(self, host: str, port: int) -> bool:
        """Whether certificates of this host can be believed: a ``@cert-authority`` is known for it.

        Args:
            host: as above.
            port: as above.
        """
        return bool(self._authorities(host, port))

    def check(self, host: str, port: int, shown: Shown) -> None:
        """Refuse a key that is not known for a host.

        A certificate of an authority that is known here decides; one of another counts as the bare key it is for.

        Args:
            host: as above.
            port: as above.
            shown: by the server, which has proved that it holds the key.

        Raises:
            HostKeyRefused: ``knownhosts: key is unknown``, ``… key mismatch`` or ``… key is revoked``, or why the
                certificate does not count.
        """
        certificate, authorities = shown.certificate, self._authorities(host, port)
        parts = {shown.key, *((certificate.blob, certificate.authority) if certificate else ())}
        if any(one.marker == "@revoked" and one.key in parts for one in self.lines):
            raise HostKeyRefused("knownhosts: key is revoked")
        if certificate and certificate.authority in authorities:
            certificate.check(host, shown.now_s)
            return
        known = [one for one in self._of(host, port) if not one.marker]
        if any(one.key == shown.key for one in known):
            return
        if known:
            raise HostKeyRefused("knownhosts: key mismatch")
        if certificate:
            raise HostKeyRefused(f"ssh: no authorities for hostname: {host}:{port}")
        hint = ": the server shows no certificate of a @cert-authority" if authorities else ""
        raise HostKeyRefused(f"knownhosts: key is unknown{hint}")

    def _authorities(self, host: str, port: int) -> set[bytes]:
        return {one.key for one in self._of(host, port) if one.marker == "@cert-authority"}

    def _of(self, host: str, port: int) -> Iterator[_Line]:
        return (one for one in self.lines if one.marker != "@revoked" and _matches(one.hosts, host.lower(), port))


def parse_known_hosts(source: bytes) -> KnownHosts:
    """Read a file.

    Args:
        source: at most 1 MiB.

    Raises:
        InvalidKnownHosts: ``knownhosts: line 3: …``; no line's text is repeated.
    """
    if len(source) > MAX_BYTES:
        raise InvalidKnownHosts(f"knownhosts: more than {MAX_BYTES} bytes")
    found = []
    for number, raw in enumerate(source.split(b"\n"), start=1):
        text = raw.decode(errors="replace").strip()
        if text and not text.startswith("#"):
            found.append(_line(text.split(), number))
    return KnownHosts(tuple(found))


def _line(words: list[str], number: int) -> _Line:
    marker: Marker = ""
    if words[0].startswith("@"):
        if words[0] not in ("@revoked", "@cert-authority"):
            raise InvalidKnownHosts(f"knownhosts: line {number}: unknown marker")
        marker, words = "@revoked" if words[0] == "@revoked" else "@cert-authority", words[1:]
    if len(words) < 3:
        raise InvalidKnownHosts(f"knownhosts: line {number}: expected hosts, a key type and a key")
    hosts, kind, text = words[:3]
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidKnownHosts(f"knownhosts: line {number}: the key is not base64") from None
    length = int.from_bytes(key[:4], "big")
    if key[4 : 4 + length] != kind.encode(errors="replace"):
        raise InvalidKnownHosts(f"knownhosts: line {number}: the key is not of the type in front of it")
    if hosts.startswith("|") and not _HASHED.fullmatch(hosts):
        raise InvalidKnownHosts(f"knownhosts: line {number}: not a hashed host name")
    return _Line(marker=marker, hosts=hosts, kind=kind, key=key)


def _matches(hosts: str, host: str, port: int) -> bool:
    hashed = _HASHED.fullmatch(hosts)
    if hashed:
        return _is_hash_of(hashed, host if port == DEFAULT_PORT else f"[{host}]:{port}")
    admitted = False
    for pattern in hosts.lower().split(","):
        if _is_match(pattern.removeprefix("!"), host, port):
            if pattern.startswith("!"):
                return False
            admitted = True
    return admitted


def _is_match(pattern: str, host: str, port: int) -> bool:
    bracketed = _BRACKETED.fullmatch(pattern)
    name, wanted = (bracketed[2], bracketed[3]) if bracketed else (pattern, str(DEFAULT_PORT))
    # Only * and ? are special: a bracket begins no character class.
    return wanted == str(port) and fnmatch.fnmatchcase(host, name.replace("[", "[[]"))


def _is_hash_of(hashed: re.Match[str], name: str) -> bool:
    try:
        salt, digest = base64.b64decode(hashed[1]), base64.b64decode(hashed[2])
    except binascii.Error:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
