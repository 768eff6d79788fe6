"""Signs commits: OpenPGP with a ``git.asc``, or SSHSIG with an SSH ``identity``.

Source: image-automation-controller internal/source/git.go (getSigningEntity); OpenSSH PROTOCOL.sshsig;
git-commit(1) ``gpg.format``.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from tagstream.adapters.git.private_key import UnusableKey, paramiko_key, read_private_key
from tagstream.errors import RetryableError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from pysequoia import PySigner

    from tagstream.ports.git import SigningMaterial

NAMESPACE, HASH, VERSION = b"git", b"sha512", (1).to_bytes(4, "big")
# ssh-keygen breaks its armour here.
ARMOUR_COLUMNS = 70
Signer = Callable[[bytes], bytes]


def signer(material: SigningMaterial) -> Signer:
    """A function that signs with a secret's key; the key is tried at once, so a bad one is found before any fetch.

    Raises:
        RetryableError: SourceManagerFailed, naming the secret and the member, never what is in it.
    """
    make = _ssh_signer if material.type == "ssh" else _gpg_signer
    sign = make(material)
    sign(b"")
    return sign


def _gpg_signer(material: SigningMaterial) -> Signer:
    import pysequoia

    name, armoured = material.secret, material.data.get("git.asc", b"")
    if not armoured:
        raise _unusable(f"signing key secret '{name}' does not contain a 'git.asc' key")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            certificates = pysequoia.Cert.split_bytes(armoured)
            secret = [one for one in certificates if one.has_secret_keys]
    except Exception as error:
        # The library raises bare exceptions whose text may quote what it read.
        raise _unusable(f"could not read signing key secret '{name}': 'git.asc' is no armoured private key") from error
    if len(certificates) > 1:
        raise _unusable(f"multiple entities read from secret '{name}', could not determine which signing key to use")
    if not secret:
        raise _unusable(f"could not read signing key secret '{name}': 'git.asc' has no private key")
    key = _unlocked(armoured, material)
    return lambda content: bytes(pysequoia.sign(key, content, mode=pysequoia.SignatureMode.DETACHED))


def _unlocked(armoured: bytes, material: SigningMaterial) -> PySigner:
    import pysequoia

    passphrase = material.data.get("passphrase", b"").decode(errors="replace")
    private = pysequoia.Tsk.from_bytes(armoured)
    try:
        return private.signer()
    except Exception as error:
        encrypted = "encrypted" in str(error).partition("\n")[0]
        if not encrypted:
            raise _unusable(
                f"signing key secret '{material.secret}': 'git.asc' has no key that may sign: expired, revoked, or"
                " made for something else"
            ) from None
    if not passphrase:
        raise _unusable(
            "can not use passphrase protected signing key without 'passphrase' field present in secret"
            f" '{material.secret}'"
        )
    try:
        return private.signer(passphrase)
    except Exception:
        # Not chained: what a failed decryption says is of no use, and its text is the library's to choose.
        raise _unusable(f"'passphrase' in secret '{material.secret}' does not open 'git.asc'") from None


def _ssh_signer(material: SigningMaterial) -> Signer:
    key = paramiko_key(_ssh_key(material))
    algorithm = "rsa-sha2-512" if key.get_name() == "ssh-rsa" else None

    def sign(content: bytes) -> bytes:
        digest = hashlib.sha512(content).digest()
        message = b"SSHSIG" + b"".join(map(_string, (NAMESPACE, b"", HASH, digest)))
        signature = key.sign_ssh_data(message, algorithm).asbytes()
        parts = b"".join(map(_string, (key.asbytes(), NAMESPACE, b"", HASH, signature)))
        lines = textwrap.wrap(base64.b64encode(b"SSHSIG" + VERSION + parts).decode(), ARMOUR_COLUMNS)
        return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()

    return sign


def _ssh_key(material: SigningMaterial) -> PrivateKeyTypes:
    name, identity = material.secret, material.data.get("identity", b"")
    if not identity:
        raise _unusable(f"signing key secret '{name}' does not contain a 'identity' key")
    try:
        return read_private_key(identity, material.data.get("password", b""))
    except UnusableKey as error:
        said = {
            "unreadable": f"could not read signing key secret '{name}': 'identity' is no private key",
            "locked": "can not use passphrase protected signing key without 'password' field present in secret"
            f" '{name}'",
            "wrong passphrase": f"'password' in secret '{name}' does not open 'identity'",
        }
        raise _unusable(said.get(error.cause, f"signing key secret '{name}': {error.detail}")) from None


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _unusable(cause: str) -> RetryableError:
    return RetryableError(f"failed configuring source manager: {cause}", reason="SourceManagerFailed")
