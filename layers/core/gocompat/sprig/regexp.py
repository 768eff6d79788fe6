"""sprig's functions for regular expressions and versions.

A search costs steps for the size of the pattern's program and for the text that each match had to look at.

Source: sprig regex.go, semver.go; Go regexp (FindAllString, ReplaceAllString, Split); Masterminds/semver v3.3.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from gocompat.quote import quote
from gocompat.regexp import InvalidPattern, Pattern, compile_pattern
from gocompat.semver.range import InvalidRange, parse_range
from gocompat.semver.version import InvalidVersion, Version, parse_version
from gocompat.template.bounds import MAX_STEPS, TooLarge, check_size
from gocompat.template.faults import CallError
from gocompat.template.printf_scalars import can_backquote
from gocompat.template.signature import function
from gocompat.template.values import (
    STRING,
    STRINGS,
    Charged,
    Function,
    GoSlice,
    GoStruct,
    Uint64,
    Value,
    from_bytes,
    named,
    raw,
    strings,
)

_VERSION = named("semver.Version", "struct")
_STEPS_A_MATCH = 8
_BYTES_A_STEP = 1000
_INSTRUCTIONS_A_STEP = 4
_CALL = 20
_MAX_PATTERN = 10_000
_MAX_REFERENCES = 1000
# The instructions that a refused pattern counts as. It is compiled again at each call, and a pattern whose program is
# too large is refused only after most of the program was made.
_REFUSED = 500
_REFUSED_LATE = 400_000
_META = "\\.+*?()|[]{}^$"


def _compiled(pattern: str) -> Pattern:
    try:
        return compile_pattern(pattern)
    except InvalidPattern as error:
        raise CallError(str(error)) from None


def _must(run: Callable[..., Value]) -> Callable[..., Value]:
    """Makes the error name the pattern, as the panic of regexp.MustCompile does."""

    def checked(pattern: str, *others: Value) -> Value:
        try:
            compile_pattern(pattern)
        except InvalidPattern as error:
            shown = f"`{pattern}`" if can_backquote(pattern) else quote(pattern)
            raise CallError(f"regexp: Compile({shown}): {error}") from None
        return run(pattern, *others)

    return checked


def _search(parameters: str, run: Callable[..., Value]) -> Function:
    """A function whose first parameter is a pattern; compiling the pattern is part of the steps of a call."""

    def charged(pattern: str, *others: Value) -> Charged:
        if len(pattern) > _MAX_PATTERN:
            raise TooLarge(f"pattern of {len(pattern)} characters exceeds the maximum of {_MAX_PATTERN}")
        result = run(pattern, *others)
        size = _program_size(pattern)
        if isinstance(result, Charged):
            return Charged(result.value, result.steps + size // _INSTRUCTIONS_A_STEP)
        return Charged(result, size // _INSTRUCTIONS_A_STEP)

    return function(parameters, charged, _CALL)


def _program_size(pattern: str) -> int:
    try:
        return compile_pattern(pattern).program_size
    except InvalidPattern as error:
        return _REFUSED_LATE if "expression too large" in str(error) else _REFUSED


def _width(data: bytes, at: int) -> int:
    if at >= len(data):
        return 0
    first = data[at]
    size = 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    try:
        return len(data[at : at + size].decode()) and size
    except UnicodeDecodeError:
        return 1


class _Toll:
    """Counts the steps of a search. Each match may have looked at all the text that follows."""

    def __init__(self, data: bytes) -> None:
        self._size = len(data)
        self._seen = 0
        self._matches = 0
        self._pieces = 0

    def match(self, at: int, pieces: int = 0) -> None:
        """Count one search.

        Args:
            at: the position where it starts.
            pieces: the pieces of the replacement of its match.

        Raises:
            TooLarge: the searches so far cost more steps than a template may use.
        """
        self._matches += 1
        self._pieces += pieces
        self._seen += self._size - at
        if self.steps > MAX_STEPS:
            raise TooLarge(f"{self._matches} matches in {self._size} characters exceed the maximum")

    @property
    def steps(self) -> int:
        """The steps so far."""
        return self._matches * _STEPS_A_MATCH + self._pieces + self._seen // _BYTES_A_STEP


def _next(pattern: Pattern, data: bytes, at: int) -> Sequence[tuple[int, int]] | None:
    """The spans of the next match, or None. RE2 finds a ``\\B`` between the bytes of a character; Go does not."""
    spans = pattern.search(data, at, len(data))
    begin, end = spans[0]
    while begin == end >= 0 and _splits_character(data, begin):
        spans = pattern.search(data, begin + 1, len(data))
        begin, end = spans[0]
    return None if begin < 0 else spans


def _splits_character(data: bytes, at: int) -> bool:
    inside = at < len(data) and 0x80 <= data[at] < 0xC0
    return inside and any(_width(data, before) > at - before for before in range(max(0, at - 3), at))


def _all(pattern: Pattern, data: bytes, limit: int, toll: _Toll) -> Iterator[tuple[int, int]]:
    """Where each match begins and ends (Regexp.allMatches)."""
    at, found, before = 0, 0, -1
    while at <= len(data) and (limit < 0 or found < limit):
        toll.match(at)
        spans = _next(pattern, data, at)
        if spans is None:
            return
        begin, end = spans[0]
        accepted = not (end == at and begin == before)
        at = end if end != at else at + (_width(data, at) or len(data) + 1)
        before = end
        if accepted:
            found += 1
            yield begin, end


def matches(pattern: str, text: str) -> bool:
    """``mustRegexMatch``: whether a pattern matches anywhere in a text."""
    return _compiled(pattern).matches(text)


def matches_or_not(pattern: str, text: str) -> bool:
    """``regexMatch``: whether a pattern matches anywhere in a text; False if it is not valid."""
    try:
        return compile_pattern(pattern).matches(text)
    except InvalidPattern:
        return False


def find_all(pattern: str, text: str, limit: int) -> Charged:
    """``regexFindAll``: the text of at most ``limit`` matches, or of all if it is negative."""
    data = raw(text)
    toll = _Toll(data)
    found = [from_bytes(data[begin:end]) for begin, end in _all(_compiled(pattern), data, limit, toll)]
    return Charged(GoSlice(list(found), STRINGS, absent=not found), toll.steps)


def find(pattern: str, text: str) -> str:
    """``regexFind``: the text of the leftmost match, or ""."""
    groups = _compiled(pattern).groups(text)
    return groups[0] or "" if groups else ""


def _replaced(pattern: str, text: str, pieces: Sequence[bytes | tuple[int, ...]]) -> Charged:
    compiled, data = _compiled(pattern), raw(text)
    toll = _Toll(data)
    kept: list[bytes] = []
    last, at, size = 0, 0, 0
    while at <= len(data):
        toll.match(at, len(pieces))
        spans = _next(compiled, data, at)
        if spans is None:
            break
        begin, end = spans[0]
        kept.append(data[last:begin])
        if end > last or begin == 0:
            parts = [(0, len(one)) if isinstance(one, bytes) else _referenced(spans, one) for one in pieces]
            size += sum(stop - start for start, stop in parts)
            check_size(size, "characters")
            kept.extend(
                (one if isinstance(one, bytes) else data)[start:stop]
                for one, (start, stop) in zip(pieces, parts, strict=True)
            )
        last = end
        width = _width(data, at)
        at = at + width if at + width > end else at + 1 if at + 1 > end else end
    return Charged(from_bytes(b"".join(kept) + data[last:]), toll.steps)


def _referenced(spans: Sequence[tuple[int, int]], groups: tuple[int, ...]) -> tuple[int, int]:
    """Where the first of the groups is that took part in the match; an empty span if none did."""
    return next((spans[group] for group in groups if spans[group][0] >= 0), (0, 0))


def replace_all(pattern: str, text: str, template: str) -> Charged:
    """``regexReplaceAll``: replaces all matches by a template with ``$1`` and ``${name}``."""
    if template.count("$") > _MAX_REFERENCES:
        raise TooLarge(f"{template.count('$')} references exceed the maximum of {_MAX_REFERENCES}")
    pieces = _compiled(pattern).expansion(template).pieces
    return _replaced(pattern, text, [raw(one) if isinstance(one, str) else one for one in pieces])


def replace_literal(pattern: str, text: str, replacement: str) -> Charged:
    """``regexReplaceAllLiteral``: replaces all matches by a text."""
    return _replaced(pattern, text, [raw(replacement)])


def split(pattern: str, text: str, limit: int) -> Value:
    """``regexSplit``: the parts between matches; at most ``limit`` parts, or all if it is negative."""
    compiled, data = _compiled(pattern), raw(text)
    toll = _Toll(data)
    if limit == 0:
        return GoSlice([], STRINGS, absent=True)
    if pattern and not data:
        return strings([""])
    parts: list[str] = []
    begin, end = 0, 0
    for first, last in _all(compiled, data, limit, toll):
        if 0 < limit <= len(parts) + 1:
            break
        end = first
        if last != 0:
            parts.append(from_bytes(data[begin:end]))
        begin = last
    if end != len(data):
        parts.append(from_bytes(data[begin:]))
    return Charged(strings(parts), toll.steps)


def quote_meta(text: str) -> str:
    """``regexQuoteMeta``: a pattern that matches this very text."""
    return "".join("\\" + one if one in _META else one for one in text)


def version(text: str) -> GoStruct:
    """``semver``: a text as a version, with the methods of Masterminds' Version."""
    return _version_value(_parsed(text), text)


def _parsed(text: str) -> Version:
    try:
        return parse_version(text)
    except InvalidVersion as error:
        raise CallError(str(error)) from None


def _version_value(value: Version, original: str, *, pointer: bool = True) -> GoStruct:
    key = str(value)
    parts: dict[str, Callable[[], Value]] = {
        "Major": lambda: Uint64(value.major),
        "Minor": lambda: Uint64(value.minor),
        "Patch": lambda: Uint64(value.patch),
        "Prerelease": lambda: value.prerelease,
        "Metadata": lambda: value.metadata,
        "String": lambda: key,
        "IncMajor": lambda: _released(value.major + 1, 0, 0),
        "IncMinor": lambda: _released(value.major, value.minor + 1, 0),
        "IncPatch": lambda: _released(value.major, value.minor, value.patch + (not value.prerelease)),
    }
    methods = {name: Function((), call) for name, call in parts.items()}
    methods["SetPrerelease"] = Function((STRING,), lambda given: _marked(value, "prerelease", given))
    methods["SetMetadata"] = Function((STRING,), lambda given: _marked(value, "metadata", given))
    if pointer:
        methods["Original"] = Function((), lambda: original)
        methods |= {name: _comparing(value, holds) for name, holds in _COMPARISONS.items()}
    return GoStruct(go_type=_VERSION, methods=methods, text=key, key=(key, original), json=key, pointer=pointer)


def _marked(value: Version, part: str, given: str) -> GoStruct:
    """A version with another pre-release or metadata. It is no pointer, so that it lacks the pointer's methods."""
    before = {"prerelease": "0.0.0-", "metadata": "0.0.0+"}[part]
    try:
        valid = not given or getattr(parse_version(before + given), part) == given
    except InvalidVersion as error:
        if "starts with 0" in str(error):
            raise CallError(str(error)) from None
        valid = False
    if not valid:
        raise CallError(f"invalid {part} string")
    changed = replace(value, prerelease=given) if part == "prerelease" else replace(value, metadata=given)
    return _version_value(changed, str(changed), pointer=False)


def _released(major: int, minor: int, patch: int) -> GoStruct:
    text = f"{major}.{minor}.{patch}"
    return _version_value(parse_version(text), text, pointer=False)


_POINTER = type(_VERSION)("*semver.Version", "ptr")


_COMPARISONS: Mapping[str, Callable[[int], Value]] = {
    "Compare": lambda order: order,
    "Equal": lambda order: order == 0,
    "LessThan": lambda order: order < 0,
    "LessThanEqual": lambda order: order <= 0,
    "GreaterThan": lambda order: order > 0,
    "GreaterThanEqual": lambda order: order >= 0,
}


def _comparing(value: Version, holds: Callable[[int], Value]) -> Function:
    return Function((_POINTER,), lambda other: holds(_compare(value, other)))


def _compare(left: Version, other: GoStruct | None) -> int:
    if other is None or other.text is None:
        raise CallError("runtime error: invalid memory address or nil pointer dereference")
    right = parse_version(other.text)
    return (left.key > right.key) - (left.key < right.key)


def semver_compare(wanted: str, text: str) -> bool:
    """``semverCompare``: whether a version satisfies a range."""
    try:
        return parse_range(wanted).admits(_parsed(text))
    except InvalidRange as error:
        raise CallError(str(error)) from None


FUNCTIONS: Mapping[str, Function] = {
    "regexMatch": _search("string, string", matches_or_not),
    "mustRegexMatch": _search("string, string", matches),
    "regexFindAll": _search("string, string, int", _must(find_all)),
    "mustRegexFindAll": _search("string, string, int", find_all),
    "regexFind": _search("string, string", _must(find)),
    "mustRegexFind": _search("string, string", find),
    "regexReplaceAll": _search("string, string, string", _must(replace_all)),
    "mustRegexReplaceAll": _search("string, string, string", replace_all),
    "regexReplaceAllLiteral": _search("string, string, string", _must(replace_literal)),
    "mustRegexReplaceAllLiteral": _search("string, string, string", replace_literal),
    "regexSplit": _search("string, string, int", _must(split)),
    "mustRegexSplit": _search("string, string, int", split),
    "regexQuoteMeta": function("string", quote_meta),
    "semver": function("string", version, _CALL),
    "semverCompare": function("string, string", semver_compare, _CALL),
}
