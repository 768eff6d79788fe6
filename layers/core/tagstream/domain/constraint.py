"""Version ranges as Masterminds/semver reads them.

In: ``spec.policy.semver.range``. Out: a Constraint that admits versions, or says why it does not.

Source: Masterminds/semver v3 constraints.go (3.4 and later); vectors semver_constraint_parse.json,
semver_constraints.json, semver_constraints_include_prerelease.json.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tagstream.domain.goquote import quote
from tagstream.domain.semver import InvalidVersion, SortKey, Version, parse_version

_WS = r"[\t\n\f\r ]"
_OPERATOR = r"(?>!=|>=|=>|<=|=<|~>|=|>|<|~|\^|)"
_PART = r"[0-9|xX*]+"
_IDS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_OPERAND = rf"(?>v?{_PART}(?:\.{_PART})?(?:\.{_PART})?(?:-{_IDS})?(?:\+{_IDS})?)"
_TERM = rf"{_OPERATOR}{_WS}*+{_OPERAND}"
# Atomic and possessive groups: an operand is followed by a blank, a comma or the end, so giving characters back never
# helps, and a hostile range cannot make the match take more than linear time.
_HYPHEN = re.compile(rf"{_WS}*({_OPERAND}){_WS}++-{_WS}++({_OPERAND}){_WS}*", re.ASCII)
_GROUP = re.compile(rf"{_WS}*+{_TERM}(?:(?:{_WS}*+,{_WS}*+|{_WS}++){_TERM})*+{_WS}*+", re.ASCII)
_FIND = re.compile(_TERM, re.ASCII)
_SPLIT = re.compile(rf"({_OPERATOR}){_WS}*(v?({_PART})(\.{_PART})?(\.{_PART})?(-{_IDS})?(\+{_IDS})?)", re.ASCII)
_ANY = frozenset({"x", "X", "*"})


class InvalidRange(ValueError):
    """Not a range; the message is Masterminds'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One comparison. ``text`` is the operand as written; the dirty flags say which part is missing or ``x``."""

    operator: str
    text: str
    version: Version
    is_partial: bool
    minor_missing: bool
    patch_missing: bool

    def refusal(self, version: Version) -> str | None:
        """Why a version does not satisfy this term, in Masterminds' words; None when it does."""
        words = _CHECKS[self.operator](version, self)
        if words is None:
            return None
        relation, _, explanation = words.partition(". ")
        text = f"{quote(str(version))} {relation} {quote(self.text)}"
        return f"{text}. {explanation}" if explanation else text

    def __str__(self) -> str:
        return self.operator + self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Terms that must all hold; pre-releases are looked at only when some operand has one."""

    terms: tuple[Term, ...]
    admits_prereleases: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """Groups of which one must hold."""

    groups: tuple[Group, ...]

    @property
    def admits_prereleases(self) -> bool:
        """Whether any pre-release can satisfy it."""
        return any(group.admits_prereleases for group in self.groups)

    def admits(self, version: Version, include_prereleases: bool = False) -> bool:
        """Whether a version satisfies the range (Check)."""
        released = not version.prerelease or include_prereleases
        return any(
            (released or group.admits_prereleases) and all(_holds(term, version) for term in group.terms)
            for group in self.groups
        )

    def refusals(self, version: Version, include_prereleases: bool = False) -> tuple[str, ...]:
        """Every reason why a version is refused, in Masterminds' order (Validate); empty when it is admitted."""
        reasons: list[str] = []
        is_prerelease = (
            f"{quote(str(version))} is a prerelease version and the constraint is only looking for release versions"
        )
        for group in self.groups:
            if version.prerelease and not (group.admits_prereleases or include_prereleases):
                # Masterminds says once only that pre-releases are not looked for.
                reasons += [] if is_prerelease in reasons else [is_prerelease]
                continue
            found = [reason for term in group.terms if (reason := term.refusal(version)) is not None]
            if not found:
                return ()
            reasons += found
        return tuple(reasons)

    def __str__(self) -> str:
        return " || ".join(" ".join(str(term) for term in group.terms) for group in self.groups)


def parse_range(text: str) -> Constraint:
    """Read a range.

    Raises:
        InvalidRange: ``improper constraint: "…"`` or ``constraint parser error``.
    """
    groups = []
    for part in _without_hyphens(text).split("||"):
        if not _GROUP.fullmatch(part):
            raise InvalidRange(f"improper constraint: {quote(part)}")
        terms = tuple(_term(found) for found in _FIND.findall(part))
        groups.append(Group(terms=terms, admits_prereleases=any(term.version.prerelease for term in terms)))
    return Constraint(groups=tuple(groups))


def _without_hyphens(text: str) -> str:
    """``A - B`` becomes ``>= A, <= B `` wherever it stands (rewriteRange replaces the first equal text each time)."""
    rewritten = text
    for found in _HYPHEN.finditer(text):
        rewritten = rewritten.replace(found[0], f">= {found[1]}, <= {found[2]} ", 1)
    return rewritten


def _term(text: str) -> Term:
    found = _SPLIT.fullmatch(text)
    if found is None:
        raise InvalidRange(f"improper constraint: {quote(text)}")
    operator, operand, major, minor, patch, prerelease = found.group(1, 2, 3, 4, 5, 6)
    any_major = major in _ANY
    any_minor = not any_major and (minor is None or minor[1:] in _ANY)
    any_patch = not any_major and not any_minor and (patch is None or patch[1:] in _ANY)
    padded = operand
    if any_major:
        padded = f"0.0.0{prerelease or ''}"
    elif any_minor:
        padded = f"{major}.0.0{prerelease or ''}"
    elif any_patch:
        padded = f"{major}{minor}.0{prerelease or ''}"
    try:
        version = parse_version(padded)
    except InvalidVersion:
        raise InvalidRange("constraint parser error") from None
    return Term(
        operator=operator,
        text=operand,
        version=version,
        is_partial=any_major or any_minor or any_patch,
        minor_missing=any_minor,
        patch_missing=any_patch,
    )


def _holds(term: Term, version: Version) -> bool:
    return _CHECKS[term.operator](version, term) is None


def _not_equal(version: Version, term: Term) -> str | None:
    other = term.version
    if term.is_partial:
        if version.major != other.major or (version.minor != other.minor and not term.minor_missing):
            return None
        if term.minor_missing:
            return "is equal to"
        if term.patch_missing:
            # With a pre-release on either side the pre-releases decide.
            same = _pre(version.key) == _pre(other.key)
            return "is equal to" if same or not (version.prerelease or other.prerelease) else None
        if version.patch != other.patch:
            return None
    return "is equal to" if version.key == other.key else None


def _greater(version: Version, term: Term) -> str | None:
    other, refused = term.version, "is less than or equal to"
    if not term.is_partial:
        return None if version.key > other.key else refused
    if version.major != other.major:
        return None if version.major > other.major else refused
    if term.minor_missing:
        return refused
    if term.patch_missing:
        return None if version.minor > other.minor else refused
    return None if version.key > other.key else refused


def _less(version: Version, term: Term) -> str | None:
    return None if version.key < term.version.key else "is greater than or equal to"


def _at_least(version: Version, term: Term) -> str | None:
    return None if version.key >= term.version.key else "is less than"


def _at_most(version: Version, term: Term) -> str | None:
    other, refused = term.version, "is greater than"
    if not term.is_partial:
        return None if version.key <= other.key else refused
    if version.major > other.major:
        return refused
    return refused if version.major == other.major and version.minor > other.minor and not term.minor_missing else None


def _tilde(version: Version, term: Term) -> str | None:
    other = term.version
    if version.key < other.key:
        return "is less than"
    zero = (other.major, other.minor, other.patch) == (0, 0, 0)
    # ~0.0.0 and ~* admit everything from there on.
    if zero and not term.minor_missing and not term.patch_missing:
        return None
    if version.major != other.major:
        return "does not have same major version as"
    if version.minor != other.minor and not term.minor_missing:
        return "does not have same major and minor version as"
    return None


def _equal(version: Version, term: Term) -> str | None:
    if term.is_partial:
        return _tilde(version, term)
    return None if version.key == term.version.key else "is not equal to"


def _caret(version: Version, term: Term) -> str | None:
    other = term.version
    if version.key < other.key:
        return "is less than"
    if other.major > 0 or term.minor_missing:
        return None if version.major == other.major else "does not have same major version as"
    if version.major > 0:
        return "does not have same major version as"
    if other.minor > 0 or term.patch_missing:
        expected = "Expected minor versions to match when constraint major version is 0"
        return None if version.minor == other.minor else f"does not have same minor version as. {expected}"
    if version.minor > 0:
        return "does not have same minor version as"
    expected = "Expect version and constraint to equal when major and minor versions are 0"
    return None if version.patch == other.patch else f"does not equal. {expected}"


def _pre(key: SortKey) -> object:
    return key[3]


_CHECKS: dict[str, Callable[[Version, Term], str | None]] = {
    "": _equal,
    "=": _equal,
    "!=": _not_equal,
    ">": _greater,
    "<": _less,
    ">=": _at_least,
    "=>": _at_least,
    "<=": _at_most,
    "=<": _at_most,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
