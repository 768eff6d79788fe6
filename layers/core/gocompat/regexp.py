"""Go's regular expressions: RE2 syntax, linear time, Go's error texts and Go's Expand.

google-re2 is the engine that Go's regexp package was written after. The few differences between the two are evened out
here. A pattern that Go refuses is refused; no other engine is ever asked.

Source: Go regexp and regexp/syntax; vectors goregexp.json.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gocompat.regexp_syntax import INVALID_BYTE, RequiredText, Token, first_refused, group_names, nesting, required_text

_MAX_MEMORY = 64 << 20
# Go's limit (regexp/syntax, maxHeight).
_MAX_NESTING = 1000
MAX_TEXT = 100_000
"""Characters of a pattern. Go has no such limit."""
MAX_WORK = 1_000_000
"""Groups, the whole match included, times instructions. Go has no such limit.

A text may cost time and memory for every group at every instruction: with twenty thousand groups, one tag took half a
minute and 18 GB.
"""
_SHOWN = 200
_LONE_SURROGATES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
# RE2's words for a mistake, and Go's.
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


Search = Callable[[bytes, int, int], Sequence[tuple[int, int]]]
"""Finds the leftmost match in UTF-8 text between two positions.

It returns where each group begins and ends in bytes, group 0 first: (-1, -1) for a group that took no part in the
match, and for group 0 if there is no match.
"""


class InvalidPattern(ValueError):
    """Go refuses the pattern; the message is that of regexp.Compile."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. Nothing is anchored: it matches anywhere in a text unless it says otherwise.

    Attributes:
        text: the pattern as written.
        names: the name of each group, group 0 first, and "" for a group without a name.
        required: a text that every match contains; it may be empty.
        search: finds a match in UTF-8 bytes, for callers that work on bytes themselves.
        program_size: the number of instructions of RE2's program.
    """

    text: str
    names: tuple[str, ...]
    required: RequiredText
    search: Search = field(repr=False)
    program_size: int = field(repr=False)

    def groups(self, text: str) -> tuple[str | None, ...] | None:
        """The groups of the leftmost match, group 0 first; None if nothing matches.

        A group that took no part in the match is None.
        """
        if self.required.text not in text:
            return None
        data = _encode(text)
        spans = self.search(data, 0, len(data))
        if spans[0][0] < 0:
            return None
        return tuple(_decode(data[begin:end]) if begin >= 0 else None for begin, end in spans)

    def matches(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text."""
        if self.required.text not in text:
            return False
        data = _encode(text)
        return self.search(data, 0, len(data))[0][0] >= 0

    def matching(self, texts: Iterable[str]) -> list[str]:
        """The texts that the pattern matches, in their order. It is faster than asking for each text."""
        search, found = self.search, []
        for text in self.required.within(texts):
            data = text.encode() if text.isascii() else _encode(text)
            if search(data, 0, len(data))[0][0] >= 0:
                found.append(text)
        return found

    def expansion(self, template: str) -> Expansion:
        """A template for Regexp.Expand, prepared for this pattern.

        Args:
            template: text with ``$1``, ``$name``, ``${name}`` and ``$$``. As in Go, a name without braces is the
                longest run of letters, digits and underscores, so ``$1x`` means the group named ``1x``.
        """
        return Expansion(pattern=self, pieces=tuple(_pieces(template, self.names)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A template for Regexp.Expand, as a sequence of texts and references.

    A reference is a tuple of group numbers: several if groups share the name, none if no group has it. It stands for
    the first of these groups that took part in the match, and for "" if none did.
    """

    pattern: Pattern
    pieces: tuple[str | tuple[int, ...], ...]

    def value(self, text: str) -> str | None:
        """The template expanded with the leftmost match; None if nothing matches."""
        if self.pattern.required.text not in text:
            return None
        data = _encode(text)
        spans = self.pattern.search(data, 0, len(data))
        if spans[0][0] < 0:
            return None
        return "".join([piece if isinstance(piece, str) else _referenced(spans, data, piece) for piece in self.pieces])

    def matched(self, texts: Iterable[str]) -> tuple[list[str], list[str]]:
        """The texts that match, and the value of each, in their order. It is faster than asking for each text."""
        wanted = list(self.pattern.required.within(texts))
        reference = self.pieces[0] if len(self.pieces) == 1 else ""
        if not isinstance(reference, str) and len(reference) == 1:
            joined = "\n".join(wanted)
            if joined.isascii() and joined.count("\n") == len(wanted) - 1:
                return self._matched_group(wanted, joined.encode().split(b"\n"), reference[0])
        found = [(text, value) for text in wanted if (value := self.value(text)) is not None]
        return [text for text, _ in found], [value for _, value in found]

    def _matched_group(self, texts: list[str], data: list[bytes], group: int) -> tuple[list[str], list[str]]:
        """``matched`` for ASCII and a template of one reference to one group, which nearly every extract is.

        More than half of its time is what pybind11 takes to call RE2. ``data`` are the texts as bytes.
        """
        search = self.pattern.search
        found: list[str] = []
        values: list[str] = []
        for text, spans in zip(texts, map(search, data, itertools.repeat(0), map(len, data)), strict=True):
            begin, end = spans[group]
            if begin >= 0:
                found.append(text)
                values.append(text[begin:end])
            elif spans[0][0] >= 0:
                found.append(text)
                values.append("")
        return found, values


def _referenced(spans: Sequence[tuple[int, int]], data: bytes, groups: tuple[int, ...]) -> str:
    for group in groups:
        begin, end = spans[group]
        if begin >= 0:
            return _decode(data[begin:end])
    return ""


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # A lone surrogate is no character. Go's JSON decoder replaces it before any pattern sees it.
        return _LONE_SURROGATES.sub("\ufffd", text).encode("utf-8", "surrogateescape")


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


@functools.lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Pattern:
    """Compile a pattern (regexp.Compile).

    Raises:
        InvalidPattern: ``error parsing regexp: …``, in Go's words; a long pattern is cut in them.
    """
    if len(text) > MAX_TEXT:
        raise InvalidPattern(_go_said("expression too large", text))
    refused = first_refused(text)
    if refused is not None:
        _compiled(text[: refused.at], text)
        raise InvalidPattern(_refusal(refused, text))
    compiled = _compiled(text, text)
    # A tree that is higher needs as many characters.
    if len(text) > _MAX_NESTING and nesting(text) > _MAX_NESTING:
        raise InvalidPattern(_go_said("expression nests too deeply", text))
    if (1 + compiled.groups) * compiled.programsize > MAX_WORK:
        raise InvalidPattern(_go_said("expression too large", text))
    search = direct_search(compiled) or wrapped_search(compiled)
    return Pattern(text, group_names(text), required_text(text), search, compiled.programsize)


def direct_search(compiled: Any) -> Search | None:
    """The C++ function below google-re2's Python classes; None if this release of the library has no such function.

    The classes make a generator, a list and an object for each match. That takes longer than matching a tag.
    """
    import re2

    try:
        search: Search = functools.partial(compiled._regexp.Match, re2._re2.RE2.Anchor.UNANCHORED)
        search(b"", 0, 0)
    except (AttributeError, TypeError):
        return None
    return search


def wrapped_search(compiled: Any) -> Search:
    """The same answers as ``direct_search`` by google-re2's documented functions."""
    groups = range(compiled.groups + 1)

    def search(data: bytes, begin: int, end: int) -> Sequence[tuple[int, int]]:
        found = compiled.search(data, begin, end)
        return [(-1, -1) if found is None else found.span(group) for group in groups]

    return search


def _compiled(part: str, whole: str) -> Any:
    """google-re2's compiled pattern. For a part of a pattern, only a mistake before the end of the part counts."""
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
    invalid = INVALID_BYTE.search(pattern, refused.at, refused.at + len(refused.text))
    if invalid:
        return _go_said("invalid UTF-8", pattern[invalid.start() :])
    if refused.kind == "open":
        return _bad_capture(pattern[refused.at :])
    return "error parsing regexp: invalid escape sequence: `\\C`"


def _go_error(pattern: str, detail: str) -> str:
    words = next((one for one in _GO_WORDS if detail == one or detail.startswith(one + ":")), "")
    argument = detail[len(words) :].removeprefix(": ") if words else detail
    said = _GO_WORDS.get(words, "internal error")
    if said == "invalid or unsupported Perl syntax" and argument in ("(?<=", "(?<!"):
        # Go reads this as a named group with an invalid name.
        return _bad_capture(pattern[pattern.index(argument) :])
    if said == "expression too large":
        argument = pattern
    if said == "invalid UTF-8" and not argument:
        # RE2 expects the rest of a character after an unfinished code.
        said, argument = "invalid escape sequence", "\\x{"
    if said == "invalid repeat count":
        argument = argument.removesuffix("?")
    return _go_said(said, "" if said in _NO_ARGUMENT else argument)


def _go_said(said: str, argument: str) -> str:
    return f"error parsing regexp: {said}: `{abridged(argument)}`"


def abridged(pattern: str) -> str:
    """The pattern for a message: its beginning and its length where it is long."""
    return pattern if len(pattern) <= _SHOWN else f"{pattern[:_SHOWN]}… ({len(pattern)} characters)"


def _bad_capture(rest: str) -> str:
    end = rest.find(">")
    return _go_said("invalid named capture", rest[: end + 1] if end >= 0 else rest)


def references(template: str) -> tuple[str, ...]:
    """The groups that a template refers to by name or number, in order: ``$b_$ts`` refers to ``b_`` and ``ts``."""
    return tuple(part for part, is_reference in _parts(template) if is_reference)


def _pieces(template: str, names: tuple[str, ...]) -> Iterator[str | tuple[int, ...]]:
    for part, is_reference in _parts(template):
        yield _indices(part, names) if is_reference else part


def _parts(template: str) -> Iterator[tuple[str, bool]]:
    """The texts of a template, and the names that it refers to, which are marked by True."""
    while True:
        before, dollar, rest = template.partition("$")
        if before:
            yield before, False
        if not dollar:
            return
        if rest.startswith("$"):
            yield "$", False
            template = rest[1:]
            continue
        found = _reference(rest)
        if found is None:
            # A dollar that begins no reference is text (regexp.expand).
            yield "$", False
            template = rest
            continue
        name, template = found
        yield name, True


def _indices(name: str, names: tuple[str, ...]) -> tuple[int, ...]:
    """The groups that a reference stands for: the one of that number, or all of that name."""
    number = _number(name)
    if number is not None:
        return (number,) if number < len(names) else ()
    return tuple(index for index, known in enumerate(names) if known == name)


def _number(name: str) -> int | None:
    """The name as a group number; None if it is not one: up to nine digits, no leading zero (regexp.extract)."""
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
    """Whether it is an underscore or counts for Go's unicode.IsLetter or unicode.IsDigit."""
    if character == "_" or (character.isascii() and character.isalnum()):
        return True
    category = unicodedata.category(character)
    return category[0] == "L" or category == "Nd"
