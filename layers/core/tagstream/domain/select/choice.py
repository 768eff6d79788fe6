"""What gates are told and what they answer, and what an evaluation comes to.

``choose`` asks the gates about one candidate after another. Selecting and explaining both call it, so they cannot
disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tagstream.domain.objects.model import ImageRef, Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCounts:
    """How many tags a repository had and has.

    ``before`` is the count before the scan, or the count of the last trusted list while a drop is held, whichever is
    greater. It is 0 if neither is known.
    """

    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A tag that the policy's order admits. ``is_below_current``: it is older than the current selection."""

    tag: str
    value: str
    is_below_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The content that a tag has now.

    ``digest`` is empty if nobody asked for it. ``since`` is when the tag was first seen with it (aware UTC); None when
    its age is of no interest: it is selected already, or it was there at the repository's first scan.
    """

    digest: str = ""
    since: datetime | None = None


def of_unknown_age(tag: str) -> Content:
    """The content of any tag, for a policy without a minimum age."""
    return Content()


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What all candidates of one evaluation have in common.

    Attributes:
        policy: metadata of the ImagePolicy, for annotations.
        current: what is selected now.
        counts: how many tags were listed before, and how many are listed now.
        may_go_back: whether an older tag may be selected (the result of the function ``may_go_back``).
        first_seen: when a scan first listed a tag (aware UTC); None for one that no scan listed. The first call may
            read the whole stored list, so a gate should call it only when it needs to.
        now: aware UTC.
        minimum_age: how long a tag must have had its content before it may be selected.
        content: what content a tag has; it may ask the registry.
    """

    policy: Metadata
    current: ImageRef | None
    counts: TagCounts
    may_go_back: bool
    first_seen: Callable[[str], datetime | None]
    now: datetime
    minimum_age: timedelta = timedelta(0)
    content: Callable[[str], Content] = of_unknown_age


@dataclass(frozen=True, slots=True)
class Go:
    """The tag may be selected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The tag may not be selected before ``until``, when the tick evaluates the policy again.

    Until then the next candidate is asked about. ``reason`` is a condition's reason, ``message`` is what ``get`` and
    the ledger print, ``verdict`` is the word that ``explain`` prints.
    """

    reason: str
    message: str
    verdict: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """The tag may not be selected; the words are those of Wait.

    ``keeps_current`` ends the evaluation: no other candidate is asked about, and the current selection stays.
    """

    reason: str
    message: str
    verdict: str
    keeps_current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """The current selection stays as it is, its digest too, and no other candidate is asked about.

    Unlike a No that keeps the current selection, this is no failure: the policy stays Ready. The words are those of
    Wait. ``until`` is when the policy is evaluated again; None for not before something changes.
    """

    reason: str
    message: str
    verdict: str
    until: datetime | None = None


Answer = Go | Wait | No | Stay
Gate = Callable[[Candidate, Situation], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A candidate that a gate did not let through, and the gate's answer."""

    tag: str
    answer: Wait | No | Stay


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an evaluation came to.

    ``tag`` is the tag to select, None when none may be. ``refused`` are the better tags that were refused. With
    ``stay``, the current selection stays as it is, and ``tag`` is its tag.
    """

    tag: str | None
    refused: tuple[Refused, ...] = ()
    stay: Stay | None = None

    @property
    def held(self) -> Wait | No | None:
        """Why nothing may be selected; None when a tag was chosen."""
        if self.tag is not None or not self.refused:
            return None
        answers = [one.answer for one in self.refused if not isinstance(one.answer, Stay)]
        return answers[-1] if isinstance(answers[-1], No) and answers[-1].keeps_current else answers[0]

    @property
    def wait(self) -> Wait | None:
        """The wait that ends first; None when no better tag waits."""
        waits = [one.answer for one in self.refused if isinstance(one.answer, Wait)]
        return min(waits, key=lambda one: one.until, default=None)


def choose(candidates: Iterable[Candidate], situation: Situation, gates: Iterable[Gate]) -> Choice:
    """The first candidate that every gate lets through.

    Args:
        candidates: best first; the next one is taken only when the one before was refused.
        situation: what the gates are told.
        gates: asked in order; the first answer that is not Go counts.
    """
    refused: list[Refused] = []
    for candidate in candidates:
        answer = _answer(candidate, situation, gates)
        if isinstance(answer, Go):
            return Choice(tag=candidate.tag, refused=tuple(refused))
        refused.append(Refused(tag=candidate.tag, answer=answer))
        if isinstance(answer, Stay) and situation.current is not None:
            return Choice(tag=situation.current.tag, refused=tuple(refused), stay=answer)
        if isinstance(answer, No) and answer.keeps_current:
            break
    return Choice(tag=None, refused=tuple(refused))


def _answer(candidate: Candidate, situation: Situation, gates: Iterable[Gate]) -> Answer:
    for gate in gates:
        answer = gate(candidate, situation)
        if not isinstance(answer, Go):
            return answer
    return Go()
