"""The shape of tags: where their numbers and hashes are, and which filter would read them.

Advice uses it to say where an order goes wrong and what would fit. Selecting must never depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from gocompat.semver.version import InvalidVersion, parse_tag
from tagstream.domain.objects.model import TagFilter
from tagstream.domain.select.filter import compile_filter

_SEPARATORS = re.compile(r"([-._+])")
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_NUMBER = re.compile(r"v?[0-9]+", re.ASCII)
_HEXADECIMAL = re.compile(r"g?(?:[0-9a-f]{7,64}|[0-9A-F]{7,64})", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_RANDOM = re.compile(
    r"[0-9]+(?:[A-Za-z]+[0-9]+){2,}[A-Za-z]*|[A-Za-z]+(?:[0-9]+[A-Za-z]+){2,}[0-9]*",
    re.ASCII,
)
"""Letters and digits that alternate as in random names, such as ``x7k2p``."""
_SHORTEST_HASH = 7
_SPECIAL = re.compile(r"([.+*?()|\[\]{}^$\\])")
_MOST_NUMBERS = 4
_LONGEST = 256

Kind = Literal["numerical", "semver"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A filter that would read tags, and the kind of policy that orders what it extracts."""

    filter: TagFilter
    kind: Kind

    def __str__(self) -> str:
        how = "policy.numerical" if self.kind == "numerical" else "policy.semver"
        if self.kind == "semver" and "-" in self.filter.extract:
            how += " and a range that admits pre-releases, such as '>=0.0.0-0'"
        return f"pattern '{self.filter.pattern}' and extract '{self.filter.extract}' would fit, with {how}"


def version_or_none(value: str) -> bool:
    """Whether a value is a version to Flux."""
    try:
        parse_tag(value)
    except InvalidVersion:
        return False
    return True


def misordered(values: Collection[str]) -> tuple[str, str] | None:
    """Two values of which the one with the smaller number sorts above the other as a text; None when there are none.

    The two are equal up to the number, so this number decides between them. Digits inside hashes are no numbers.
    """
    found: dict[str, dict[str, str]] = {}
    for value, spans in _number_spans(values):
        for begin, end in spans:
            found.setdefault(value[:begin], {}).setdefault(value[begin:end].lstrip("0"), value)
    for by_number in found.values():
        ordered = [by_number[number] for number in sorted(by_number, key=lambda one: (len(one), one))]
        for smaller, greater in pairwise(ordered):
            if smaller > greater:
                return smaller, greater
    return None


def hash_decides(values: Collection[str]) -> bool:
    """Whether the first part in which most values differ is a hash, so that their order as texts means nothing."""
    group = _largest_group(values)
    if len(group) < 2 or len(group) * 2 < len(values):
        return False
    for column in zip(*(_parts(value) for value in group), strict=True):
        if len(set(column)) > 1:
            return _is_hash_column(column)
    return False


def fitting(tags: Collection[str]) -> Fit | None:
    """A filter that reads the tags of the commonest shape; None when no simple one does.

    Args:
        tags: in any order; those of other shapes are left to be filtered out.
    """
    group = _largest_group(tags)
    if not group or any(_UUID.search(tag) for tag in group):
        return None
    columns = [_column(texts) for texts in zip(*(_parts(tag) for tag in group), strict=True)]
    pattern, numbers = "", []
    constant = sum(len(one.numbers) for one in columns if not one.varies)
    varying = sum(len(one.numbers) for one in columns if one.varies)
    for one in columns:
        if one.skeleton is None:
            return None
        wanted = one.varies or constant + varying <= _MOST_NUMBERS
        for index, text in enumerate(one.skeleton):
            pattern += _escaped(text)
            if index < len(one.numbers) and not wanted:
                pattern += one.numbers[index][0]
            elif index < len(one.numbers):
                numbers.append(one.numbers[index])
                pattern += f"(?P<n{len(numbers)}>[0-9]+)"
        pattern += one.hash_pattern
    if len(numbers) == 1:
        pattern = pattern.replace("(?P<n1>", "(?P<n>")
    return _checked(pattern, numbers, group)


def _checked(pattern: str, numbers: Sequence[Sequence[str]], group: Sequence[str]) -> Fit | None:
    """The fit, if it really reads the tags."""
    extract = {1: "$n", 2: "$n1.$n2.0", 3: "$n1.$n2.$n3", 4: "$n1.$n2.$n3-$n4"}.get(len(numbers))
    if extract is None:
        return None
    kind: Kind = "numerical" if len(numbers) == 1 else "semver"
    wanted = TagFilter(pattern=f"^{pattern}$", extract=extract)
    values = [value for _, value in compile_filter(wanted).values(group)]
    if len(values) < len(group) or (kind == "semver" and not all(map(version_or_none, values))):
        return None
    return Fit(filter=wanted, kind=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One part of tags of the same shape.

    ``skeleton`` has the texts around the numbers, None when these differ; ``numbers`` has the digits of each tag for
    each number.
    """

    skeleton: tuple[str, ...] | None
    numbers: tuple[tuple[str, ...], ...] = ()
    varies: bool = False
    hash_pattern: str = ""


def _column(texts: Sequence[str]) -> _Column:
    if len(set(texts)) > 1 and _is_hash_column(texts):
        prefix = "g" if all(text.startswith("g") for text in texts) else ""
        return _Column(skeleton=(), hash_pattern=f"{prefix}[0-9a-f]+")
    if len(set(texts)) == 1 and not _NUMBER.fullmatch(texts[0]):
        return _Column(skeleton=(texts[0],))
    skeletons = {tuple(_DIGITS.split(text)) for text in texts}
    if len(skeletons) != 1:
        return _Column(skeleton=None)
    numbers = tuple(zip(*(_DIGITS.findall(text) for text in texts), strict=True))
    return _Column(skeleton=skeletons.pop(), numbers=numbers, varies=len(set(texts)) > 1)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _parts(value: str) -> list[str]:
    """The texts between separators, and the separators."""
    return _SEPARATORS.split(value)


def _shape(value: str) -> tuple[str, ...]:
    return tuple(_SEPARATORS.findall(value))


def _largest_group(values: Collection[str]) -> list[str]:
    """The values with the separators that most values have; of equally many, those with more numbers."""
    usable = [value for value in values if len(value) <= _LONGEST and _DIGITS.search(value)]
    groups: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for value in usable:
        groups.setdefault((_shape(value), value[:1].isdigit()), []).append(value)
    return max(groups.values(), key=len, default=[])


def _is_hash_column(texts: Iterable[str]) -> bool:
    """Whether the texts at one place are hashes: all are hexadecimal and long enough, and not all are numbers."""
    found = tuple(texts)
    long_enough = all(_HEXADECIMAL.fullmatch(text) for text in found)
    return long_enough and not all(text.isdigit() for text in found)


def _number_spans(values: Collection[str]) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Each value with the places of its numbers, those in hashes left out."""
    by_shape: dict[tuple[str, ...], list[str]] = {}
    for value in values:
        if len(value) <= _LONGEST and not _UUID.search(value):
            by_shape.setdefault(_shape(value), []).append(value)
    for group in by_shape.values():
        rows = [_parts(value) for value in group]
        hashes = {index for index, column in enumerate(zip(*rows, strict=True)) if _has_hash(column)}
        yield from ((value, _spans(row, hashes)) for value, row in zip(group, rows, strict=True))


def _spans(parts: Sequence[str], hashes: Collection[int]) -> list[tuple[int, int]]:
    """Where the numbers of a value are; ``hashes`` are the parts that may be hashes."""
    found, at = [], 0
    for index, part in enumerate(parts):
        is_hash = index in hashes and len(part) >= _SHORTEST_HASH
        if not is_hash and not _RANDOM.fullmatch(part):
            found += [(at + one.start(), at + one.end()) for one in _DIGITS.finditer(part)]
        at += len(part)
    return found


def _has_hash(texts: Iterable[str]) -> bool:
    """Whether any text at one place is a hash; digits only are a number unless others beside it are hashes."""
    return any(_HEXADECIMAL.fullmatch(text) and not text.isdigit() for text in texts)
