"""What users of policies trip on, said before it bites.

In: a policy, and tags when there are any. Out: sentences.

Source: the questions asked in image-reflector-controller's issues #192, #250, #296, #932 and flux-operator #608.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gocompat.semver.range import Constraint, InvalidRange, parse_range
from gocompat.semver.version import InvalidVersion, Version, parse_tag
from tagstream.domain.objects.model import ImagePolicy
from tagstream.domain.select.filter import InvalidFilter, compile_filter

FLOATING = ("latest", "main", "master", "edge", "nightly", "stable", "dev", "develop")
_UPPER = re.compile(r"<\s*v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?![0-9.\-A-Za-z])", re.ASCII)
_NUMBERED = re.compile(r"([A-Za-z][A-Za-z-]*)([0-9]+)", re.ASCII)
_PLATFORM = re.compile(
    r"[0-9]-(?:[a-z0-9.]*-)?(alpine|slim|bookworm|bullseye|debian|ubuntu|windows|linux|amd64|arm64|armv7|s390x)",
    re.ASCII,
)
_DIGITS = re.compile(r"[0-9]+", re.ASCII)


def policy_advice(policy: ImagePolicy, tags: Sequence[str] = ()) -> tuple[str, ...]:
    """Everything worth a second look.

    Args:
        policy: without errors.
        tags: of its repository; without them only the policy itself is looked at.
    """
    seen = _seen(policy, tags)
    return (*_floating(policy), *_order(policy), *_range(policy), *_tags(policy, seen))


def is_satisfiable(constraint: Constraint) -> bool:
    """Whether any version can be in a range: one at, just below or just above a bound is, when any is."""
    for group in constraint.groups:
        for term in group.terms:
            if any(constraint.admits(one) for one in _around(term.version)):
                return True
    return constraint.admits(Version(0, 0, 0)) or constraint.admits(Version(999999, 0, 0))


def _around(version: Version) -> Iterator[Version]:
    major, minor, patch = version.major, version.minor, version.patch
    yield version
    yield Version(major, minor, patch)
    for one in ((major, minor, patch + 1), (major, minor + 1, 0), (major + 1, 0, 0)):
        yield Version(*one)
        yield Version(*one, prerelease="0")
    if patch:
        yield Version(major, minor, patch - 1)
    elif minor:
        yield Version(major, minor - 1, 999999)
    elif major:
        yield Version(major - 1, 999999, 999999)
    yield Version(major, minor, patch, prerelease="0")
    yield Version(major, minor, patch, prerelease=f"{version.prerelease or 'zz'}.0")


def _seen(policy: ImagePolicy, tags: Sequence[str]) -> list[str]:
    """What the policy orders: the extracted value of every tag that matches."""
    if policy.filter_tags is None:
        return list(tags)
    try:
        return [value for _, value in compile_filter(policy.filter_tags).values(tags)]
    except InvalidFilter:
        return []


def _floating(policy: ImagePolicy) -> Iterator[str]:
    if policy.filter_tags is None or policy.digest_reflection != "Never":
        return
    text = policy.filter_tags.pattern.removeprefix("^").removesuffix("$")
    if text in FLOATING:
        yield (
            f"spec.filterTags.pattern {policy.filter_tags.pattern!r} always selects the tag {text!r}, so nothing ever"
            " changes: set spec.digestReflectionPolicy to follow what it points to"
        )


def _order(policy: ImagePolicy) -> Iterator[str]:
    for name, order in (("alphabetical", policy.policy.alphabetical), ("numerical", policy.policy.numerical)):
        if order is not None and order.lower() == "desc" and policy.policy.semver is None:
            yield (
                f"spec.policy.{name}.order 'desc' selects the smallest value (the last one when sorted downwards);"
                " 'asc' selects the greatest"
            )
            return


def _range(policy: ImagePolicy) -> Iterator[str]:
    text = policy.policy.semver
    if text is None:
        return
    try:
        constraint = parse_range(text)
    except InvalidRange:
        return
    if not is_satisfiable(constraint):
        yield f"spec.policy.semver.range {text!r}: no version can be in this range"
    for major, minor, patch in _UPPER.findall(text):
        upper = Version(int(major), int(minor or 0), int(patch or 0), prerelease="rc.1")
        if constraint.admits(upper):
            bound = f"{upper.major}.{upper.minor}.{upper.patch}"
            yield (
                f"spec.policy.semver.range {text!r} admits {upper}: pre-releases are looked at, and those of {bound}"
                f" are below it; write <{bound}-0 to keep them out"
            )


def _tags(policy: ImagePolicy, values: Sequence[str]) -> Iterator[str]:
    if policy.policy.semver is not None:
        yield from _versions(values)
        if _admits_prereleases(policy.policy.semver):
            yield from _numbered(values)
    elif policy.policy.alphabetical is not None:
        lengths = {len(_DIGITS.findall(value)[-1]) for value in values if _DIGITS.search(value)}
        if len(lengths) > 1 and all(_DIGITS.search(value) for value in values):
            yield (
                "spec.policy.alphabetical compares texts: numbers of different length sort wrongly (10 before 9);"
                " extract a number and use numerical, or use semver"
            )


def _versions(values: Sequence[str]) -> Iterator[str]:
    versions = [one for one in map(_version, values) if one is not None]
    strange = [value for value in values if _version(value) is None and _DIGITS.search(value)]
    if versions and len(strange) > len(values) // 10:
        yield (
            f"{len(strange)} of {len(values)} tags are no versions to Flux and are passed over, e.g."
            f" {strange[0]!r}: a version has two dots"
        )
    calendar = sum(one.major >= 2000 for one in versions)
    if 0 < calendar < len(versions):
        yield (
            f"{calendar} of {len(versions)} versions look like dates and the others do not: a date beats every"
            " version number; keep one scheme apart with spec.filterTags"
        )
    platforms = sorted({found[1] for value in values if (found := _PLATFORM.search(value))})
    if platforms:
        yield (
            f"tags end with {', '.join(platforms)}: semver takes such a suffix for a pre-release; split them with"
            " spec.filterTags and extract the version"
        )


def _admits_prereleases(text: str) -> bool:
    try:
        return parse_range(text).admits_prereleases
    except InvalidRange:
        return False


def _numbered(values: Sequence[str]) -> Iterator[str]:
    widths: dict[str, set[int]] = {}
    for version in filter(None, map(_version, values)):
        found = _NUMBERED.fullmatch(version.prerelease.partition(".")[0])
        if found:
            widths.setdefault(found[1], set()).add(len(found[2]))
    for word, lengths in sorted(widths.items()):
        if len(lengths) > 1:
            yield f"pre-releases {word}9 and {word}10 are compared as texts, {word}9 wins: write {word}.9 and {word}.10"


def _version(value: str) -> Version | None:
    try:
        return parse_tag(value)
    except InvalidVersion:
        return None
