"""Versions as Masterminds/semver parses and orders them, and Flux's stricter rule for a tag.

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
_DIGITS = re.compile(r"[0-9]*", re.ASCII)

PreKey = tuple[int, tuple[tuple[int, int, str], ...]]
"""Sorts pre-releases: (1, ()) for a release, (0, identifiers) for a pre-release, which comes before its release."""
RELEASE: PreKey = (1, ())
SortKey = tuple[int, int, int, PreKey]


class InvalidVersion(ValueError):
    """The text is not a version; the message is that of Masterminds/semver."""


@dataclass(frozen=True)
class Version:
    """A version. To compare two versions, compare their ``key``, which ignores build metadata as SemVer demands."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""
    metadata: str = ""

    @cached_property
    def key(self) -> SortKey:
        """Sorts versions as Masterminds' Compare does."""
        return (self.major, self.minor, self.patch, prerelease_key(self.prerelease))

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        text += f"-{self.prerelease}" if self.prerelease else ""
        return text + (f"+{self.metadata}" if self.metadata else "")


def prerelease_key(prerelease: str) -> PreKey:
    """Sorts pre-releases by identifier: a missing one first, then numbers by value, then text by its bytes."""
    if not prerelease:
        return RELEASE
    return (0, tuple(_identifier_key(one) for one in prerelease.split(".")))


def _identifier_key(identifier: str) -> tuple[int, int, str]:
    # Masterminds compares a number that does not fit into a uint64 as text.
    if identifier.isdigit() and (value := _small(identifier)) is not None:
        return (0, value, "")
    return (1, 0, identifier)


def _small(digits: str) -> int | None:
    if len(digits) > 20:
        return None
    value = int(digits)
    return value if value <= UINT64_MAX else None


def parse_version(text: str) -> Version:
    """Parse a version leniently (semver.NewVersion): ``v``, missing parts and leading zeros are allowed.

    Raises:
        InvalidVersion: in Masterminds' words.
    """
    found = LOOSE.fullmatch(text)
    if found is None:
        raise InvalidVersion("invalid semantic version")
    major, minor, patch, prerelease, metadata = found.groups()
    x, y, z = (_number(part or "0") for part in (major, minor, patch))
    if prerelease and any(_starts_with_zero(one) for one in prerelease.split(".")):
        raise InvalidVersion("version segment starts with 0")
    return Version(x, y, z, prerelease or "", metadata or "")


def parse_tag(tag: str) -> Version:
    """Parse a tag by Flux's rule (version.ParseVersion): it must have two dots; then as ``parse_version``.

    Raises:
        InvalidVersion: the tag has fewer than two dots, or as ``parse_version``.
    """
    if tag.count(".") < 2:
        raise InvalidVersion("invalid semantic version")
    return parse_version(tag)


def _starts_with_zero(part: str) -> bool:
    return len(part) > 1 and part[0] == "0" and _DIGITS.fullmatch(part) is not None


def _number(digits: str) -> int:
    value = _small(digits.lstrip("0") or "0")
    if value is None:
        problem = f'strconv.ParseUint: parsing "{digits}": value out of range'
        raise InvalidVersion(f"error parsing version segment: {problem}")
    return value
