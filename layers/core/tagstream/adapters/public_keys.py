"""Public keys of a secret, and signatures that are checked with them, as cosign makes both.

No error may hold a byte of a key.

Source: fluxcd source-controller OCIRepository spec.verify.secretRef (members that end in ``.pub``); sigstore/sigstore
pkg/signature (LoadVerifier).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagstream.ports.material import InvalidMaterial

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

SUFFIX = ".pub"
MIN_RSA_BITS = 2048
Check = Callable[[bytes, bytes], None]
"""(signature, message); it raises InvalidSignature."""


@dataclass(frozen=True, slots=True)
class CheckedKeys:
    """The PublicKeys port; ``checks`` are tried one after the other."""

    identity: str
    checks: tuple[Check, ...]

    def have_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether one of the keys made a signature of a message."""
        from cryptography.exceptions import InvalidSignature

        for check in self.checks:
            try:
                check(signature, message)
            except InvalidSignature:
                continue
            return True
        return False


def read_public_keys(members: Mapping[str, bytes]) -> CheckedKeys:
    """The keys of the members that end in ``.pub``.

    Args:
        members: of a secret.

    Raises:
        InvalidMaterial: there is no such member, one is no public key or of an unsupported kind, or any member is a
            private key.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    for name, content in sorted(members.items()):
        if b"PRIVATE KEY-----" in content:
            raise InvalidMaterial(f"'{name}' is a private key, which must not be here: keep the public key only")
    keys = {name: _public_key(name, content) for name, content in sorted(members.items()) if name.endswith(SUFFIX)}
    if not keys:
        raise InvalidMaterial(f"no member ends in '{SUFFIX}'")
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    encoded = sorted({key.public_bytes(*form) for key in keys.values()})
    identity = hashlib.sha256(b"".join(hashlib.sha256(one).digest() for one in encoded)).hexdigest()
    checks = tuple(check for name, key in keys.items() for check in _checks(name, key))
    return CheckedKeys(identity=identity, checks=checks)


def _public_key(name: str, content: bytes) -> PublicKeyTypes:
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm, InternalError):
        raise InvalidMaterial(f"'{name}' is no public key in PEM form") from None


def _checks(name: str, key: PublicKeyTypes) -> tuple[Check, ...]:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

    if isinstance(key, Ed25519PublicKey):
        # Cosign signed the payload itself, and since 2.5 signs its hash.
        return (lambda signature, message: _check_ed25519ph(key.public_bytes_raw(), signature, message), key.verify)
    if isinstance(key, RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise InvalidMaterial(f"'{name}' has {key.key_size} bits, an RSA key must have {MIN_RSA_BITS}")
        return (lambda signature, message: key.verify(signature, message, PKCS1v15(), SHA256()),)
    # Cosign hashes with SHA-256 for every curve, its newer versions with the hash that belongs to the curve.
    curves = {"secp256r1": (SHA256(),), "secp384r1": (SHA384(), SHA256()), "secp521r1": (SHA512(), SHA256())}
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name in curves:
        hashes = [ECDSA(one) for one in curves[key.curve.name]]
        return tuple(lambda signature, message, by=one: key.verify(signature, message, by) for one in hashes)
    raise InvalidMaterial(f"'{name}' must be an ECDSA key of P-256, P-384 or P-521, an RSA key, or an Ed25519 key")


def _check_ed25519ph(key: bytes, signature: bytes, message: bytes) -> None:
    """Check an Ed25519ph signature (RFC 8032), which cryptography does not know."""
    from cryptography.exceptions import InvalidSignature
    from nacl.bindings import (
        crypto_sign_ed25519ph_final_verify,
        crypto_sign_ed25519ph_state,
        crypto_sign_ed25519ph_update,
    )
    from nacl.exceptions import CryptoError

    state = crypto_sign_ed25519ph_state()
    try:
        crypto_sign_ed25519ph_update(state, message)
        crypto_sign_ed25519ph_final_verify(state, signature, key)
    except (CryptoError, TypeError, ValueError) as error:
        raise InvalidSignature from error
