"""sprig's checksums and encodings.

In: text. Out: text.

Source: sprig crypto.go (sha1sum …), strings.go (base64encode …), Go encoding/base32, encoding/base64.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping

from tagstream.domain.gotemplate.signature import function
from tagstream.domain.gotemplate.values import Function, from_bytes, raw

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def base64_decoded(text: str) -> str:
    """The text, or Go's words for why it is none."""
    return _decoded(text, 4, _BASE64, "base64")


def base32_decoded(text: str) -> str:
    """The text, or Go's words for why it is none."""
    return _decoded(text, 8, _BASE32, "base32")


def _decoded(text: str, block: int, alphabet: bytes, name: str) -> str:
    data = raw(text)
    kept = bytes(one for one in data if one not in b"\r\n")
    body = kept.rstrip(b"=")
    wrong = next((index for index, one in enumerate(data) if one not in alphabet and one not in b"\r\n="), None)
    if wrong is None and len(kept) % block == 0 and _fits(len(kept) - len(body), block):
        try:
            return from_bytes(base64.b64decode(kept) if block == 4 else base64.b32decode(kept))
        except ValueError:
            pass
    if wrong is None:
        padding = data.find(b"=")
        wrong = padding if padding >= 0 and len(kept) % block == 0 else len(data) - len(data) % block
        wrong = min(wrong, len(data))
    return f"illegal {name} data at input byte {wrong}"


def _fits(padding: int, block: int) -> bool:
    return padding in ((0, 1, 2) if block == 4 else (0, 1, 3, 4, 6))


FUNCTIONS: Mapping[str, Function] = {
    "sha1sum": function("string", lambda text: hashlib.sha1(raw(text)).hexdigest()),
    "sha256sum": function("string", lambda text: hashlib.sha256(raw(text)).hexdigest()),
    "sha512sum": function("string", lambda text: hashlib.sha512(raw(text)).hexdigest()),
    "adler32sum": function("string", lambda text: str(zlib.adler32(raw(text)))),
    "b64enc": function("string", lambda text: base64.b64encode(raw(text)).decode()),
    "b64dec": function("string", base64_decoded),
    "b32enc": function("string", lambda text: base64.b32encode(raw(text)).decode()),
    "b32dec": function("string", base32_decoded),
}
