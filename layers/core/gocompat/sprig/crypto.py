"""sprig's functions of passwords, ciphers, keys and certificates.

In: text. Out: text, or a certificate with its key.

Source: sprig crypto.go v3.3.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from collections.abc import Mapping

from gocompat.entropy import random_block
from gocompat.sprig import certificates
from gocompat.sprig.certificates import Names
from gocompat.sprig.digests import base64_decoded
from gocompat.sprig.password_table import CHARACTERS, TEMPLATES
from gocompat.template.bounds import check_size
from gocompat.template.faults import CallError
from gocompat.template.signature import CERTIFICATE, function
from gocompat.template.values import INT, LIST, STRING, Function, GoSlice, GoStruct, from_bytes, raw

_SEED = b"com.lyndir.masterpassword"
_BCRYPT_LIMIT = 72
_BLOCK = 16


def bcrypt_hash(text: str) -> str:
    """``bcrypt``, cost 10."""
    data = raw(text)
    if len(data) > _BCRYPT_LIMIT:
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
    import bcrypt

    return bcrypt.hashpw(data, bcrypt.gensalt(10, b"2a")).decode()


def htpasswd(user: str, password: str) -> str:
    """``htpasswd``"""
    return f"invalid username: {user}" if ":" in user else f"{user}:{bcrypt_hash(password)}"


def derive_password(counter: int, kind: str, *names: str) -> str:
    """``derivePassword``: Master Password's algorithm.

    Args:
        counter: which one of a site.
        kind: maximum, long, medium, short, basic or pin.
        names: the password, the user and the site.
    """
    if kind not in TEMPLATES:
        return f"cannot find password template {kind}"
    password, user, site = (raw(one) for one in names)
    salt = _SEED + struct.pack(">I", len(user)) + user
    key = hashlib.scrypt(password, salt=salt, n=32768, r=8, p=2, dklen=64, maxmem=64 * 2**20)
    message = _SEED + struct.pack(">I", len(site)) + site + struct.pack(">I", counter % 2**32)
    seed = hmac.new(key, message, "sha256").digest()
    template = TEMPLATES[kind][seed[0] % len(TEMPLATES[kind])]
    return "".join(CHARACTERS[one][seed[index + 1] % len(CHARACTERS[one])] for index, one in enumerate(template))


def _cipher_key(password: str) -> bytes:
    return raw(password)[:32].ljust(32, b"\0")


def encrypt(password: str, text: str) -> str:
    """``encryptAES``: AES-256-CBC, the vector before the text, in base64."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if not text:
        return ""
    data, start = raw(text), random_block()
    missing = _BLOCK - len(data) % _BLOCK
    run = Cipher(algorithms.AES(_cipher_key(password)), modes.CBC(start)).encryptor()
    return base64.b64encode(start + run.update(data + bytes([missing]) * missing) + run.finalize()).decode()


def decrypt(password: str, text: str) -> str:
    """``decryptAES``"""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if not text:
        return ""
    decoded = base64_decoded(text)
    if decoded.startswith("illegal base64 data"):
        raise CallError(decoded)
    data = raw(decoded)
    room = len(text) // 4 * 3
    if room < _BLOCK:
        raise CallError(f"runtime error: slice bounds out of range [:{_BLOCK}] with capacity {room}")
    if len(data) < 2 * _BLOCK or len(data) % _BLOCK:
        raise CallError("crypto/cipher: input not full blocks")
    run = Cipher(algorithms.AES(_cipher_key(password)), modes.CBC(data[:_BLOCK])).decryptor()
    plain = run.update(data[_BLOCK:]) + run.finalize()
    if plain[-1] > len(plain):
        raise CallError(f"runtime error: slice bounds out of range [:{len(plain) - plain[-1]}]")
    return from_bytes(plain[: len(plain) - plain[-1]])


def private_key(kind: str) -> str:
    """``genPrivateKey``: rsa (4096 bits), dsa, ecdsa or ed25519."""
    key = certificates.new_key(kind, 4096)
    return f"Unknown type {kind}" if key is None else certificates.key_text(key)


def _pair(cert: str, key: str) -> GoStruct:
    return GoStruct(go_type=CERTIFICATE, fields=(("Cert", cert), ("Key", key)))


def custom(cert: str, key: str) -> GoStruct:
    """``buildCustomCert``: both in base64, checked."""
    shown = [base64_decoded(one) for one in (cert, key)]
    for text, what in zip(shown, ("certificate", "private key"), strict=True):
        if text.startswith("illegal base64 data"):
            raise CallError(f"unable to decode base64 {what}")
    certificates.read_certificate(shown[0])
    _read_key(shown[1], "error parsing private key: ")
    return _pair(shown[0], shown[1])


def _read_key(text: str, before: str = "parsing private key: ") -> object:
    try:
        return certificates.read_key(text)
    except CallError as error:
        raise CallError(f"{before}{error}") from error


def _key_of(texts: tuple[str, ...]) -> object:
    return _read_key(texts[0]) if texts else certificates.new_key()


def authority(name: str, days: int, *key_text: str) -> GoStruct:
    """``genCA`` and ``genCAWithKey``"""
    key = _key_of(key_text)
    text = certificates.make_certificate(Names(common_name=name, days=days), key, authority=True)
    return _pair(text, certificates.key_text(key))


def _names(name: str, addresses: GoSlice, dns_names: GoSlice, days: int) -> Names:
    check_size(len(addresses.items) + len(dns_names.items), "elements")
    return Names(common_name=name, addresses=addresses.items, dns_names=dns_names.items, days=days)


def self_signed(name: str, addresses: GoSlice, dns_names: GoSlice, days: int, *key_text: str) -> GoStruct:
    """``genSelfSignedCert`` and ``genSelfSignedCertWithKey``"""
    key = _key_of(key_text)
    text = certificates.make_certificate(_names(name, addresses, dns_names, days), key)
    return _pair(text, certificates.key_text(key))


def signed(name: str, addresses: GoSlice, dns_names: GoSlice, days: int, *issuer: GoStruct | str) -> GoStruct:
    """``genSignedCert`` and ``genSignedCertWithKey``: the issuing pair, and perhaps a key."""
    key = _key_of(tuple(one for one in issuer[1:] if isinstance(one, str)))
    pair = dict(issuer[0].fields) if isinstance(issuer[0], GoStruct) else {}
    signer = (
        certificates.read_certificate(pair.get("Cert", "")),
        _read_key(pair.get("Key", ""), "error parsing private key: "),
    )
    text = certificates.make_certificate(_names(name, addresses, dns_names, days), key, signer)
    return _pair(text, certificates.key_text(key))


_SIGNED = (STRING, LIST, LIST, INT)
# What a call costs in steps: by the time it takes, a few dozen are all that a template gets.
_HASHED, _DERIVED, _CERTIFIED, _GENERATED = 25_000, 150_000, 50_000, 200_000

FUNCTIONS: Mapping[str, Function] = {
    "bcrypt": function("string", bcrypt_hash, _HASHED),
    "htpasswd": function("string, string", htpasswd, _HASHED),
    "derivePassword": function("uint32, string, string, string, string", derive_password, _DERIVED),
    "encryptAES": function("string, string", encrypt),
    "decryptAES": function("string, string", decrypt),
    "genPrivateKey": function("string", private_key, _GENERATED),
    "buildCustomCert": function("string, string", custom, _CERTIFIED // 10),
    "genCA": function("string, int", authority, _CERTIFIED),
    "genCAWithKey": function("string, int, string", authority, _CERTIFIED),
    "genSelfSignedCert": Function(_SIGNED, self_signed, cost=_CERTIFIED),
    "genSelfSignedCertWithKey": Function((*_SIGNED, STRING), self_signed, cost=_CERTIFIED),
    "genSignedCert": Function((*_SIGNED, CERTIFICATE), signed, cost=_CERTIFIED),
    "genSignedCertWithKey": Function((*_SIGNED, CERTIFICATE, STRING), signed, cost=_CERTIFIED),
}
