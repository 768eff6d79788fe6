"""Keys of a secret: which are taken, what they verify, and what is refused without showing a byte of it."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tagstream.adapters.public_keys import read_public_keys
from tagstream.ports.material import InvalidMaterial

MESSAGE = b"payload"
RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
P521 = ec.generate_private_key(ec.SECP521R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
AnyKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey


def pem(key: AnyKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        (RSA, RSA.sign(MESSAGE, PKCS1v15(), SHA256())),
        (P256, P256.sign(MESSAGE, ec.ECDSA(SHA256()))),
        (P521, P521.sign(MESSAGE, ec.ECDSA(SHA256()))),
        (P521, P521.sign(MESSAGE, ec.ECDSA(SHA512()))),
        (ED25519, ED25519.sign(MESSAGE)),
    ],
    ids=["rsa", "p256", "p521", "p521-sha512", "ed25519"],
)
def test_a_key_knows_its_own_signature_of_this_message_only(key: AnyKey, signature: bytes) -> None:
    keys = read_public_keys({"a.pub": pem(key)})
    assert keys.have_signed(MESSAGE, signature)
    assert not keys.have_signed(MESSAGE + b".", signature)
    assert not keys.have_signed(MESSAGE, signature[:-1])
    assert not keys.have_signed(MESSAGE, b"")


def test_a_hash_that_cosign_does_not_use_with_a_curve_does_not_count() -> None:
    signature = P256.sign(MESSAGE, ec.ECDSA(SHA384()))
    assert not read_public_keys({"a.pub": pem(P256)}).have_signed(MESSAGE, signature)


def test_one_of_several_keys_is_enough() -> None:
    keys = read_public_keys({"a.pub": pem(RSA), "b.pub": pem(P256), "note": b"not read"})
    assert keys.have_signed(MESSAGE, P256.sign(MESSAGE, ec.ECDSA(SHA256())))


def test_the_identity_is_that_of_the_set_whatever_the_members_are_called() -> None:
    one = read_public_keys({"a.pub": pem(RSA), "b.pub": pem(P256)})
    same = read_public_keys({"x.pub": pem(P256), "y.pub": pem(RSA), "z.pub": pem(RSA) + b"\n"})
    assert one.identity == same.identity
    assert one.identity != read_public_keys({"a.pub": pem(RSA)}).identity


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "no member ends in '.pub'"),
        ({"cosign.key": b"x"}, "no member ends in '.pub'"),
        ({"a.pub": b""}, "'a.pub' is no public key in PEM form"),
        ({"a.pub": b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}, "'a.pub' is no public key in PEM"),
        ({"a.pub": pem(rsa.generate_private_key(65537, 1024))}, "'a.pub' has 1024 bits, an RSA key must have 2048"),
        ({"a.pub": pem(ec.generate_private_key(ec.SECP256K1()))}, "'a.pub' must be an ECDSA key of P-256, P-384"),
        ({"a.pub": pem(dsa.generate_private_key(2048))}, "'a.pub' must be an ECDSA key of P-256, P-384"),
        ({"good.pub": pem(RSA), "bad.pub": b"x"}, "'bad.pub' is no public key"),
    ],
    ids=range(8),
)
def test_what_is_no_key_is_refused_by_the_name_of_its_member(members: dict[str, bytes], words: str) -> None:
    with pytest.raises(InvalidMaterial, match=words):
        read_public_keys(members)


@pytest.mark.parametrize("name", ["a.pub", "cosign.key"])
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_private_key_is_refused_in_any_member_and_not_shown(name: str, form: PrivateFormat) -> None:
    private = P256.private_bytes(Encoding.PEM, form, NoEncryption())
    with pytest.raises(InvalidMaterial, match=f"'{name}' is a private key, which must not be here") as caught:
        read_public_keys({"z.pub": pem(RSA), name: private})
    assert private.splitlines()[1].decode() not in str(caught.value)
