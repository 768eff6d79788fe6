"""A signature as a registry keeps it, before anybody has checked it.

Nothing here is proven: a reader of these values must check the signature with a key, and the digest with the image.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass


class UnreadableSignature(ValueError):
    """A signature, or what is around it, is not what its specification says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Bytes and their signature.

    Attributes:
        message: what was signed.
        signature: as the key made it (for ECDSA in ASN.1).
        digests: of the manifests for which the message speaks, each ``sha256:…``.
    """

    message: bytes
    signature: bytes
    digests: frozenset[str]


def decode_base64(text: object) -> bytes:
    """The bytes of a base64 text, with the standard alphabet.

    Raises:
        UnreadableSignature: it is none.
    """
    if not isinstance(text, str):
        raise UnreadableSignature("base64 is missing")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableSignature("base64 is malformed") from None


def read_json_object(content: bytes) -> Mapping[str, object]:
    """A JSON object.

    Raises:
        UnreadableSignature: it is none.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise UnreadableSignature("it is no JSON") from None
    if not isinstance(found, dict):
        raise UnreadableSignature("it is no JSON object")
    return found


def member(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    """An object inside an object; an empty one if it is missing or something else."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def elements(document: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """The objects of a list inside an object; none if it is missing or something else."""
    found = document.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
