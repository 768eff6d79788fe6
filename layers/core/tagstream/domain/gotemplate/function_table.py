"""Which module has which of sprig's functions, so that a template loads only those that it names."""

from __future__ import annotations

from collections.abc import Mapping

MODULES: Mapping[str, tuple[str, ...]] = {
    "sprig_digests": (
        "adler32sum",
        "b32dec",
        "b32enc",
        "b64dec",
        "b64enc",
        "sha1sum",
        "sha256sum",
        "sha512sum",
    ),
    "sprig_strings": (
        "cat",
        "contains",
        "hasPrefix",
        "hasSuffix",
        "hello",
        "indent",
        "join",
        "lower",
        "nindent",
        "plural",
        "quote",
        "repeat",
        "replace",
        "split",
        "splitList",
        "splitn",
        "squote",
        "substr",
        "title",
        "toString",
        "toStrings",
        "trim",
        "trimAll",
        "trimPrefix",
        "trimSuffix",
        "trimall",
        "trunc",
        "upper",
    ),
}
