"""Private keys of secrets, for signing and for SSH, in every form that OpenSSH and OpenSSL write.

No error may hold a byte of a key.

Source: golang.org/x/crypto/ssh ParsePrivateKey, which Flux reads them with.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

MIN_RSA_BITS = 2048


class UnusableKey(ValueError):
    """``cause`` is ``unreadable``, ``locked`` (a passphrase is missing), ``wrong passphrase`` or ``unsupported``."""

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(cause)
        self.cause, self.detail = cause, detail


def read_private_key(identity: bytes, passphrase: bytes) -> PrivateKeyTypes:
    """An Ed25519, ECDSA or RSA key.

    Args:
        identity: OpenSSH's own form, or PEM (PKCS#1, PKCS#8, SEC 1).
        passphrase: used only when the key needs one.

    Raises:
        UnusableKey: with its cause.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    key = _loaded(identity, passphrase)
    if isinstance(key, RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise UnusableKey("unsupported", f"the RSA key has {key.key_size} bits, {MIN_RSA_BITS} are needed")
        return key
    curve = isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1 | SECP384R1 | SECP521R1)
    if not isinstance(key, Ed25519PrivateKey) and not curve:
        raise UnusableKey("unsupported", "it must be an Ed25519, ECDSA or RSA key")
    return key


def _loaded(identity: bytes, passphrase: bytes) -> PrivateKeyTypes:
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in identity else load_pem_private_key
    try:
        return load(identity, None)
    except TypeError:
        # Encrypted: the only case in which it is the passphrase that is missing.
        if not passphrase:
            raise UnusableKey("locked") from None
    except (ValueError, UnsupportedAlgorithm, InternalError):
        # OpenSSL has no words for some damaged keys, which is an internal error to cryptography.
        raise UnusableKey("unreadable") from None
    try:
        return load(identity, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError):
        raise UnusableKey("wrong passphrase") from None


def paramiko_key(key: PrivateKeyTypes) -> paramiko.PKey:
    """The same key as paramiko wants it, which logs in and signs with it."""
    import paramiko
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    is_curve = isinstance(key, EllipticCurvePrivateKey)
    kind = paramiko.ECDSAKey if is_curve else paramiko.RSAKey if isinstance(key, RSAPrivateKey) else paramiko.Ed25519Key
    made: paramiko.PKey = kind.from_private_key(io.StringIO(text))
    return made
