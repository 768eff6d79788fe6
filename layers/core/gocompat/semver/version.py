"""Versions as Masterminds/semver reads them, and the stricter rule by which Flux takes a tag for one.

In: texts. Out: Version values with a sort key.

Source: Masterminds/semver v3 version.go; fluxcd/pkg version/version.go (ParseVersion); vectors semver_versions.json,
semver_compare.json.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

UINT64_MAX = 2**64 - 1
_IDS = r"[0-9A-Za-z-]+(?>\.[0-9A-Za-z-]+)*+"
LOOSE = re.compile(rf"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-({_IDS}))?(?:\+({_IDS}))?", re.ASCII)
_ALLOWED = re.compile(r"[0-9A-Za-z-]+", re.ASCII)
_DIGITS = re.compile(r"[0-9]*", re.ASCII)

PreKey = tuple[int, tuple[tuple[int, int, str], ...]]
"""Sorts pre-releases: a release is (1, ()), a pre-release (0, identifiers)."""
RELEASE: PreKey = (1, ())
SortKey = tuple[int, int, int, PreKey]


class InvalidVersion(ValueError):
    """Not a version; the message is Masterminds'."""


@dataclass(frozen=True)
class Version:
    """A version; equality and order go by ``key``, build metadata does not count."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    metadata: str = ""

    @cached_property
    def key(self) -> SortKey:
        """Sorts as Masterminds' Compare."""
        return (self.major, self.minor, self.patch, prerelease_key(self.prerelease))

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        text += f"-{self.prerelease}" if self.prerelease else ""
        return text + (f"+{self.metadata}" if self.metadata else "")


def prerelease_key(prerelease: str) -> PreKey:
    """Identifiers left to right: numbers before text, numbers by value, text bytewise, a missing one first."""
    if not prerelease:
        return RELEASE
    return (0, tuple(_identifier_key(one) for one in prerelease.split(".")))


def _identifier_key(identifier: str) -> tuple[int, int, str]:
    # A number that no uint64 holds is compared as text (strconv.ParseUint fails).
    if identifier.isdigit() and (value := _small(identifier)) is not None:
        return (0, value, "")
    return (1, 0, identifier)


def _small(digits: str) -> int | None:
    if len(digits) > 20:
        return None
    value = int(digits)
    return value if value <= UINT64_MAX else None


def parse_version(text: str) -> Version:
    """A loose version: ``v``, missing parts and leading zeros are fine (NewVersion with CoerceNewVersion).

    Raises:
        InvalidVersion: Masterminds' text.
    """
    found = LOOSE.fullmatch(text)
    if found is None:
        raise InvalidVersion("invalid semantic version")
    major, minor, patch, prerelease, metadata = found.groups()
    x, y, z = (_number(part or "0", "error parsing version segment: ") for part in (major, minor, patch))
    if prerelease and any(_starts_with_zero(one) for one in prerelease.split(".")):
        raise InvalidVersion("version segment starts with 0")
    return Version(x, y, z, prerelease or "", metadata or "")


def parse_tag(tag: str) -> Version:
    """A tag as a version by Flux's rule: at least two dots anywhere, then loose.

    Raises:
        InvalidVersion: with too few dots, or as ``parse_version``.
    """
    if tag.count(".") < 2:
        raise InvalidVersion("invalid semantic version")
    return parse_version(tag)


def parse_strict_version(text: str) -> Version:
    """Exactly ``N.N.N[-pre][+build]`` without ``v`` and leading zeros (StrictNewVersion).

    Raises:
        InvalidVersion: Masterminds' text, checked in its order.
    """
    if not text:
        raise InvalidVersion("version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise InvalidVersion("invalid semantic version")
    parts[2], plus, metadata = parts[2].partition("+")
    if plus and not all(_ALLOWED.fullmatch(one) for one in metadata.split(".")):
        raise InvalidVersion("invalid metadata string")
    parts[2], dash, prerelease = parts[2].partition("-")
    if dash:
        _check_prerelease(prerelease)
    for part in parts:
        if not _DIGITS.fullmatch(part):
            raise InvalidVersion("invalid characters in version")
        if _starts_with_zero(part):
            raise InvalidVersion("version segment starts with 0")
    major, minor, patch = (_number(part) for part in parts)
    return Version(major, minor, patch, prerelease, metadata)


def _check_prerelease(prerelease: str) -> None:
    for one in prerelease.split("."):
        if _starts_with_zero(one):
            raise InvalidVersion("version segment starts with 0")
        if not _ALLOWED.fullmatch(one):
            raise InvalidVersion("invalid prerelease string")


def _starts_with_zero(part: str) -> bool:
    return len(part) > 1 and part[0] == "0" and _DIGITS.fullmatch(part) is not None


def _number(digits: str, prefix: str = "") -> int:
    if not digits:
        raise InvalidVersion(f'{prefix}strconv.ParseUint: parsing "": invalid syntax')
    value = _small(digits.lstrip("0") or "0")
    if value is None:
        raise InvalidVersion(f'{prefix}strconv.ParseUint: parsing "{digits}": value out of range')
    return value
