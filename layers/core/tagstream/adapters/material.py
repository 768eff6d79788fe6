"""Checks keys and certificates with the very readers that the connections use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tagstream.adapters.git.known_hosts import InvalidKnownHosts, parse_known_hosts
from tagstream.adapters.git.private_key import UnusableKey, read_private_key
from tagstream.ports.material import InvalidMaterial

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_KEY_FAULTS = {
    "unreadable": "it is not a private key in OpenSSH or PEM form",
    "locked": "it is protected by a passphrase, and none was given",
    "wrong passphrase": "the passphrase does not open it",
}


class CryptographyChecks:
    """The MaterialChecks port."""

    def private_key(self, identity: bytes, passphrase: bytes) -> None:
        """Check an SSH private key and its passphrase."""
        try:
            read_private_key(identity, passphrase)
        except UnusableKey as error:
            raise InvalidMaterial(error.detail or _KEY_FAULTS[error.cause]) from error

    def known_hosts(self, source: bytes, host: str, port: int) -> None:
        """Check a ``known_hosts`` file, and that it has a key or an authority for a host."""
        try:
            known = parse_known_hosts(source)
        except InvalidKnownHosts as error:
            raise InvalidMaterial(str(error)) from error
        if not known.lines:
            raise InvalidMaterial("it holds no host key")
        if not known.algorithms(host, port) and not known.has_authority(host, port):
            raise InvalidMaterial(f"it holds no key for {host if port == 22 else f'[{host}]:{port}'}")

    def certificates(self, authority: bytes, certificate: bytes, key: bytes) -> None:
        """Check PEM certificates, and that the key belongs to the client certificate."""
        if authority:
            _certificates("ca.crt", authority)
        if not certificate and not key:
            return
        from cryptography.exceptions import InternalError, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

        own = _certificates("tls.crt", certificate)[0]
        try:
            loaded = load_pem_private_key(key, None)
        except TypeError as error:
            raise InvalidMaterial("tls.key is protected by a passphrase, which TLS clients cannot be given") from error
        except (ValueError, UnsupportedAlgorithm, InternalError) as error:
            raise InvalidMaterial("tls.key is not a private key in PEM form") from error
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        try:
            certified = own.public_key().public_bytes(*form)
        except (ValueError, UnsupportedAlgorithm, InternalError) as error:
            raise InvalidMaterial("tls.crt is a certificate whose public key cannot be read") from error
        if loaded.public_key().public_bytes(*form) != certified:
            raise InvalidMaterial("tls.key is not the key of the certificate in tls.crt")


def _certificates(member: str, pem: bytes) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        raise InvalidMaterial(f"{member} is not a certificate in PEM form") from error
