"""What a registry asks for when it answers 401: WWW-Authenticate headers, read as Flux's registry client reads them.

Source: go-containerregistry pkg/v1/remote/transport (docker/distribution registry/client/auth/challenge); vectors
registry/www_authenticate.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*", re.ASCII)
_BLANKS = re.compile(r"[ \t\r\n]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
MAX_HEADER = 16_384
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to authenticate; scheme and parameter names in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=lambda: _NONE)

    @property
    def realm(self) -> str:
        """Where tokens are given out (bearer), or a label (basic)."""
        return self.parameters.get("realm", "")


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """All challenges, one per header line; whatever does not parse ends its line, never fails it.

    Args:
        headers: the values of the WWW-Authenticate lines, not joined: a joined line keeps its first challenge only.
    """
    return tuple(_challenges(headers))


def usable_challenge(challenges: Iterable[Challenge]) -> Challenge | None:
    """The first one that is basic or bearer, as Flux chooses."""
    return next((one for one in challenges if one.scheme in ("basic", "bearer")), None)


def _challenges(headers: Iterable[str]) -> Iterator[Challenge]:
    for header in headers:
        scheme, rest = _token(header[:MAX_HEADER])
        if scheme:
            yield Challenge(scheme=scheme.lower(), parameters=MappingProxyType(dict(_parameters(rest))))


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    rest = "," + _skip(text)
    while rest.startswith(","):
        name, rest = _token(_skip(rest[1:]))
        if not name or not rest.startswith("="):
            return
        value, rest = _value(rest[1:])
        if not value:
            return
        yield name.lower(), value
        rest = _skip(rest)


def _token(text: str) -> tuple[str, str]:
    end = _TOKEN.match(text).end()  # type: ignore[union-attr]  # matches the empty string too
    return text[:end], text[end:]


def _value(text: str) -> tuple[str, str]:
    if not text.startswith('"'):
        return _token(text)
    found = _QUOTED.match(text)
    if found is None:
        return "", ""
    return _ESCAPE.sub(r"\1", found.group(1)), text[found.end() :]


def _skip(text: str) -> str:
    return text[_BLANKS.match(text).end() :]  # type: ignore[union-attr]
