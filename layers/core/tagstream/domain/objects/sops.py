"""Objects that SOPS has encrypted: what they hold are no values yet, and must not be stored as such.

Source: SOPS's file format (a top-level ``sops`` member, values ``ENC[AES256_GCM,data:…]``).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping

ENCRYPTED = "ENC["
_CIPHER = b"ENC[AES256_GCM,"
HOW = "encrypted with SOPS, and tagstream has no key: apply it with sops --decrypt FILE | tagstream apply -f -"


def encrypted_members(document: Mapping[str, object]) -> tuple[str, ...]:
    """The paths of the encrypted values of a document, and ``sops`` where it has that member; empty for all others.

    Args:
        document: any object. Values of ``data`` are looked at decoded too: kustomize encodes encrypted files.
    """
    own = ("sops",) if "sops" in document else ()
    paths = (path for name, value in document.items() if name != "sops" for path in _encrypted(value, name))
    return (*own, *paths)


def _encrypted(value: object, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if value.lstrip().startswith(ENCRYPTED) or (path.startswith("data.") and _CIPHER in _decoded(value)):
            yield path
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from _encrypted(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _encrypted(member, f"{path}[{index}]")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
