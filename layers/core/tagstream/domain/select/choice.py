"""What gates are told and what they answer, and what an evaluation comes to.

``choose`` asks the gates about one candidate after another. Selecting and explaining both call it, so they cannot
disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tagstream.domain.objects.image_name import is_same_image
from tagstream.domain.objects.intervention import Intervention, Place, Revert
from tagstream.domain.objects.model import Digest, ImageRef, Metadata, Severity

NO_DIGEST = Digest("")


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
    """A tag that may be selected.

    ``is_below_current`` says whether it is older than the current selection, ``is_newer_than`` whether it is newer than
    another tag with its kept place, both by the policy's order.
    """

    tag: str
    value: str
    is_below_current: bool
    is_newer_than: Callable[[str, Place | None], bool] = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The content that a tag has now.

    ``digest`` is empty if nobody asked for it. ``since`` is when the tag was first seen with it (aware UTC); None when
    its age is of no interest: it is selected already, or it was there at the repository's first scan.
    """

    digest: Digest = NO_DIGEST
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Whether a tag may go because its image is signed, or because nothing that is new would be written.

    Attributes:
        may_go: whether it may.
        problem: why it may not, in words that follow the tag; empty if it may.
        until: when the image is looked at again (aware UTC); None if it was not looked at.
    """

    may_go: bool
    problem: str = ""
    until: datetime | None = None


def of_unknown_platforms(tag: str) -> frozenset[str] | None:
    """The platforms of any tag, for a policy that wants none."""
    return None


def of_unknown_age(tag: str) -> Content:
    """The content of any tag, for a policy without a minimum age."""
    return Content()


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a scan for vulnerabilities has found in a tag's image.

    Attributes:
        state: ``complete``, ``pending`` while the scan is under way, ``unavailable`` if there is none.
        counts: how many were found of each severity.
        problem: why there is no scan, in the registry's words.
        until: when the registry is asked again (aware UTC); None if it was not asked.
    """

    state: Literal["complete", "pending", "unavailable"]
    counts: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""
    until: datetime | None = None


def of_unknown_findings(tag: str) -> Findings:
    """The findings in any tag's image, for a policy that does not ask for them."""
    return Findings(state="pending", problem="was not looked at")


def never_moved(tag: str) -> bool:
    """Whether the selected tag has new content, for a policy that does not ask for its digest again."""
    return False


def of_unknown_signers(tag: str) -> Signing:
    """The signatures of any tag, for a policy that verifies none."""
    return Signing(may_go=False, problem="was not looked at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What all candidates of one evaluation have in common.

    Attributes:
        policy: metadata of the ImagePolicy, for annotations.
        current: what is selected now.
        image: the image of the ImageRepository now; empty if it is not known.
        counts: how many tags were listed before, and how many are listed now.
        may_go_back: whether an older tag may be selected (the result of the function ``may_go_back``).
        first_seen: when a scan first listed a tag (aware UTC); None for one that no scan listed. The first call may
            read the whole stored list, so a gate should call it only when it needs to.
        now: aware UTC.
        minimum_age: how long a tag must have had its content before it may be selected.
        content: what content a tag has; it may ask the registry.
        platforms: that an image must have to be selected.
        platforms_of: the platforms of a tag's image, None if nobody has looked at it; it may ask the registry.
        tags_without_time: how many tags nobody has looked at yet, for a policy that orders tags by their creation.
        vulnerabilities_below: the severity that no finding may reach; None for any.
        findings_of: what a scan has found in a tag's image; it may ask the registry.
        verify_secret: the secret whose keys must have signed an image; empty for none.
        signing_of: whether a tag's image is signed; it may ask the registry.
        is_moved: whether the selected tag has other content now than when it was selected; it may ask the registry.
        intervention: what a person has ordered.
        rollback_digest: the digest that a rollback goes back to and writes; empty if none is known, or none is written.
        skip_tags: tags that are never selected.
        revert: a person's revert in Git that is honoured.
    """

    policy: Metadata
    current: ImageRef | None
    counts: TagCounts
    may_go_back: bool
    first_seen: Callable[[str], datetime | None]
    now: datetime
    minimum_age: timedelta = timedelta(0)
    content: Callable[[str], Content] = of_unknown_age
    platforms: frozenset[str] = frozenset()
    platforms_of: Callable[[str], frozenset[str] | None] = of_unknown_platforms
    tags_without_time: int = 0
    vulnerabilities_below: Severity | None = None
    findings_of: Callable[[str], Findings] = of_unknown_findings
    verify_secret: str = ""
    signing_of: Callable[[str], Signing] = of_unknown_signers
    is_moved: Callable[[str], bool] = never_moved
    intervention: Intervention | None = None
    rollback_digest: Digest = NO_DIGEST
    skip_tags: frozenset[str] = frozenset()
    revert: Revert | None = None
    image: str = ""

    def is_selected(self, tag: str) -> bool:
        """Whether a tag of the same image is selected already."""
        current = self.current
        return current is not None and current.tag == tag and self.image in ("", current.name)

    @property
    def has_another_image(self) -> bool:
        """Whether the current selection is of another image than the ImageRepository names now."""
        return self.current is not None and bool(self.image) and not is_same_image(self.current.name, self.image)

    def is_unchanged(self, tag: str) -> bool:
        """Whether a tag is selected already with the content that it has now, so that nothing new would be written."""
        return self.is_selected(tag) and not self.is_moved(tag)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """The tag is selected because a person wants it, and no other gate is asked; the words are those of Stay."""

    reason: str
    message: str
    verdict: str
    until: datetime | None = None


Answer = Go | Wait | No | Stay | Take
Gate = Callable[[Candidate, Situation], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A candidate that a gate did not let through, and the gate's answer."""

    tag: str
    answer: Wait | No | Stay


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What an evaluation came to.

    ``tag`` is the tag to select, None when none may be. ``refused`` are the better tags that were refused. ``decided``
    is the answer that ended the evaluation: with a Stay the current selection stays as it is, and ``tag`` is its tag.
    """

    tag: str | None
    refused: tuple[Refused, ...] = ()
    decided: Stay | Take | None = None

    @property
    def held(self) -> Wait | No | Stay | None:
        """Why nothing may be selected; None when a tag was chosen."""
        if self.tag is not None or not self.refused:
            return None
        last = self.refused[-1].answer
        ends = isinstance(last, Stay) or (isinstance(last, No) and last.keeps_current)
        return last if ends else self.refused[0].answer

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
        if isinstance(answer, Take):
            return Choice(tag=candidate.tag, refused=tuple(refused), decided=answer)
        refused.append(Refused(tag=candidate.tag, answer=answer))
        if isinstance(answer, Stay):
            current = situation.current.tag if situation.current is not None else None
            return Choice(tag=current, refused=tuple(refused), decided=answer if current is not None else None)
        if isinstance(answer, No) and answer.keeps_current:
            break
    return Choice(tag=None, refused=tuple(refused))


def _answer(candidate: Candidate, situation: Situation, gates: Iterable[Gate]) -> Answer:
    for gate in gates:
        answer = gate(candidate, situation)
        if not isinstance(answer, Go):
            return answer
    return Go()
