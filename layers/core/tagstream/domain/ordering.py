"""How each kind of policy orders the values it is given.

In: a PolicyChoice. Out: an Ordering that ranks values and finds the best of many.

Source: image-reflector-controller internal/policy/{factory,semver,alphabetical,numerical}.go; vectors policy.json.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from tagstream.domain.constraint import Constraint, InvalidRange, parse_range
from tagstream.domain.gofloat import ExactNumber, InvalidNumber, parse_number
from tagstream.domain.model import PolicyChoice
from tagstream.domain.semver import LOOSE, InvalidVersion, Version, parse_tag

Rank = tuple[object, ...]
"""Comparable with every other rank of the same ordering; the greatest is selected."""


class InvalidPolicy(ValueError):
    """A policy that cannot order anything; the message is Flux's, with its ``invalid policy: `` in front."""


class InvalidValue(ValueError):
    """A value that this ordering cannot place. ``state`` is the verdict on the tag that has it."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


class Ordering(Protocol):
    """One kind of policy."""

    @property
    def strict(self) -> bool:
        """Whether one value that cannot be placed fails the whole policy."""

    def rank(self, value: str) -> Rank:
        """Where a value stands.

        Raises:
            InvalidValue: nowhere.
        """

    def best(self, values: Iterable[str]) -> str | None:
        """The value of the greatest rank; None when none has a rank.

        Raises:
            InvalidValue: a strict ordering met a value it cannot place.
        """


def encoded(value: str) -> bytes:
    """Bytes in Go's order of strings."""
    return value.encode("utf-8", "surrogatepass")


def inverted(value: str) -> tuple[int, ...]:
    """Sorts the other way round than the value's bytes: the smallest string comes out greatest."""
    return (*(-byte for byte in encoded(value)), 1)


@dataclass(frozen=True, slots=True)
class SemverOrdering:
    """Versions inside a range; equal versions in descending order of their text, as Flux stores tags."""

    constraint: Constraint

    @property
    def strict(self) -> bool:
        """Tags that are no versions are passed over."""
        return False

    def rank(self, value: str) -> Rank:
        """The version's key, then the text."""
        try:
            version = parse_tag(value)
        except InvalidVersion as error:
            raise InvalidValue(str(error), "not a version") from error
        if not self.constraint.admits(version):
            reasons = self.constraint.refusals(version)
            raise InvalidValue("; ".join(reasons), "out of range")
        return (version.key, encoded(value))

    def best(self, values: Iterable[str]) -> str | None:
        """One pass; a value is parsed whole and checked only when its numbers can win."""
        prereleases = self.constraint.admits_prereleases
        found: str | None = None
        highest = (-1, -1, -1)
        rank: Rank | None = None
        match = LOOSE.fullmatch
        for value in values:
            if value.count(".") < 2 or (parts := match(value)) is None:
                continue
            major, minor, patch, prerelease, _ = parts.groups()
            if prerelease and not prereleases:
                continue
            numbers = (int(major), int(minor or 0), int(patch or 0))
            if numbers < highest:
                continue
            candidate = self._rank_or_none(value)
            if candidate is not None and (rank is None or candidate > rank):
                found, rank, highest = value, candidate, numbers
        return found

    def _rank_or_none(self, value: str) -> Rank | None:
        version = _version(value)
        return (version.key, encoded(value)) if version is not None and self.constraint.admits(version) else None


def _version(value: str) -> Version | None:
    try:
        return parse_tag(value)
    except InvalidVersion:
        return None


@dataclass(frozen=True, slots=True)
class AlphabeticalOrdering:
    """Byte order; ascending selects the last, descending the first."""

    ascending: bool

    @property
    def strict(self) -> bool:
        """Every value has a place."""
        return False

    def rank(self, value: str) -> Rank:
        """The bytes, turned round for descending."""
        return (encoded(value),) if self.ascending else (inverted(value),)

    def best(self, values: Iterable[str]) -> str | None:
        """Python orders text by code point, which is the order of its UTF-8 bytes."""
        return max(values, default=None) if self.ascending else min(values, default=None)


@dataclass(frozen=True, slots=True)
class NumericalOrdering:
    """Exact numbers; equal ones by the smallest text, since Flux lets the later of its descending list win."""

    ascending: bool

    @property
    def strict(self) -> bool:
        """One value that is no number fails the policy."""
        return True

    def rank(self, value: str) -> Rank:
        """The number, turned round for descending; NaN is below everything."""
        return (self._number(value), inverted(value))

    def best(self, values: Iterable[str]) -> str | None:
        """One pass; of several values that are no numbers the error names the one Flux meets first."""
        found: str | None = None
        highest: ExactNumber | None = None
        refused: dict[str, InvalidValue] = {}
        for value in values:
            try:
                number = self._number(value)
            except InvalidValue as error:
                refused[value] = error
                continue
            if highest is None or number > highest or (number == highest and found is not None and value < found):
                found, highest = value, number
        if refused:
            raise refused[max(refused)]
        return found

    def _number(self, value: str) -> ExactNumber:
        try:
            number = parse_number(value)
        except InvalidNumber as error:
            raise InvalidValue(f"failed to parse invalid numeric value '{value}'", "not a number") from error
        if number is None:
            return (-2, Fraction(0))
        infinity, exact = number
        return (infinity, exact) if self.ascending else (-infinity, -exact)


def compile_ordering(policy: PolicyChoice) -> Ordering:
    """The first member set of semver, alphabetical, numerical.

    Raises:
        InvalidPolicy: ``invalid policy: …``.
    """
    if policy.semver is not None:
        try:
            return SemverOrdering(parse_range(policy.semver))
        except InvalidRange as error:
            raise InvalidPolicy(f"invalid policy: {error}") from error
    if policy.alphabetical is not None:
        return AlphabeticalOrdering(_is_ascending(policy.alphabetical))
    if policy.numerical is not None:
        return NumericalOrdering(_is_ascending(policy.numerical))
    raise InvalidPolicy("invalid policy: given ImagePolicyChoice object is invalid")


def _is_ascending(order: str) -> bool:
    wanted = order.upper() or "ASC"
    if wanted not in ("ASC", "DESC"):
        raise InvalidPolicy(f"invalid policy: invalid order argument provided: '{wanted}', must be one of: ASC, DESC")
    return wanted == "ASC"
