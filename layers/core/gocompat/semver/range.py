"""Version ranges as Masterminds/semver parses and checks them: ``spec.policy.semver.range`` and ``ref.semver``.

Source: Masterminds/semver v3 constraints.go (3.4 and later); vectors semver_constraint_parse.json,
semver_constraints.json, semver_constraints_include_prerelease.json.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gocompat.quote import quote
from gocompat.semver.version import RELEASE, InvalidVersion, SortKey, Version, parse_version

_WS = r"[\t\n\f\r ]"
_OPERATOR = r"(?>!=|>=|=>|<=|=<|~>|=|>|<|~|\^|)"
_PART = r"[0-9|xX*]+"
_IDS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_OPERAND = rf"(?>v?{_PART}(?:\.{_PART})?(?:\.{_PART})?(?:-{_IDS})?(?:\+{_IDS})?)"
_TERM = rf"{_OPERATOR}{_WS}*+{_OPERAND}"
# The groups are atomic and possessive. A space, a comma or the end follows each operand, so that backtracking into one
# could never help; without it, no range can make the match take more than linear time.
HYPHEN = rf"({_OPERAND}){_WS}++-{_WS}++({_OPERAND}){_WS}*+"
# A search need not start within a run of digits: a match there would also start at the beginning of the run.
LATER_HYPHEN = rf"(?:(?=v)|(?<![0-9|xX*])){HYPHEN}"
_BLANKS = "\t\n\f\r "
MAX_CHARACTERS = 10_000
_GROUP = re.compile(rf"{_WS}*+{_TERM}(?>(?:{_WS}*+,{_WS}*+|{_WS}++){_TERM})*+{_WS}*+", re.ASCII)
_FIND = re.compile(_TERM, re.ASCII)
_SPLIT = re.compile(rf"({_OPERATOR}){_WS}*(v?({_PART})(\.{_PART})?(\.{_PART})?(-{_IDS})?(\+{_IDS})?)", re.ASCII)
_ANY = frozenset({"x", "X", "*"})


class InvalidRange(ValueError):
    """The text is not a range; the message is that of Masterminds/semver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One comparison of a range.

    ``text`` is the operand as written. ``is_partial`` says that a part of it is missing or ``x``; the flags say which.
    """

    operator: str
    text: str
    version: Version
    key: SortKey
    is_partial: bool
    minor_missing: bool
    patch_missing: bool

    def refusal(self, version: Version) -> str | None:
        """Why a version does not satisfy this term, in Masterminds' words; None if it does."""
        words = _CHECKS[self.operator](version.key, self)
        if words is None:
            return None
        relation, _, explanation = words.partition(". ")
        text = f"{quote(str(version))} {relation} {quote(self.text)}"
        return f"{text}. {explanation}" if explanation else text

    def __str__(self) -> str:
        return self.operator + self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Terms that must all hold. Pre-releases can satisfy them only if one of the operands has a pre-release."""

    terms: tuple[Term, ...]
    admits_prereleases: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A range: groups of which at least one must hold."""

    groups: tuple[Group, ...]

    @property
    def admits_prereleases(self) -> bool:
        """Whether any pre-release can satisfy the range."""
        return any(group.admits_prereleases for group in self.groups)

    def admits(self, version: Version, include_prereleases: bool = False) -> bool:
        """Whether a version satisfies the range (Constraints.Check)."""
        return self.admits_key(version.key, include_prereleases)

    def admits_key(self, key: SortKey, include_prereleases: bool = False) -> bool:
        """As ``admits``, for the key of a version."""
        released = key[3] is RELEASE or include_prereleases
        for group in self.groups:
            if not released and not group.admits_prereleases:
                continue
            for term in group.terms:
                if _CHECKS[term.operator](key, term) is not None:
                    break
            else:
                return True
        return False

    def refusals(self, version: Version, include_prereleases: bool = False) -> tuple[str, ...]:
        """Why a version does not satisfy the range, in Masterminds' order (Validate); empty if it does."""
        reasons: list[str] = []
        is_prerelease = (
            f"{quote(str(version))} is a prerelease version and the constraint is only looking for release versions"
        )
        for group in self.groups:
            if version.prerelease and not (group.admits_prereleases or include_prereleases):
                # Masterminds gives this reason only once.
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
    """Parse a range (semver.NewConstraint).

    Raises:
        InvalidRange: ``improper constraint: "…"`` or ``constraint parser error``. A range of more than 10,000
            characters is refused as well, which Masterminds does not do: rewriting its hyphens would take too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidRange(f"improper constraint: longer than {MAX_CHARACTERS} characters")
    groups = []
    for part in _without_hyphens(text).split("||"):
        if not _GROUP.fullmatch(part):
            raise InvalidRange(f"improper constraint: {quote(part)}")
        terms = tuple(_term(found) for found in _FIND.findall(part))
        groups.append(Group(terms=terms, admits_prereleases=any(term.version.prerelease for term in terms)))
    return Constraint(groups=tuple(groups))


def _without_hyphens(text: str) -> str:
    """The range with ``>= A, <= B `` for each ``A - B``. As in rewriteRange, the first equal text is replaced."""
    if "-" not in text:
        return text
    # Few ranges have one, so that these are compiled only when one is met.
    hyphen, later_hyphen = re.compile(HYPHEN, re.ASCII), re.compile(LATER_HYPHEN, re.ASCII)
    rewritten, at = text, 0
    while found := hyphen.match(text, at) or later_hyphen.search(text, at):
        before = text[at : found.start()]
        blanks = before[len(before.rstrip(_BLANKS)) :]
        rewritten = rewritten.replace(blanks + found[0], f">= {found[1]}, <= {found[2]} ", 1)
        at = found.end()
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
        key=version.key,
        is_partial=any_major or any_minor or any_patch,
        minor_missing=any_minor,
        patch_missing=any_patch,
    )


def _not_equal(key: SortKey, term: Term) -> str | None:
    other = term.key
    if term.is_partial:
        if key[0] != other[0] or (key[1] != other[1] and not term.minor_missing):
            return None
        if term.minor_missing:
            return "is equal to"
        if term.patch_missing:
            # The pre-releases decide; two releases have the same key.
            return "is equal to" if key[3] == other[3] else None
        if key[2] != other[2]:
            return None
    return "is equal to" if key == other else None


def _greater(key: SortKey, term: Term) -> str | None:
    other, refused = term.key, "is less than or equal to"
    if not term.is_partial:
        return None if key > other else refused
    if key[0] != other[0]:
        return None if key[0] > other[0] else refused
    if term.minor_missing:
        return refused
    if term.patch_missing:
        return None if key[1] > other[1] else refused
    return None if key > other else refused


def _less(key: SortKey, term: Term) -> str | None:
    return None if key < term.key else "is greater than or equal to"


def _at_least(key: SortKey, term: Term) -> str | None:
    return None if key >= term.key else "is less than"


def _at_most(key: SortKey, term: Term) -> str | None:
    other, refused = term.key, "is greater than"
    if not term.is_partial:
        return None if key <= other else refused
    if key[0] > other[0]:
        return refused
    return refused if key[0] == other[0] and key[1] > other[1] and not term.minor_missing else None


def _tilde(key: SortKey, term: Term) -> str | None:
    other = term.key
    if key < other:
        return "is less than"
    # ~0.0.0 and ~* admit every version that is not less.
    if other[:3] == (0, 0, 0) and not term.minor_missing and not term.patch_missing:
        return None
    if key[0] != other[0]:
        return "does not have same major version as"
    if key[1] != other[1] and not term.minor_missing:
        return "does not have same major and minor version as"
    return None


def _equal(key: SortKey, term: Term) -> str | None:
    if term.is_partial:
        return _tilde(key, term)
    return None if key == term.key else "is not equal to"


def _caret(key: SortKey, term: Term) -> str | None:
    other = term.key
    if key < other:
        return "is less than"
    if other[0] > 0 or term.minor_missing:
        return None if key[0] == other[0] else "does not have same major version as"
    if key[0] > 0:
        return "does not have same major version as"
    if other[1] > 0 or term.patch_missing:
        expected = "Expected minor versions to match when constraint major version is 0"
        return None if key[1] == other[1] else f"does not have same minor version as. {expected}"
    if key[1] > 0:
        return "does not have same minor version as"
    expected = "Expect version and constraint to equal when major and minor versions are 0"
    return None if key[2] == other[2] else f"does not equal. {expected}"


_Check = Callable[[SortKey, Term], str | None]
_CHECKS: Mapping[str, _Check] = {
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
