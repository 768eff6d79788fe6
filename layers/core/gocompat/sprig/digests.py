"""sprig's checksums, base64 and base32.

Source: sprig crypto.go (sha1sum …), strings.go (base64encode …), Go encoding/base32, encoding/base64.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping

from gocompat.template.signature import function
from gocompat.template.values import Function, from_bytes, raw

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_NEWLINES = b"\r\n"
_PADDING = ord("=")


def base64_decoded(text: str) -> str:
    """The decoded text; or as in sprig, Go's error as the result."""
    data = raw(text)
    wrong = _base64_mistake(data)
    return from_bytes(base64.b64decode(data)) if wrong is None else f"illegal base64 data at input byte {wrong}"


def _base64_mistake(data: bytes) -> int | None:
    """The position of the mistake that Go reports (decodeQuantum); None if there is none."""
    found = 0
    for at, one in enumerate(data):
        if one in _NEWLINES:
            continue
        if one in _BASE64:
            found += 1
        elif one != _PADDING or found % 4 < 2:
            return at
        else:
            return _padding_mistake(data, at + 1, found % 4)
    return len(data) - found % 4 if found % 4 else None


def _padding_mistake(data: bytes, at: int, found: int) -> int | None:
    if found == 2:
        at = _past_newlines(data, at)
        if at == len(data):
            return at
        if data[at] != _PADDING:
            return at - 1
        at += 1
    at = _past_newlines(data, at)
    return None if at == len(data) else at


def _past_newlines(data: bytes, at: int) -> int:
    while at < len(data) and data[at] in _NEWLINES:
        at += 1
    return at


def base32_decoded(text: str) -> str:
    """The decoded text; or as in sprig, Go's error as the result."""
    data = raw(text).translate(None, _NEWLINES)
    end = next((at for at, one in enumerate(data) if one not in _BASE32), len(data))
    wrong = _base32_mistake(data, end)
    if wrong is not None:
        return f"illegal base32 data at input byte {wrong}"
    return from_bytes(base64.b32decode(data[:end] + b"=" * (-end % 8)))


def _base32_mistake(data: bytes, end: int) -> int | None:
    """The position of the mistake that Go reports; None if there is none. Go ignores what follows the padding."""
    found, left = end % 8, len(data) - end - 1
    if end == len(data):
        return len(data) - found if found else None
    if data[end] != _PADDING or found < 2 or left >= 8:
        return end
    if left + found < 7:
        return len(data)
    unpadded = next((at for at in range(end + 1, min(len(data), end + 8 - found)) if data[at] != _PADDING), None)
    if unpadded is not None:
        return unpadded - 1
    return end if found in (3, 6) else None


FUNCTIONS: Mapping[str, Function] = {
    "sha1sum": function("string", lambda text: hashlib.sha1(raw(text), usedforsecurity=False).hexdigest()),
    "sha256sum": function("string", lambda text: hashlib.sha256(raw(text)).hexdigest()),
    "sha512sum": function("string", lambda text: hashlib.sha512(raw(text)).hexdigest()),
    "adler32sum": function("string", lambda text: str(zlib.adler32(raw(text)))),
    "b64enc": function("string", lambda text: base64.b64encode(raw(text)).decode()),
    "b64dec": function("string", base64_decoded),
    "b32enc": function("string", lambda text: base64.b32encode(raw(text)).decode()),
    "b32dec": function("string", base32_decoded),
}
