"""Advice on alphabetical and numerical policies: numbers compared as texts, decimals, hashes, values without number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from gocompat.floats import InvalidNumber, parse_number
from tagstream.domain.objects.fields import Problem
from tagstream.domain.select.tag_shapes import fitting, hash_decides, misordered

ALPHABETICAL = "spec.policy.alphabetical"
NUMERICAL = "spec.policy.numerical"
_DECIMAL = re.compile(r"([0-9]+)\.([0-9]+)", re.ASCII)
_EXPONENT = re.compile(r"[0-9]+[eE][0-9]+", re.ASCII)
_DAY_FIRST = re.compile(r"(?<![0-9])[0-3][0-9]([-._])[01][0-9]\1(?:19|20)[0-9]{2}(?![0-9])", re.ASCII)
_PRERELEASE = re.compile(r"v?[0-9]+\.[0-9]+(?:\.[0-9]+)?-(?:alpha|beta|rc|pre|preview|dev|snapshot)[-.0-9]*", re.ASCII)
_WORDS = re.compile(r"[+-]?(?:inf|infinity|nan)", re.ASCII | re.IGNORECASE)


def alphabetical_advice(tags: Sequence[str], values: Sequence[str]) -> Iterator[Problem]:
    """What goes wrong when these values are compared as texts.

    Args:
        tags: those that match the filter.
        values: what the policy compares, one for each tag.
    """
    fit = fitting(tags)
    how = f"spec.filterTags with {fit}" if fit else "extract a number and use numerical, or use semver"
    if all(value.isascii() and value.isdigit() for value in values):
        how = "policy.numerical compares such numbers"
    if pair := misordered(values):
        text = f"compares texts: numbers of different length sort wrongly (10 before 9), {_shown(pair)}"
        yield _about(ALPHABETICAL, f"{text}; {how}")
    elif hash_decides(values):
        text = "compares hashes before anything else, whose order says nothing of a tag's age"
        yield _about(ALPHABETICAL, f"{text}; {how if fit else 'extract a number or a date'}")
    if dates := [value for value in values if _DAY_FIRST.search(value)]:
        text = f"compares texts: '{dates[0]}' begins with the day, so the order is not that of the dates"
        yield _about(ALPHABETICAL, f"{text}; extract year, month and day in this order")
    yield from _releases(values)


def _releases(values: Sequence[str]) -> Iterator[Problem]:
    """A version's pre-releases sort above the version itself, because their texts are longer."""
    known = set(values)
    for value in sorted(known, reverse=True):
        release = value.partition("-")[0]
        if release in known and _PRERELEASE.fullmatch(value):
            text = f"compares texts: the pre-release '{value}' is above its release '{release}'"
            yield _about(ALPHABETICAL, f"{text}; semver puts it below")
            return


def numerical_advice(tags: Sequence[str], values: Sequence[str]) -> Iterator[Problem]:
    """What goes wrong when these values are compared as numbers; arguments as ``alphabetical_advice``."""
    refused = [value for value in values if not _is_number(value)]
    if refused:
        text = f"{len(refused)} of {len(values)} values are no numbers, such as '{refused[0]}': one is enough to fail"
        fit = fitting(tags)
        how = f"spec.filterTags with {fit}" if fit else "keep them out with spec.filterTags"
        yield _about(NUMERICAL, f"{text} the policy; {how}")
    exponents = [value for value in values if _EXPONENT.fullmatch(value)]
    if exponents:
        text = f"reads '{exponents[0]}' as a number with an exponent; if it is a hash, extract a number or a date"
        yield _about(NUMERICAL, text)
    if words := [value for value in values if _WORDS.fullmatch(value)]:
        yield _about(NUMERICAL, f"reads the word '{words[0]}' as a number; keep it out with spec.filterTags")
    if pair := _decimals(values):
        text = f"compares decimal numbers: {pair[0]} is greater than {pair[1]}"
        yield _about(NUMERICAL, f"{text}; for versions use semver, with '.0' added by spec.filterTags.extract")


def _decimals(values: Sequence[str]) -> tuple[str, str] | None:
    """Two decimals of which the greater one has the smaller number behind the point, as 2.9 and 2.40."""
    by_whole: dict[str, dict[int, tuple[str, str]]] = {}
    for value in values:
        found = _DECIMAL.fullmatch(value)
        if found and len(value) < 100:
            by_whole.setdefault(found[1], {}).setdefault(int(found[2]), (found[2], value))
    for fractions in by_whole.values():
        ordered = [fractions[number] for number in sorted(fractions)]
        for (smaller, one), (greater, other) in pairwise(ordered):
            # Of the same whole number, decimals compare as the texts behind the point do.
            if smaller > greater:
                return one, other
    return None


def _is_number(value: str) -> bool:
    try:
        parse_number(value)
    except InvalidNumber:
        return False
    return True


def _shown(pair: tuple[str, str]) -> str:
    smaller, greater = pair
    return f"'{smaller}' is above '{greater}'"


def _about(path: str, message: str) -> Problem:
    return Problem(path=path, message=message, is_warning=True)
