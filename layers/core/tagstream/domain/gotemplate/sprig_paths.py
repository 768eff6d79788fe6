"""sprig's functions of paths and URLs.

In: text. Out: text, or an URL's parts.

Source: sprig functions.go, url.go; Go path/path.go, path/filepath on Unix, net/url.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote as percent_encode
from urllib.parse import unquote_to_bytes

from tagstream.domain.goquote import quote
from tagstream.domain.gotemplate.faults import CallError
from tagstream.domain.gotemplate.signature import function
from tagstream.domain.gotemplate.values import Function, GoMap, Value, from_bytes, kind_of, raw

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):", re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PORT = re.compile(r":([^:\]]*)\Z")
_PATH_SAFE = "$&+,/:;=@-_.~"
_FRAGMENT_SAFE = "$&+,/:;=?@-_.~!*()"
_USER_SAFE = "$&+,;=-_.~"
_PARTS = ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo")


def clean(path: str) -> str:
    """path.Clean"""
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
    """path.Base"""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def directory(path: str) -> str:
    """path.Dir"""
    before, slash, _ = path.rpartition("/")
    return clean(before + slash)


def extension(path: str) -> str:
    """path.Ext"""
    _, dot, behind = path.rpartition("/")[2].rpartition(".")
    return dot + behind if dot else ""


def parse_url(text: str) -> GoMap:
    """``urlParse``: an URL's parts by name."""
    whole = text
    text, hash_mark, fragment = whole.partition("#")
    rest = text
    if any(one < " " or one == "\x7f" for one in rest):
        _refuse(text, "net/url: invalid control character in URL")
    scheme = _scheme(text, rest)
    if scheme:
        rest = rest[len(scheme) + 1 :]
    rest, _, query = rest.partition("?")
    parts = dict.fromkeys((*_PARTS, "hostname"), "")
    parts |= {"scheme": scheme.lower(), "query": query}
    if hash_mark:
        parts["fragment"] = _unescaped(whole, fragment)
    if scheme and not rest.startswith("/"):
        return GoMap({**parts, "opaque": rest})
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        parts |= _authority(text, authority)
        rest = slash + path
    elif not scheme and ":" in rest.partition("/")[0]:
        _refuse(text, "first path segment in URL cannot contain colon")
    parts["path"] = _unescaped(text, rest)
    return GoMap(dict(parts))


def _scheme(text: str, rest: str) -> str:
    if rest.startswith(":"):
        _refuse(text, "missing protocol scheme")
    found = _SCHEME.match(rest)
    return found[1] if found else ""


def _refuse(text: str, words: str) -> str:
    raise CallError(f"unable to parse url: parse {quote(text)}: {words}")


def _unescaped(whole: str, text: str) -> str:
    bad = _BAD_ESCAPE.search(text)
    if bad:
        _refuse(whole, f"invalid URL escape {quote(text[bad.start() : bad.start() + 3])}")
    return from_bytes(unquote_to_bytes(raw(text)))


def _authority(whole: str, authority: str) -> dict[str, str]:
    userinfo, at, host = authority.rpartition("@")
    if any(one in host for one in ' <>"\\^`{|}'):
        wrong = next(one for one in host if one in ' <>"\\^`{|}')
        _refuse(whole, f"invalid character {quote(wrong)} in host name")
    if host.startswith("[") and "]" not in host:
        _refuse(whole, "missing ']' in host")
    port = _PORT.search(host)
    if port and not (port[1].isascii() and port[1].isdigit()) and port[1]:
        _refuse(whole, f"invalid port {quote(':' + port[1])} after host")
    host = _unescaped(whole, host)
    name = host[: -len(port[0])] if port else host
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    parts = {"host": host, "hostname": name}
    if at:
        parts["userinfo"] = _userinfo(whole, userinfo)
    return parts


def _userinfo(whole: str, userinfo: str) -> str:
    user, colon, password = userinfo.partition(":")
    shown = percent_encode(raw(_unescaped(whole, user)), safe=_USER_SAFE)
    return shown + (f":{percent_encode(raw(_unescaped(whole, password)), safe=_USER_SAFE)}" if colon else "")


def join_url(parts: GoMap) -> str:
    """``urlJoin``: an URL of its parts."""
    part = {name: _part(parts, name) for name in _PARTS}
    shown = f"{part['scheme']}:" if part["scheme"] else ""
    if part["opaque"]:
        shown += part["opaque"]
    else:
        shown += _hierarchy(part, bool(shown))
    if part["query"]:
        shown += f"?{part['query']}"
    if part["fragment"]:
        shown += f"#{percent_encode(raw(part['fragment']), safe=_FRAGMENT_SAFE)}"
    return shown


def _hierarchy(part: Mapping[str, str], has_scheme: bool) -> str:
    path = "*" if part["path"] == "*" else percent_encode(raw(part["path"]), safe=_PATH_SAFE)
    before = ""
    if has_scheme or part["host"] or part["userinfo"]:
        if part["host"] or part["path"] or part["userinfo"]:
            before = "//" if part["host"] or part["userinfo"] or part["path"].startswith("//") else ""
        before += f"{_userinfo('', part['userinfo'])}@" if part["userinfo"] else ""
        before += part["host"]
    if path and not path.startswith("/") and part["host"]:
        path = "/" + path
    if not before and not has_scheme and ":" in path.partition("/")[0]:
        path = "./" + path
    return before + path


def _part(parts: GoMap, name: str) -> str:
    value: Value = parts.entries.get(name, "")
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
    "urlParse": function("string", parse_url),
    "urlJoin": function("dict", join_url),
}
