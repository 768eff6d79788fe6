"""Advice on semver policies: ranges that admit more or less than was meant, and tags that are no versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gocompat.semver.range import Constraint, InvalidRange, parse_range
from gocompat.semver.version import InvalidVersion, Version, parse_tag
from tagstream.domain.objects.fields import Problem
from tagstream.domain.select.tag_shapes import fitting, misordered

RANGE = "spec.policy.semver.range"
TAGS = "spec.policy.semver"
IS_A_VERSION = "a version is three numbers with two dots, such as 1.2.3"
_UPPER = re.compile(r"<\s*v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?![0-9.\-A-Za-z])", re.ASCII)
_BOUND = re.compile(r"(?<![-+.0-9A-Za-z])(v?(?:[0-9]+|[xX*])(?:\.(?:[0-9]+|[xX*])){0,2})(?![-+.0-9A-Za-z*])", re.ASCII)
_NUMBERED = re.compile(r"([A-Za-z-]*[A-Za-z])([0-9]+)", re.ASCII)
_PLATFORM = re.compile(
    r"[0-9]-(?:[a-z0-9.]*-)?(alpine|slim|bookworm|bullseye|debian|ubuntu|windows|linux|amd64|arm64|armv7|s390x)",
    re.ASCII,
)
_DIGIT = re.compile(r"[0-9]", re.ASCII)
_TWO_NUMBERS = re.compile(r"v?[0-9]+\.[0-9]+", re.ASCII)
# One tag in ten that is no version is worth a word; fewer are latest, stable and the like.
_FEW = 10


def range_advice(text: str, constraint: Constraint) -> Iterator[Problem]:
    """What a range says without looking at any tag."""
    if not is_satisfiable(constraint):
        yield _about(f"'{text}': no version can be in this range")
    for major, minor, patch in _UPPER.findall(text):
        upper = Version(int(major), int(minor or 0), int(patch or 0), prerelease="rc.1")
        if constraint.admits(upper):
            bound = f"{upper.major}.{upper.minor}.{upper.patch}"
            yield _about(
                f"'{text}' admits {upper}: pre-releases are looked at, and those of {bound} are below it;"
                f" write <{bound}-0 to keep them out"
            )


def no_version_advice(tags: Sequence[str], values: Sequence[str], extract: str) -> Iterator[Problem]:
    """When no value at all is a version: what would fit instead.

    Args:
        tags: those that match the filter; none when what is wrong with the filter is told already.
        values: what the policy compares, one for each tag that matches.
        extract: the policy's own; empty without one.
    """
    if not values or any(_version(value) is not None for value in values):
        return
    example = next((value for value in values if _DIGIT.search(value)), values[0])
    text = f"none of the {len(values)} values is a version to Flux, such as '{example}': {IS_A_VERSION}"
    numbered = [value for value in values if _DIGIT.search(value)]
    if all(value.isascii() and value.isdigit() for value in values):
        text += "; policy.numerical compares such numbers"
    elif numbered and all(_TWO_NUMBERS.fullmatch(value) for value in numbered):
        text += f"; extract '{_with_third_number(extract)}' makes them versions"
        text += "" if extract else " with pattern '^v?[0-9]+\\.[0-9]+$'"
    elif fit := fitting(tags):
        text += f"; spec.filterTags with {fit}"
    yield Problem(path=TAGS, message=text, is_warning=True)


def _with_third_number(extract: str) -> str:
    simple = re.fullmatch(r"\$(\w+)", extract)
    return f"${{{simple[1] if simple else '0'}}}.0" if simple or not extract else f"{extract}.0"


def version_advice(text: str, constraint: Constraint, values: Sequence[str]) -> Iterator[Problem]:
    """What values and range make of each other.

    Args:
        text: the range as written.
        constraint: the same range.
        values: what the policy compares.
    """
    versions = [one for one in map(_version, values) if one is not None]
    if not versions:
        return
    admitted = [one for one in versions if constraint.admits(one)]
    yield from _strange(values, len(versions))
    if not admitted:
        yield from _refused(text, constraint, versions)
    yield from _calendar(admitted)
    yield from _platforms([value for value in values if _version(value) is not None])
    yield from _numbered(admitted)


def _strange(values: Sequence[str], versions: int) -> Iterator[Problem]:
    strange = [value for value in values if _version(value) is None and _DIGIT.search(value)]
    if len(strange) > len(values) // _FEW:
        example = next((value for value in strange if value.removeprefix("v")[:1].isdigit()), strange[0])
        # Count as the table of explain does, which has words such as latest among those that are no versions.
        counted = f"{len(values) - versions} of {len(values)} tags"
        text = f"{counted} are no versions to Flux and are passed over, e.g. '{example}'"
        yield Problem(path=TAGS, message=f"{text}: {IS_A_VERSION}", is_warning=True)


def _refused(text: str, constraint: Constraint, versions: Sequence[Version]) -> Iterator[Problem]:
    """No version is in the range."""
    refused = [one for one in versions if constraint.admits(one, include_prereleases=True)]
    if refused:
        wider = range_with_prereleases(text, refused)
        how = f"write '{wider}' to admit them" if wider else "add -0 to the range's versions to admit them"
        best = max(refused, key=lambda one: one.key)
        yield _about(
            f"'{text}' looks for releases only, and all {len(refused)} versions in it are pre-releases to Flux,"
            f" such as {best}: {how}"
        )
    elif is_satisfiable(constraint):
        highest = max(versions, key=lambda one: one.key)
        yield _about(f"'{text}' admits none of the {len(versions)} versions; the highest is {highest}")


def range_with_prereleases(text: str, refused: Sequence[Version]) -> str:
    """The same range with pre-releases, empty when it cannot be written by adding ``-0`` to its versions."""
    wider = _BOUND.sub(r"\1-0", text)
    try:
        constraint = parse_range(wider)
    except InvalidRange:
        return ""
    return wider if all(map(constraint.admits, refused)) else ""


def _calendar(admitted: Sequence[Version]) -> Iterator[Problem]:
    """Dates beside version numbers, of those that the range admits."""
    dates = sum(map(_is_date, admitted))
    if 0 < dates < len(admitted):
        yield Problem(
            path=TAGS,
            message=(
                f"{dates} of {len(admitted)} versions in the range look like dates and the others do not: a date beats"
                " every version number; keep one scheme apart with spec.filterTags"
            ),
            is_warning=True,
        )


def _is_date(version: Version) -> bool:
    """A year and a month, or both in one number, perhaps with the day."""
    if 2000 <= version.major < 2100:
        return version.minor <= 12 or 101 <= version.minor <= 1231
    return 200001 <= version.major <= 209912 or 20000101 <= version.major <= 20991231


def _platforms(values: Sequence[str]) -> Iterator[Problem]:
    platforms = sorted({found[1] for value in values if (found := _PLATFORM.search(value))})
    if platforms:
        text = f"tags end with {', '.join(platforms)}: semver takes such a suffix for a pre-release"
        how = "split them with spec.filterTags and extract the version"
        yield Problem(path=TAGS, message=f"{text}; {how}", is_warning=True)


def _numbered(admitted: Sequence[Version]) -> Iterator[Problem]:
    """Identifiers of pre-releases that are compared as texts although they have numbers."""
    found: dict[tuple[object, ...], dict[str, None]] = {}
    for version in admitted:
        identifiers = version.prerelease.split(".")
        for index, one in enumerate(identifiers):
            if one and not one.isdigit():
                place = (version.major, version.minor, version.patch, *identifiers[:index])
                found.setdefault(place, {})[one] = None
    told = set()
    for identifiers_there in found.values():
        pair = misordered(identifiers_there)
        if pair is None:
            continue
        smaller, greater = pair
        words = _NUMBERED.fullmatch(smaller), _NUMBERED.fullmatch(greater)
        word = words[0][1] if words[0] and words[1] else ""
        if word in told:
            continue
        told.add(word)
        how = "extract the number as an identifier of its own, such as $version-$number"
        if words[0] and words[1]:
            how = f"write {'.'.join(words[0].groups())} and {'.'.join(words[1].groups())}"
        text = f"pre-releases {smaller} and {greater} are compared as texts, {smaller} wins: {how}"
        yield Problem(path=TAGS, message=text, is_warning=True)


def _version(value: str) -> Version | None:
    try:
        return parse_tag(value)
    except InvalidVersion:
        return None


def _about(message: str) -> Problem:
    return Problem(path=RANGE, message=message, is_warning=True)


def is_satisfiable(constraint: Constraint) -> bool:
    """Whether a range admits any version: if it does, it admits one at, just below or just above one of its bounds."""
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
