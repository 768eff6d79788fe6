"""sprig's functions for paths and URLs.

Source: sprig functions.go, url.go; Go path/path.go, path/filepath on Unix, net/url.
"""

from __future__ import annotations

from collections.abc import Mapping

from gocompat.template.faults import CallError
from gocompat.template.signature import function
from gocompat.template.values import Function, GoMap, Value, kind_of
from gocompat.url import PARTS, InvalidURL, parse_url, url_text, user_of


def clean(path: str) -> str:
    """``clean``: the shortest path that means the same (path.Clean)."""
    rooted = path.startswith("/")
    kept: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            kept.append(part)
        elif kept and kept[-1] != "..":
            kept.pop()
        elif not rooted:
            kept.append("..")
    return "/" * rooted + "/".join(kept) or "."


def base(path: str) -> str:
    """``base``: the last part of a path (path.Base)."""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def directory(path: str) -> str:
    """``dir``: a path without its last part (path.Dir)."""
    before, slash, _ = path.rpartition("/")
    return clean(before + slash)


def extension(path: str) -> str:
    """``ext``: the extension of a file with its dot, or "" (path.Ext)."""
    _, dot, behind = path.rpartition("/")[2].rpartition(".")
    return dot + behind if dot else ""


def parsed(text: str) -> GoMap:
    """``urlParse``: the parts of a URL by name.

    Raises:
        CallError: ``unable to parse url: …``.
    """
    try:
        return GoMap(dict(parse_url(text)))
    except InvalidURL as error:
        raise CallError(f"unable to parse url: {error}") from None


def joined(parts: GoMap) -> str:
    """``urlJoin``: a URL made of its parts; missing parts are empty.

    Raises:
        CallError: a part is not text, or the userinfo cannot be parsed.
    """
    part = {name: _part(parts, name) for name in PARTS}
    try:
        return url_text({**part, "userinfo": user_of(part["userinfo"])})
    except InvalidURL as error:
        raise CallError(f"unable to parse userinfo in dict: {error}") from None


def _part(parts: GoMap, name: str) -> str:
    value: Value = parts.entries.get(name, "")
    if value is None:
        raise CallError("runtime error: invalid memory address or nil pointer dereference")
    if not isinstance(value, str):
        raise CallError(f"unable to parse {name} key, must be of type string, but {kind_of(value)} found")
    return value


FUNCTIONS: Mapping[str, Function] = {
    **{
        name: function("string", call)
        for one, call in {"Base": base, "Dir": directory, "Clean": clean, "Ext": extension}.items()
        for name in (one.lower(), f"os{one}")
    },
    "isAbs": function("string", lambda path: path.startswith("/")),
    "osIsAbs": function("string", lambda path: path.startswith("/")),
    "urlParse": function("string", parsed),
    "urlJoin": function("dict", joined),
}
