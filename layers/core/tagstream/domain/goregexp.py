"""Go's regular expressions: RE2 syntax in linear time, and Go's Expand.

In: patterns and templates as users write them. Out: compiled patterns, groups, expanded values; Go's error texts.

Source: Go regexp and regexp/syntax; google-re2 is the same engine with a few differences that are levelled here;
vectors goregexp.json.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MAX_MEMORY = 64 << 20
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
    """A compiled pattern. ``names`` has a name or an empty string for each group, group 0 first."""

    text: str
    names: tuple[str, ...]
    compiled: Any = field(repr=False)

    def groups(self, value: str) -> tuple[str | None, ...] | None:
        """The leftmost match's groups, group 0 first; None when nothing matches. It searches: nothing is anchored."""
        found = self.compiled.search(_encode(value))
        if found is None:
            return None
        return tuple(None if one is None else _decode(one) for one in (found[0], *found.groups()))

    def matches(self, value: str) -> bool:
        """Whether the pattern is found anywhere."""
        return self.compiled.search(_encode(value)) is not None

    def expand(self, template: str, groups: tuple[str | None, ...]) -> str:
        """``$1``, ``${name}``, ``$$`` … replaced by groups (Regexp.Expand); unknown and unmatched ones are empty."""
        return expand(template, self.names, groups)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


@functools.lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Pattern:
    """Compile, and refuse what Go refuses.

    Raises:
        InvalidPattern: ``error parsing regexp: …``.
    """
    import re2

    _refuse_what_only_re2_takes(text)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        compiled = re2.compile(_encode(text), options)
    except re2.error as error:
        detail = error.args[0]
        raise InvalidPattern(_go_error(text, _decode(detail) if isinstance(detail, bytes) else str(detail))) from None
    names = [""] * (compiled.groups + 1)
    for name, index in compiled.groupindex.items():
        names[index] = _decode(name) if isinstance(name, bytes) else name
    return Pattern(text, tuple(names), compiled)


def _go_error(pattern: str, detail: str) -> str:
    words = next((one for one in _GO_WORDS if detail == one or detail.startswith(one + ":")), "")
    argument = detail[len(words) :].removeprefix(": ") if words else detail
    said = _GO_WORDS.get(words, "internal error")
    if said == "invalid or unsupported Perl syntax" and argument in ("(?<=", "(?<!"):
        # To Go this is a named group whose name is not one.
        return _bad_capture(pattern[pattern.index(argument) :])
    return f"error parsing regexp: {said}: `{'' if said in _NO_ARGUMENT else argument}`"


def _bad_capture(rest: str) -> str:
    end = rest.find(">")
    return f"error parsing regexp: invalid named capture: `{rest[: end + 1] if end >= 0 else rest}`"


def _refuse_what_only_re2_takes(pattern: str) -> None:
    """RE2 takes ``\\C`` and group names beyond ASCII; Go does not."""
    index, in_class = 0, False
    while index < len(pattern):
        character = pattern[index]
        if character == "\\":
            if pattern[index + 1 : index + 2] == "Q" and not in_class:
                # Everything up to \\E is literal.
                end = pattern.find("\\E", index + 2)
                index = len(pattern) if end < 0 else end + 2
                continue
            if pattern[index + 1 : index + 2] == "C":
                raise InvalidPattern("error parsing regexp: invalid escape sequence: `\\C`")
            index += 2
            continue
        if in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
            # A bracket right after the opening is a member: []a] and [^]a].
            index += 1 + (pattern[index + 1 : index + 2] == "^")
            index += pattern[index : index + 1] == "]"
            continue
        elif character == "(":
            _refuse_strange_name(pattern, index)
        index += 1


def _refuse_strange_name(pattern: str, index: int) -> None:
    rest = pattern[index:]
    opening = next((one for one in ("(?P<", "(?<") if rest.startswith(one)), None)
    if opening is None or rest.startswith(("(?<=", "(?<!")):
        return
    name = rest[len(opening) :].partition(">")[0]
    if not name.isascii():
        raise InvalidPattern(_bad_capture(rest))


def expand(template: str, names: tuple[str, ...], groups: tuple[str | None, ...]) -> str:
    """Go's Regexp.Expand.

    Args:
        template: with ``$name``, ``${name}``, ``$1``, ``$$``; the longest run of word characters is the name, so
            ``$1x`` is the group named ``1x``.
        names: by group.
        groups: by group; None for one that took no part.
    """
    out: list[str] = []
    while True:
        before, dollar, rest = template.partition("$")
        out.append(before)
        if not dollar:
            return "".join(out)
        if rest.startswith("$"):
            out.append("$")
            template = rest[1:]
            continue
        found = _reference(rest)
        if found is None:
            # Malformed: the dollar is text (regexp.expand).
            out.append("$")
            template = rest
            continue
        name, template = found
        out.append(_value(name, names, groups))


def _value(name: str, names: tuple[str, ...], groups: tuple[str | None, ...]) -> str:
    number = _number(name)
    if number is not None:
        return (groups[number] or "") if number < len(groups) else ""
    return next((group for known, group in zip(names, groups, strict=True) if known == name and group is not None), "")


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
