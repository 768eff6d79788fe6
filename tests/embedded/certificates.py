"""A certificate authority for tests, with server and client certificates for loopback addresses."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Holder = tuple[x509.Name, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The certificate of a CA, with one server and one client certificate that it has issued."""

    ca: bytes
    server: Pair
    client: Pair


@cache
def authority(name: str = "tagstream test CA", intermediate: bool = False, rfc_5280: bool = True) -> Authority:
    """Return a CA; the same arguments give the same CA within a process.

    Args:
        name: the name of the CA. CAs with different names do not trust each other.
        intermediate: whether the CA is an intermediate one, whose root certificate is not part of any bundle.
        rfc_5280: whether certificates have the key identifiers and key usages that RFC 5280 asks for; old CAs leave
            them out.
    """
    own = ec.generate_private_key(ec.SECP256R1())
    issuer, issuer_key = _subject(name), ec.generate_private_key(ec.SECP256R1()) if intermediate else own
    ca = _sign((issuer, own), (_subject("lost root") if intermediate else issuer, issuer_key), _ca_usage(), rfc_5280)
    pairs = {}
    for role, usage in (("server", ExtendedKeyUsageOID.SERVER_AUTH), ("client", ExtendedKeyUsageOID.CLIENT_AUTH)):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign((_subject(role), key), (issuer, own), (x509.ExtendedKeyUsage([usage]),), rfc_5280)
        pairs[role] = Pair(certificate=certificate.public_bytes(serialization.Encoding.PEM), key=_pem(key))
    return Authority(ca=ca.public_bytes(serialization.Encoding.PEM), **pairs)


@cache
def token_signer() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """Return the RSA key of a token server and its self-signed certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = _subject("token signer")
    return key, _sign((subject, key), (subject, key), _ca_usage())


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _ca_usage() -> tuple[x509.ExtensionType, ...]:
    usages = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True, "digital_signature": True}
    return (x509.BasicConstraints(ca=True, path_length=None), x509.KeyUsage(**usages))


def _sign(
    subject: Holder, issuer: Holder, usage: tuple[x509.ExtensionType, ...], rfc_5280: bool = True
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject[0])
        .issuer_name(issuer[0])
        .public_key(subject[1].public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    for extension in usage if rfc_5280 else usage[:1]:
        builder = builder.add_extension(extension, critical=True)
    if rfc_5280:
        issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
        own_id = x509.SubjectKeyIdentifier.from_public_key(subject[1].public_key())
        builder = builder.add_extension(own_id, critical=False).add_extension(issuer_id, critical=False)
    return builder.sign(issuer[1], hashes.SHA256())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
