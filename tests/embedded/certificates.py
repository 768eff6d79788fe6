"""A certificate authority for tests: server and client certificates for loopback.

In: nothing. Out: PEM bytes, valid for a day.
"""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A CA's certificate with one server and one client certificate of it."""

    ca: bytes
    server: Pair
    client: Pair


@cache
def authority(name: str = "tagstream test CA") -> Authority:
    """One per process and name; two names are two CAs that do not trust each other."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(name)
    ca = _sign(subject, key, subject, key, x509.BasicConstraints(ca=True, path_length=None))
    pairs = {}
    for role, usage in (("server", ExtendedKeyUsageOID.SERVER_AUTH), ("client", ExtendedKeyUsageOID.CLIENT_AUTH)):
        own = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(_subject(role), own, subject, key, x509.ExtendedKeyUsage([usage]))
        pairs[role] = Pair(certificate=certificate.public_bytes(serialization.Encoding.PEM), key=_pem(own))
    return Authority(ca=ca.public_bytes(serialization.Encoding.PEM), **pairs)


@cache
def token_signer() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """The RSA key of a token server and its self-signed certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = _subject("token signer")
    return key, _sign(subject, key, subject, key, x509.BasicConstraints(ca=True, path_length=None))


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _sign(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(extension, critical=True)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
