"""Private keys and certificates as sprig makes them.

In: names, days, PEM. Out: PEM. The library is loaded only when a template asks for one of these.

Source: sprig crypto.go v3.3.0 (genPrivateKey, genCA, genSelfSignedCert, genSignedCert).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gocompat.template.faults import CallError
from gocompat.template.printf import show
from gocompat.template.values import Value, raw

_RSA_BITS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Whom a certificate is for, and for how many days."""

    common_name: str
    addresses: Sequence[Value] = ()
    dns_names: Sequence[Value] = ()
    days: int = 0


def new_key(kind: str = "rsa", bits: int = _RSA_BITS) -> Any:
    """A private key; None for a kind that sprig does not know."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

    if kind in ("", "rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    if kind == "dsa":
        return dsa.generate_private_key(key_size=2048)
    if kind == "ecdsa":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else None


def key_text(key: Any) -> str:
    """PEM in Go's form: PKCS#1, SEC 1, and PKCS#8 for Ed25519."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    modern = isinstance(key, Ed25519PrivateKey)
    form = serialization.PrivateFormat.PKCS8 if modern else serialization.PrivateFormat.TraditionalOpenSSL
    text: bytes = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return text.decode()


def read_key(text: str) -> Any:
    """A private key from PEM.

    Raises:
        CallError: what is wrong with it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if "-----BEGIN " not in text:
        raise CallError("no PEM data in input")
    try:
        return load_pem_private_key(raw(text), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CallError("private key cannot be read") from error


def read_certificate(text: str) -> Any:
    """A certificate from PEM.

    Raises:
        CallError: what is wrong with it.
    """
    from cryptography import x509

    if "-----BEGIN " not in text:
        raise CallError("unable to decode certificate")
    try:
        return x509.load_pem_x509_certificate(raw(text))
    except ValueError as error:
        raise CallError("error parsing certificate: it cannot be read") from error


def make_certificate(names: Names, key: Any, signer: tuple[Any, Any] | None = None, *, authority: bool = False) -> str:
    """A certificate in PEM.

    Args:
        names: whom it is for.
        key: the private key of its owner.
        signer: an issuing certificate with its key; None signs with the owner's.
        authority: whether it may sign others.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import dsa, ed25519
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    if isinstance(key, dsa.DSAPrivateKey):
        raise CallError("error creating certificate: x509: unsupported public key type: *dsa.PublicKey")
    alternatives = _alternatives(names)
    try:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names.common_name)])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(signer[0].subject if signer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=names.days))
            .add_extension(_usage(authority), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False
            )
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        signing = signer[1] if signer else key
        algorithm = None if isinstance(signing, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        return builder.sign(signing, algorithm).public_bytes(Encoding.PEM).decode()
    except (ValueError, TypeError, OverflowError) as error:
        raise CallError(f"error creating certificate: {error}") from error


def _usage(authority: bool) -> Any:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(names: Names) -> list[Any]:
    from cryptography import x509

    found: list[Any] = []
    for name in names.dns_names:
        if not isinstance(name, str):
            raise CallError(f"error processing alternate dns name: {show(name)} is not a string")
        try:
            found.append(x509.DNSName(name))
        except ValueError as error:
            raise CallError(f"error creating certificate: {error}") from error
    for address in names.addresses:
        if not isinstance(address, str):
            raise CallError(f"error parsing ip: {show(address)} is not a string")
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(address)))
        except ValueError as error:
            raise CallError(f"error parsing ip: {address}") from error
    return found
