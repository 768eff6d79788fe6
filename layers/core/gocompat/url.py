"""URLs as Go's net/url parses and prints them, for sprig's ``urlParse`` and ``urlJoin``.

Source: Go net/url/url.go.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import quote as percent_encode
from urllib.parse import unquote_to_bytes

from gocompat.quote import quote
from gocompat.template.values import from_bytes, raw

PARTS = ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):", re.ASCII)
_ESCAPE = re.compile("%(..)?", re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_PORT = re.compile(":[0-9]*")
_USERINFO = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*")
_PATH_SAFE = "$&+,/:;=@-_.~"
_FRAGMENT_SAFE = "$&+,/:;=?@-_.~!*()"
_USER_SAFE = "$&+,;=-_.~"
_HOST_SAFE = "-_.~!$&'()*+,;=:[]<>\""
# A range up to the last letter of Unicode takes 3 ms to compile.
_NO_HOST = re.compile(rf"(?=[\x00-\x7f])[^A-Za-z0-9%{re.escape(_HOST_SAFE)}]")


class InvalidURL(ValueError):
    """Go does not parse the URL; the message is Go's."""


def parse_url(whole: str) -> dict[str, str]:
    """The parts of a URL by name (url.Parse), and the host without its port as ``hostname``.

    Raises:
        InvalidURL: ``parse "…": …``.
    """
    text, _, fragment = whole.partition("#")
    try:
        parts = dict.fromkeys((*PARTS, "hostname"), "") | _parsed(text)
    except InvalidURL as error:
        raise InvalidURL(f"parse {quote(text)}: {error}") from None
    try:
        return parts | {"fragment": _unescaped(fragment)}
    except InvalidURL as error:
        raise InvalidURL(f"parse {quote(whole)}: {error}") from None


def _parsed(text: str) -> dict[str, str]:
    if _CONTROL.search(text):
        raise InvalidURL("net/url: invalid control character in URL")
    if text.startswith(":"):
        raise InvalidURL("missing protocol scheme")
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    rest, _, query = text[found.end() if found else 0 :].partition("?")
    parts = {"scheme": scheme, "query": query}
    if scheme and not rest.startswith("/"):
        return {**parts, "opaque": rest}
    if not scheme and not rest.startswith("/") and ":" in rest.partition("/")[0]:
        raise InvalidURL("first path segment in URL cannot contain colon")
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        parts |= _authority(scheme, authority)
        rest = slash + path
    return {**parts, "path": _unescaped(rest)}


def _authority(scheme: str, authority: str) -> dict[str, str]:
    userinfo, at, host = authority.rpartition("@")
    host = _host(scheme, host)
    name, colon, port = host.rpartition(":")
    if not colon or not _PORT.fullmatch(colon + port):
        name = host
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    parts = {"host": host, "hostname": name}
    return {**parts, "userinfo": _userinfo(userinfo)} if at else parts


def _userinfo(text: str) -> str:
    if not _USERINFO.fullmatch(text):
        raise InvalidURL("net/url: invalid userinfo")
    user, colon, password = text.partition(":")
    return colon.join(percent_encode(raw(_unescaped(one)), safe=_USER_SAFE) for one in (user, password))


def _host(scheme: str, host: str) -> str:
    opening = host.rfind("[")
    if opening > 0:
        raise InvalidURL("invalid IP-literal")
    if opening == 0:
        return _literal_address(host)
    # Only for http and https does Go refuse a second colon in the host.
    _, colon, port = host.partition(":") if scheme in ("http", "https") else host.rpartition(":")
    if colon:
        _check_port(colon + port)
    return _unescaped_host(host)


def _literal_address(host: str) -> str:
    name, bracket, port = host[1:].rpartition("]")
    if not bracket:
        raise InvalidURL("missing ']' in host")
    _check_port(port)
    before, percent, zone = name.partition("%25")
    name = _unescaped_host(before) + (_unescaped_zone(percent + zone) if percent else "")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        raise InvalidURL(f"invalid host: ParseAddr({quote(name)}): unable to parse IP") from None
    if address.version == 4:
        raise InvalidURL("invalid IP-literal")
    return f"[{name}]{port}"


def _check_port(port: str) -> None:
    if port and not _PORT.fullmatch(port):
        raise InvalidURL(f"invalid port {quote(port)} after host")


def _unescaped(text: str) -> str:
    for found in _ESCAPE.finditer(text):
        _code(text, found)
    return from_bytes(unquote_to_bytes(raw(text)))


def _code(text: str, found: re.Match[str]) -> int:
    if not re.fullmatch("[0-9A-Fa-f]{2}", found[1] or ""):
        raise InvalidURL(f"invalid URL escape {quote(from_bytes(raw(text[found.start() :])[:3]))}")
    return int(found[1], 16)


def _unescaped_host(text: str) -> str:
    """A host without escapes. Go allows them only for the percent sign and for bytes that are not ASCII."""
    for found in re.finditer(f"{_ESCAPE.pattern}|{_NO_HOST.pattern}", text, re.DOTALL):
        if not found[0].startswith("%"):
            raise InvalidURL(f"invalid character {quote(found[0])} in host name")
        if _code(text, found) < 0x80 and found[0] != "%25":
            raise InvalidURL(f"invalid URL escape {quote(found[0])}")
    return from_bytes(unquote_to_bytes(raw(text)))


def _unescaped_zone(text: str) -> str:
    """A zone without escapes. Go allows them also for the space and for what may stand in a host unescaped."""
    for found in re.finditer(f"{_ESCAPE.pattern}|{_NO_HOST.pattern}", text, re.DOTALL):
        if not found[0].startswith("%"):
            raise InvalidURL(f"invalid character {quote(found[0])} in host name")
        code = _code(text, found)
        if found[0] != "%25" and code != 0x20 and (code >= 0x80 or _NO_HOST.match(chr(code))):
            raise InvalidURL(f"invalid URL escape {quote(found[0])}")
    return from_bytes(unquote_to_bytes(raw(text)))


def user_of(userinfo: str) -> str:
    """A user and password as they stand in a URL, with the ``@``; "" if there are none.

    Raises:
        InvalidURL: ``parse "proto://…": …``.
    """
    if not userinfo:
        return ""
    user = parse_url(f"proto://{userinfo}@host")["userinfo"]
    # A slash, a question mark or a hash sign ends the authority before the "@".
    return f"{user}@" if "@" in re.split("[/?#]", f"{userinfo}@")[0] else ""


def url_text(part: Mapping[str, str]) -> str:
    """A URL made of its parts (URL.String).

    Args:
        part: every name of ``PARTS``; ``userinfo`` as ``user_of`` returns it.
    """
    shown = f"{part['scheme']}:" if part["scheme"] else ""
    shown += part["opaque"] or _hierarchy(part, bool(shown))
    if part["query"]:
        shown += f"?{part['query']}"
    if part["fragment"]:
        shown += f"#{percent_encode(raw(part['fragment']), safe=_FRAGMENT_SAFE)}"
    return shown


def _hierarchy(part: Mapping[str, str], has_scheme: bool) -> str:
    path = "*" if part["path"] == "*" else percent_encode(raw(part["path"]), safe=_PATH_SAFE)
    before = ""
    if part["host"] or part["userinfo"] or (has_scheme and part["path"]):
        before = f"//{part['userinfo']}{percent_encode(raw(part['host']), safe=_HOST_SAFE)}"
    if path and not path.startswith("/") and part["host"]:
        path = "/" + path
    if not before and not has_scheme and ":" in path.partition("/")[0]:
        path = "./" + path
    return before + path
