"""How each kind of policy orders the values it is given.

An ordering ranks one value for explaining, and finds the best of many for selecting; both must agree.

Source: image-reflector-controller internal/policy/{factory,semver,alphabetical,numerical}.go; vectors policy.json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gocompat.floats import ExactNumber, InvalidNumber, are_numbers_of_one_length, are_whole_numbers, parse_number
from gocompat.semver.range import Constraint, InvalidRange, parse_range
from gocompat.semver.version import LOOSE, RELEASE, UINT64_MAX, InvalidVersion, SortKey, parse_tag
from tagstream.domain.objects.model import PolicyChoice

# A registry admits no longer tag. A longer value comes from an extract and is parsed with more care.
LONGEST_TAG = 128
_LOWEST: SortKey = (-1, 0, 0, RELEASE)
Rank = tuple[object, ...]
"""Comparable with every other rank of the same ordering; the greatest is selected."""


class InvalidPolicy(ValueError):
    """A policy that cannot order anything; the message is Flux's, with its ``invalid policy: `` in front."""


class InvalidValue(ValueError):
    """A value that has no place in an ordering. ``state`` is the verdict on its tag."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


Accepts = Callable[[str], bool]


def everything(value: str) -> bool:
    """Accepts any value."""
    return True


class Ordering(Protocol):
    """One kind of policy."""

    @property
    def strict(self) -> bool:
        """Whether one value that cannot be placed fails the whole policy."""

    def rank(self, value: str) -> Rank:
        """Where a value stands.

        Raises:
            InvalidValue: the value has no place.
        """

    def rank_anywhere(self, value: str) -> Rank:
        """The same for a value that need not be admitted, such as a version outside of the range.

        Raises:
            InvalidValue: the value cannot be compared with any other.
        """

    def best(self, values: Iterable[str], accepts: Accepts = everything, *, descending: bool = False) -> str | None:
        """The accepted value of the greatest rank; None when none has a rank.

        Args:
            values: in any order.
            accepts: asked as late as possible, because a filter's pattern costs more than anything else here.
            descending: the values are a sequence in descending byte order.

        Raises:
            InvalidValue: a strict ordering met a value it cannot place.
        """


def encoded(value: str) -> bytes:
    """Bytes in Go's order of strings."""
    return value.encode("utf-8", "surrogatepass")


def inverted(value: str) -> tuple[int, ...]:
    """A key that sorts texts in the opposite order of their bytes."""
    return (*(-byte for byte in encoded(value)), 1)


@dataclass(frozen=True, slots=True)
class SemverOrdering:
    """Versions in a range; of equal versions the one with the greater text wins, as in Flux's stored order."""

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

    def rank_anywhere(self, value: str) -> Rank:
        """The same whatever the range says."""
        try:
            return (parse_tag(value).key, encoded(value))
        except InvalidVersion as error:
            raise InvalidValue(str(error), "not a version") from error

    def best(self, values: Iterable[str], accepts: Accepts = everything, *, descending: bool = False) -> str | None:
        """One pass; only a value that would win is checked against the range."""
        prereleases, admits = self.constraint.admits_prereleases, self.constraint.admits_key
        found, best = "", _LOWEST
        # The texts before the first point that are a lower major version than the best.
        lower: set[str] = set()
        for value in values:
            head = value.partition(".")[0]
            if head in lower:
                continue
            major = head.removeprefix("v")
            if len(major) < 20 and major.isdecimal() and int(major) < best[0]:
                lower.add(head)
                continue
            if value.count(".") < 2 or (not prereleases and "-" in value and "+" not in value):
                continue
            parts = LOOSE.fullmatch(value)
            if parts is None or len(value) > LONGEST_TAG:
                key = None if parts is None else _key(value)
            else:
                key = (int(parts[1]), int(parts[2] or 0), int(parts[3] or 0), RELEASE)
                if key >= best and (parts[4] or max(key[:3]) > UINT64_MAX):
                    key = _key(value)
            if key is None or key < best or (key == best and value <= found):
                continue
            if admits(key) and accepts(value):
                found, best = value, key
        return found or None


def _key(value: str) -> SortKey | None:
    try:
        return parse_tag(value).key
    except InvalidVersion:
        return None


@dataclass(frozen=True, slots=True)
class AlphabeticalOrdering:
    """Byte order; ``asc`` selects the greatest value, ``desc`` the smallest."""

    ascending: bool

    @property
    def strict(self) -> bool:
        """Every text has a place."""
        return False

    def rank(self, value: str) -> Rank:
        """The bytes, inverted for ``desc``."""
        return (encoded(value),) if self.ascending else (inverted(value),)

    def rank_anywhere(self, value: str) -> Rank:
        """The same."""
        return self.rank(value)

    def best(self, values: Iterable[str], accepts: Accepts = everything, *, descending: bool = False) -> str | None:
        """One pass, which ends at the first accepted value when the values are in order."""
        if descending and isinstance(values, Sequence):
            return next(filter(accepts, values if self.ascending else reversed(values)), None)
        # Python orders text by code point, which is the order of its UTF-8 bytes.
        if accepts is everything:
            return max(values, default=None) if self.ascending else min(values, default=None)
        found: str | None = None
        for value in values:
            if found is not None and (value <= found if self.ascending else value >= found):
                continue
            if accepts(value):
                found = value
        return found


@dataclass(frozen=True, slots=True)
class NumericalOrdering:
    """Exact numbers; of equal numbers the smallest text wins, because Flux keeps the last of its descending list."""

    ascending: bool

    @property
    def strict(self) -> bool:
        """A single value that is no number fails the whole policy."""
        return True

    def rank(self, value: str) -> Rank:
        """The number, negated for ``desc``; NaN is below everything."""
        return (self._number(value), inverted(value))

    def rank_anywhere(self, value: str) -> Rank:
        """The same."""
        return self.rank(value)

    def best(self, values: Iterable[str], accepts: Accepts = everything, *, descending: bool = False) -> str | None:
        """One pass; when values are no numbers, the error names the one that Flux meets first."""
        values = list(values if accepts is everything else filter(accepts, values))
        pick = max if self.ascending else min
        if are_numbers_of_one_length(values):
            # Build numbers and timestamps.
            if descending:
                return values[0] if self.ascending else values[-1]
            return pick(values)
        if are_whole_numbers(values):
            whole = [int(value) for value in values]
            highest_whole = pick(whole)
            return min(value for value, number in zip(values, whole, strict=True) if number == highest_whole)
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
            return (-2, 0)
        infinity, exact = number
        return (infinity, exact) if self.ascending else (-infinity, -exact)


def compile_ordering(policy: PolicyChoice) -> Ordering:
    """The ordering of the first member that is set: semver, alphabetical or numerical.

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
