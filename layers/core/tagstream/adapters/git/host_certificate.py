"""Host certificates, which a server shows in place of a bare key: whether the authority vouches for this host.

Source: OpenSSH PROTOCOL.certkeys; golang.org/x/crypto/ssh CertChecker, which Flux uses: its rules and its words.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gocompat.quote import quote

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import SSHCertificate

SUFFIX = "-cert-v01@openssh.com"
NO_END = 2**64 - 1
MAX_SIGNED_TIME = 2**63
MAX_SHOWN = 8
# OpenSSH's ssh-ca default too: an authority's signature over SHA-1 can be forged.
_WEAK_SIGNATURE = b"ssh-rsa"


class HostKeyRefused(Exception):
    """The server's key is not one that is known for it."""


@dataclass(frozen=True, slots=True)
class HostCertificate:
    """A certificate as it was shown; ``blob`` and ``authority``, the key that signed it, are wire forms."""

    blob: bytes
    authority: bytes
    _parsed: SSHCertificate

    def check(self, host: str, now_s: float) -> None:
        """Refuse a certificate that does not make its key this host's.

        Args:
            host: a name or an address, without its port.
            now_s: seconds since 1970.

        Raises:
            HostKeyRefused: in Go's words.
        """
        from cryptography.hazmat.primitives.serialization import SSHCertificateType

        one = self._parsed
        if one.type is not SSHCertificateType.HOST:
            raise HostKeyRefused(f"ssh: certificate presented as a host key has type {one.type.value}")
        # OpenSSH defines none for hosts.
        for option in one.critical_options:
            raise HostKeyRefused(f"ssh: unsupported critical option {_shown(option)} in certificate")
        names = [name.lower() for name in one.valid_principals]
        if names and host.lower().encode() not in names:
            valid = " ".join(_shown(name) for name in one.valid_principals[:MAX_SHOWN])
            raise HostKeyRefused(
                f"ssh: principal {_shown(host.encode())} not in the set of valid principals for given certificate:"
                f" [{valid}]"
            )
        if one.valid_after >= MAX_SIGNED_TIME or now_s < one.valid_after:
            raise HostKeyRefused("ssh: cert is not yet valid")
        if one.valid_before != NO_END and (now_s >= one.valid_before or one.valid_before >= MAX_SIGNED_TIME):
            raise HostKeyRefused("ssh: cert has expired")
        self._check_signature()

    def _check_signature(self) -> None:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

        _, _, signature = self.blob.rpartition(_string(self.authority))
        if signature[4:].startswith(_string(_WEAK_SIGNATURE)):
            raise HostKeyRefused("ssh: certificate is signed with SHA-1: sign it with rsa-sha2-512")
        try:
            self._parsed.verify_cert_signature()
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, NotImplementedError):
            raise HostKeyRefused("ssh: certificate signature does not verify") from None


def read_certificate(blob: bytes) -> HostCertificate:
    """Parse a certificate; nothing in it is verified yet.

    Raises:
        HostKeyRefused: it is not a certificate, or of an unknown kind.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        SSHCertificate,
        load_ssh_public_identity,
    )

    kind = blob[4 : 4 + int.from_bytes(blob[:4], "big")]
    try:
        found = load_ssh_public_identity(kind + b" " + base64.b64encode(blob))
        if not isinstance(found, SSHCertificate):
            raise HostKeyRefused("ssh: the server's certificate is damaged")
        authority = found.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except (ValueError, UnsupportedAlgorithm, NotImplementedError):
        raise HostKeyRefused("ssh: the server's certificate is damaged or of an unknown kind") from None
    return HostCertificate(blob, base64.b64decode(authority.split()[1]), found)


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _shown(text: bytes) -> str:
    return quote(text[:256].decode(errors="replace"))
