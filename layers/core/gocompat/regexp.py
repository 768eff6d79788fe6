"""Go's regular expressions: RE2 syntax in linear time, and Go's Expand.

In: patterns and templates as users write them. Out: compiled patterns, groups, expanded values; Go's error texts.

Source: Go regexp and regexp/syntax; google-re2 is the same engine with a few differences that are levelled here;
vectors goregexp.json.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gocompat.regexp_syntax import Token, first_refused, group_names, required_text

_MAX_MEMORY = 64 << 20
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
# What RE2 calls a fault, and what Go calls it.
_GO_WORDS: Mapping[str, str] = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "invalid escape sequence": "invalid escape sequence",
    "invalid character class range": "invalid character class range",
    "invalid character class": "invalid character class",
    "invalid UTF-8": "invalid UTF-8",
    "trailing \\": "trailing backslash at end of expression",
    "pattern too large - compile failed": "expression too large",
}
_NO_ARGUMENT = frozenset({"trailing backslash at end of expression"})


class InvalidPattern(ValueError):
    """A pattern that Go refuses; the message is regexp.Compile's."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern.

    ``names`` has a name or an empty string for each group, group 0 first; ``required`` is in everything that matches.
    """

    text: str
    names: tuple[str, ...]
    required: str
    compiled: Any = field(repr=False)

    def groups(self, value: str) -> tuple[str | None, ...] | None:
        """The leftmost match's groups, group 0 first; None when nothing matches. It searches: nothing is anchored."""
        if self.required not in value:
            return None
        found = self.compiled.search(_encode(value))
        if found is None:
            return None
        return tuple(None if one is None else _decode(one) for one in (found[0], *found.groups()))

    def matches(self, value: str) -> bool:
        """Whether the pattern is found anywhere."""
        return self.required in value and self.compiled.search(_encode(value)) is not None

    def expand(self, template: str, groups: tuple[str | None, ...]) -> str:
        """``$1``, ``${name}``, ``$$`` … replaced by groups (Regexp.Expand); unknown and unmatched ones are empty."""
        return expand(template, self.names, groups)

    def expansion(self, template: str) -> Expansion:
        """A template made ready for this pattern."""
        return Expansion(pattern=self, pieces=tuple(_pieces(template, self.names)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A template as texts and references; a reference is the groups of which the first that took part counts."""

    pattern: Pattern
    pieces: tuple[str | tuple[int, ...], ...]

    def value(self, text: str) -> str | None:
        """What the template makes of the leftmost match; None when nothing matches."""
        if self.pattern.required not in text:
            return None
        data = _encode(text)
        found = self.pattern.compiled.search(data)
        if found is None:
            return None
        if len(self.pieces) == 1 and not isinstance(self.pieces[0], str):
            # A single reference is what nearly every extract is.
            return _first(found, data, self.pieces[0])
        return "".join([piece if isinstance(piece, str) else _first(found, data, piece) for piece in self.pieces])


def _first(found: Any, data: bytes, indices: tuple[int, ...]) -> str:
    for index in indices:
        begin, end = found.span(index)
        if begin >= 0:
            return _decode(data[begin:end])
    return ""


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Half a character is none: Go's JSON decoder has replaced it before a pattern sees it.
        return _HALVES.sub("\ufffd", text).encode("utf-8", "surrogateescape")


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


@functools.lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Pattern:
    """Compile, and refuse what Go refuses.

    Raises:
        InvalidPattern: ``error parsing regexp: …``.
    """
    refused = first_refused(text)
    if refused is not None:
        _compiled(text[: refused.at], text)
        raise InvalidPattern(_refusal(refused, text))
    compiled = _compiled(text, text)
    return Pattern(text, group_names(text), required_text(text), compiled)


def _compiled(part: str, whole: str) -> Any:
    """The compiled pattern; with part of a pattern, only an error in front of its end counts."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        return re2.compile(_encode(part), options)
    except re2.error as error:
        detail = error.args[0]
        said = _decode(detail) if isinstance(detail, bytes) else str(detail)
    if part != whole and said.startswith("missing )"):
        return None
    raise InvalidPattern(_go_error(whole, f"unexpected ): {whole}" if said.startswith("unexpected )") else said))


def _refusal(refused: Token, pattern: str) -> str:
    if refused.kind == "open":
        return _bad_capture(pattern[refused.at :])
    return "error parsing regexp: invalid escape sequence: `\\C`"


def _go_error(pattern: str, detail: str) -> str:
    words = next((one for one in _GO_WORDS if detail == one or detail.startswith(one + ":")), "")
    argument = detail[len(words) :].removeprefix(": ") if words else detail
    said = _GO_WORDS.get(words, "internal error")
    if said == "invalid or unsupported Perl syntax" and argument in ("(?<=", "(?<!"):
        # To Go this is a named group whose name is not one.
        return _bad_capture(pattern[pattern.index(argument) :])
    if said == "invalid UTF-8" and not argument:
        # RE2 looks for the rest of a character behind an unfinished code.
        said, argument = "invalid escape sequence", "\\x{"
    if said == "invalid repeat count":
        argument = argument.removesuffix("?")
    return f"error parsing regexp: {said}: `{'' if said in _NO_ARGUMENT else argument}`"


def _bad_capture(rest: str) -> str:
    end = rest.find(">")
    return f"error parsing regexp: invalid named capture: `{rest[: end + 1] if end >= 0 else rest}`"


def expand(template: str, names: tuple[str, ...], groups: tuple[str | None, ...]) -> str:
    """Go's Regexp.Expand.

    Args:
        template: with ``$name``, ``${name}``, ``$1``, ``$$``; the longest run of word characters is the name, so
            ``$1x`` is the group named ``1x``.
        names: by group.
        groups: by group; None for one that took no part.
    """
    pieces = _pieces(template, names)
    return "".join(piece if isinstance(piece, str) else _taken(groups, piece) for piece in pieces)


def _taken(groups: tuple[str | None, ...], indices: tuple[int, ...]) -> str:
    return next((group for index in indices if (group := groups[index]) is not None), "")


def _pieces(template: str, names: tuple[str, ...]) -> Iterator[str | tuple[int, ...]]:
    while True:
        before, dollar, rest = template.partition("$")
        if before:
            yield before
        if not dollar:
            return
        if rest.startswith("$"):
            yield "$"
            template = rest[1:]
            continue
        found = _reference(rest)
        if found is None:
            # Malformed: the dollar is text (regexp.expand).
            yield "$"
            template = rest
            continue
        name, template = found
        yield _indices(name, names)


def _indices(name: str, names: tuple[str, ...]) -> tuple[int, ...]:
    """The groups a reference may mean: one by number, all of that name otherwise."""
    number = _number(name)
    if number is not None:
        return (number,) if number < len(names) else ()
    return tuple(index for index, known in enumerate(names) if known == name)


def _number(name: str) -> int | None:
    """The group number a name is, None when it is a name: no leading zero, below 10^8 (regexp.extract)."""
    if not (name.isascii() and name.isdigit()) or (len(name) > 1 and name[0] == "0") or len(name) > 9:
        return None
    return int(name)


def _reference(rest: str) -> tuple[str, str] | None:
    braced = rest.startswith("{")
    body = rest[1:] if braced else rest
    length = next((index for index, one in enumerate(body) if not _is_word(one)), len(body))
    if length == 0:
        return None
    if not braced:
        return body[:length], body[length:]
    return (body[:length], body[length + 1 :]) if body[length : length + 1] == "}" else None


def _is_word(character: str) -> bool:
    """Go's unicode.IsLetter, unicode.IsDigit or an underscore."""
    if character == "_" or (character.isascii() and character.isalnum()):
        return True
    category = unicodedata.category(character)
    return category[0] == "L" or category == "Nd"
