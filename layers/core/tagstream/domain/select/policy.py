"""Which tag an ImagePolicy selects, and why it selects no other.

Selecting and explaining share every rule: a Verdict is what selecting decides about one tag.

Source: image-reflector-controller internal/policy; vectors policy.json.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NoReturn

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.intervention import Place
from tagstream.domain.objects.model import PolicyChoice, TagFilter
from tagstream.domain.select.choice import Candidate, Choice, Gate, No, Situation, Stay, Wait, choose
from tagstream.domain.select.filter import CompiledFilter, InvalidFilter, compile_filter
from tagstream.domain.select.gates import GATES
from tagstream.domain.select.ordering import (
    Accepts,
    InvalidPolicy,
    InvalidValue,
    Ordering,
    Rank,
    compile_ordering,
    everything,
    inverted,
)

__all__ = [
    "CompiledPolicy",
    "InvalidFilter",
    "InvalidPolicy",
    "NoSelection",
    "SharedBest",
    "TimeOf",
    "Verdict",
    "compile_policy",
]


TimeOf = Callable[[str], datetime | None]


class NoSelection(ValueError):
    """No tag can be selected; the message is Flux's."""


Spec = tuple[PolicyChoice, TagFilter | None]
"""What the order and the filter of a policy are made from."""


@dataclass(slots=True, eq=False)
class SharedBest:
    """Which tag of one list the order of a policy puts first, found once for all policies that order in the same way.

    It belongs to one list: who asks about another one needs another.
    """

    _found: dict[Spec, str | NoSelection] = field(default_factory=dict)

    def of(self, spec: Spec, find: Callable[[], str]) -> str:
        """The best tag; ``find`` is called if nobody has asked for it yet.

        Raises:
            NoSelection: the order admits no tag.
        """
        if spec not in self._found:
            try:
                self._found[spec] = find()
            except NoSelection as error:
                self._found[spec] = error
        found = self._found[spec]
        if isinstance(found, NoSelection):
            raise NoSelection(str(found))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided about one tag.

    ``value`` is what the policy ordered it by, None when it did not get that far. ``state`` is ``selected``,
    ``candidate``, ``excluded``, why the tag has no place, or the word of the gate that refused it.
    """

    tag: str
    value: str | None
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPolicy:
    """A policy ready to select.

    Attributes:
        ordering: the policy's own order.
        filter: which tags it sees; None for all.
        gates: are asked about what its order puts first.
        time_of: when a tag was made (aware UTC), None if that is not known; then the newest tag is first, and the
            policy's own order decides between equal times. Without it, the policy's own order counts alone.
        spec: what the order and the filter are made from.
    """

    ordering: Ordering
    filter: CompiledFilter | None
    gates: tuple[Gate, ...] = GATES
    time_of: TimeOf | None = None
    spec: Spec | None = None

    def latest(
        self,
        tags: Sequence[str],
        situation: Situation | None = None,
        *,
        descending: bool = False,
        shared: SharedBest | None = None,
    ) -> Choice:
        """The tag the policy selects.

        Args:
            tags: in any order.
            situation: what the gates are told; without it the order alone decides, and a tag is always chosen. When
                several tags share the value that wins, the current tag stays; if it is not among them, the smallest
                tag is chosen, as Flux does.
            descending: the tags are in descending byte order, as they are stored; an alphabetical policy then looks
                at the first that match only.
            shared: of these tags; what other policies have found in them.

        Raises:
            NoSelection: the order admits no tag: there is none, none fits, or a value is no number.
        """
        pinned = _pinned(situation, tags)
        if situation is not None and pinned:
            return choose([self._candidate(pinned, situation)], situation, self.gates)
        if shared is None or self.spec is None or self.time_of is not None:
            best = self._best_by_order(tags, descending)
        else:
            best = shared.of(self.spec, lambda: self._best_by_order(tags, descending))
        current = situation.current.tag if situation and situation.current else best
        # To look for a tag in a long list takes longer than some policies take to select from it.
        if current != best and self._shares_value(best, current) and current in tags:
            best = current
        if situation is None:
            return Choice(tag=best)
        return choose(self._candidates(best, tags, situation), situation, self.gates)

    def latest_after(
        self,
        previous: str,
        added: Collection[str],
        removed: Collection[str],
        tags: Sequence[str],
        situation: Situation | None = None,
    ) -> Choice:
        """The same answer as ``latest(tags)`` without a pass over all of them, where the change allows it.

        Args:
            previous: what this policy selected from all tags before the change. It must have been chosen, not only
                kept by a gate, and no better tag may have been waiting.
            added: tags that are new.
            removed: tags that are gone.
            tags: all tags now, in any order; looked at only when the selected one is gone.
            situation: as for ``latest``.

        Raises:
            NoSelection: as ``latest``.
        """
        if previous in removed or (situation is not None and situation.intervention is not None):
            return self.latest(tags, situation)
        return self.latest([previous, *added], situation)

    def rank(self, tag: str) -> Rank:
        """Where a tag stands; equal values are decided by the smallest tag.

        Raises:
            InvalidValue: the tag is filtered out or has no place.
        """
        value = self.filter.value(tag) if self.filter else tag
        if value is None:
            raise InvalidValue("does not match filterTags.pattern", "not matched")
        by_value = self.ordering.rank(value)
        if self.time_of is None:
            return (*by_value, inverted(tag))
        made_at = self.time_of(tag)
        if made_at is None:
            raise InvalidValue("nobody knows when it was made", "without time")
        return (made_at, *by_value, inverted(tag))

    def is_below(self, candidate: str, current: str) -> bool:
        """Whether selecting ``candidate`` after ``current`` would be a downgrade.

        An equal version in another spelling (``1.0.0`` after ``v1.0.0``) is no downgrade, and nothing is below a tag
        that has no place.
        """
        try:
            # The first part of a rank is the value; the rest only decides ties.
            return self.rank(candidate)[:1] < self.rank(current)[:1]
        except InvalidValue:
            return False

    def is_newer(self, candidate: str, other: str, place: Place | None = None) -> bool:
        """Whether the policy puts ``candidate`` before ``other``.

        Args:
            candidate: a tag that may be selected.
            other: a tag that a person rejected. The range and the filter need not admit it any more.
            place: where ``other`` stood. It counts for a tag that is gone, or that the filter leaves out today. No tag
                is newer than one of which nothing is known.
        """
        try:
            return candidate != other and self.rank(candidate)[:1] > self._rank_anywhere(other, place)[:1]
        except InvalidValue:
            return False

    def place(self, tag: str) -> Place | None:
        """Where a tag stands, to be kept; None if it has no place."""
        value = self.filter.value(tag) if self.filter else tag
        made_at = self.time_of(tag) if self.time_of is not None else None
        if value is None or (self.time_of is not None and made_at is None):
            return None
        return Place(value=value, made_at=made_at)

    def _rank_anywhere(self, tag: str, kept: Place | None) -> Rank:
        place = self.place(tag) or kept
        if place is None or (self.time_of is not None and place.made_at is None):
            raise InvalidValue("nobody knows where it stood", "without place")
        return self.ordering.rank_anywhere(place.value) if self.time_of is None else (place.made_at,)

    def tags_of_value(self, tag: str, tags: Iterable[str]) -> list[str]:
        """The tags that the policy cannot tell from a tag, because their value is the same; the tag itself is one."""
        return sorted(one for one in set(tags) if one == tag or self._shares_value(tag, one))

    def _shares_value(self, tag: str, other: str) -> bool:
        if self.time_of is not None and tag != other and self.time_of(tag) != self.time_of(other):
            return False
        if self.filter is None or self.filter.expansion is None:
            return tag == other
        value = self.filter.value(tag)
        return value is not None and value == self.filter.value(other)

    def explain(self, tags: Iterable[str], situation: Situation | None = None) -> tuple[Verdict, ...]:
        """A verdict for every tag: candidates best first, then the others in descending order.

        Args:
            tags: any order; duplicates count once.
            situation: as for ``latest``; when a gate keeps the current selection, nothing is ``selected``.
        """
        current = situation.current.tag if situation and situation.current else None
        listed = set(tags)
        placed, refused = self._placed(listed, current)
        candidates = tuple(verdict for _, verdict in placed)
        failed = self.ordering.strict and any(verdict.state == "not a number" for verdict in refused)
        if (failed or not candidates) and not _pinned(situation, listed):
            return (*candidates, *refused)
        if situation is None:
            return (*_with_ties([replace(candidates[0], state="selected"), *candidates[1:]], current), *refused)
        choice = choose(self._explained(candidates, listed, situation), situation, self.gates)
        answers = {one.tag: one.answer for one in choice.refused}
        judged = [_judged(one, choice, answers.get(one.tag)) for one in candidates]
        # A person may want a tag that the order does not admit.
        others = [_judged(one, choice, None) if one.tag == choice.tag else one for one in refused]
        return (*_with_ties(judged, current), *others)

    def _explained(
        self, candidates: Sequence[Verdict], listed: Collection[str], situation: Situation
    ) -> Iterator[Candidate]:
        """The candidates that selecting asks the gates about, in the same order."""
        pinned = _pinned(situation, listed)
        names = [pinned] if pinned else [*(one.tag for one in candidates), *_rolled_back(situation, listed)]
        return (self._candidate(tag, situation) for tag in names)

    def _candidates(self, best: str, tags: Collection[str], situation: Situation) -> Iterator[Candidate]:
        """Candidates, best first; the others are put in order only when the gates refuse the best."""
        yield self._candidate(best, situation)
        current = situation.current.tag if situation.current else None
        for _, verdict in self._placed(tags, current)[0]:
            if verdict.tag != best:
                yield self._candidate(verdict.tag, situation)
        for tag in _rolled_back(situation, tags):
            yield self._candidate(tag, situation)

    def _candidate(self, tag: str, situation: Situation) -> Candidate:
        value = self.filter.value(tag) if self.filter else tag
        current = situation.current
        return Candidate(
            tag=tag,
            value=value or "",
            is_below_current=current is not None and self.is_below(tag, current.tag),
            is_newer_than=lambda other, place: self.is_newer(tag, other, place),
        )

    def _placed(self, tags: Collection[str], current: str | None) -> tuple[list[tuple[Rank, Verdict]], list[Verdict]]:
        """The tags that have a place, best first, and the others in descending order.

        Of tags with the same value the current one is first, then the smallest.
        """
        placed: list[tuple[Rank, Verdict]] = []
        refused: list[Verdict] = []
        for tag in sorted(tags, reverse=True):
            value = self._shown_value(tag)
            try:
                *by_value, by_tag = self.rank(tag)
                placed.append(((*by_value, tag == current, by_tag), Verdict(tag=tag, value=value, state="candidate")))
            except InvalidValue as error:
                refused.append(Verdict(tag=tag, value=value, state=error.state, detail=str(error)))
        placed.sort(key=lambda pair: pair[0], reverse=True)
        return placed, refused

    def _shown_value(self, tag: str) -> str | None:
        """What a tag is ordered by, as a text."""
        made_at = self.time_of(tag) if self.time_of is not None else None
        if made_at is not None:
            return instant_text(made_at)
        return self.filter.value(tag) if self.filter else tag

    def _newest(self, tags: Iterable[str]) -> str:
        """The newest tag, and of tags of the same time the one that the policy's own order puts first."""
        best: tuple[Rank, str] | None = None
        seen = False
        for tag, _ in self.filter.values(tags) if self.filter else ((tag, tag) for tag in tags):
            seen = True
            made_at = self.time_of(tag) if self.time_of is not None else None
            if made_at is not None and (best is None or made_at >= best[0][0]):  # type: ignore[operator]
                rank = self.rank(tag)
                best = (rank, tag) if best is None else max(best, (rank, tag))
        if best is None:
            raise NoSelection("nobody knows when any of the tags was made") if seen else _nothing_to_choose_from()
        return best[1]

    def _best_by_order(self, tags: Sequence[str], descending: bool) -> str:
        if self.time_of is not None:
            return self._newest(tags)
        if self.filter is not None and self.filter.expansion is not None:
            texts, values = self.filter.expansion.matched(tags)
            best = self._chosen(values, everything, False) if values else _nothing_to_choose_from()
            return _smallest_of_value(best, texts, values)
        accepts = everything if self.filter is None else self.filter.matches
        if self.filter is not None and self.ordering.strict:
            # Every value is looked at, so all are filtered in one go.
            tags, accepts = [tag for tag, _ in self.filter.values(tags)], everything
        try:
            return self._chosen(tags, accepts, descending)
        except NoSelection:
            if any(map(accepts, tags)):
                raise
        return _nothing_to_choose_from()

    def _chosen(self, values: Collection[str], accepts: Accepts, descending: bool) -> str:
        try:
            best = self.ordering.best(values, accepts, descending=descending)
        except InvalidValue as error:
            raise NoSelection(str(error)) from error
        if best is None:
            raise NoSelection("unable to determine latest version from provided list")
        return best


def _pinned(situation: Situation | None, listed: Collection[str]) -> str:
    """The listed tag that a person has pinned; empty when there is none."""
    order = situation.intervention if situation else None
    return order.tag if order is not None and order.kind == "pin" and order.tag in listed else ""


def _rolled_back(situation: Situation, listed: Collection[str]) -> Sequence[str]:
    """The listed tag that a rollback leads to; the policy's order may not admit it."""
    order = situation.intervention
    return [order.tag] if order is not None and order.kind == "rollback" and order.tag in listed else []


def _smallest_of_value(value: str, tags: Sequence[str], values: Sequence[str]) -> str:
    """The smallest tag of one value; ``values`` has the value of each tag.

    Flux fills a map from values to tags in descending order of the tags, so that the smallest one stays. Nothing is
    sorted for that: to sort a long list takes longer than to select from it.
    """
    at = values.index(value)
    smallest = tags[at]
    for _ in range(values.count(value) - 1):
        at = values.index(value, at + 1)
        smallest = min(smallest, tags[at])
    return smallest


def _nothing_to_choose_from() -> NoReturn:
    raise NoSelection("version list argument cannot be empty")


def _with_ties(verdicts: Sequence[Verdict], current: str | None) -> Iterator[Verdict]:
    """Candidates; the selected one with the rule that decided when others share its value."""
    selected = next((one for one in verdicts if one.state == "selected"), None)
    shared = sum(one.value == selected.value for one in verdicts) if selected else 0
    for one in verdicts:
        if one is not selected or shared < 2:
            yield one
        elif one.tag == current:
            yield replace(one, detail=f"{shared} tags share this value: the current tag stays while it is listed")
        else:
            yield replace(one, detail=f"{shared} tags share this value: the smallest tag is selected, as Flux does")


def _judged(verdict: Verdict, choice: Choice, answer: Wait | No | Stay | None) -> Verdict:
    """A candidate's verdict after the gates; ``answer`` is that of the gate that refused it."""
    if verdict.tag == choice.tag:
        told = answer or choice.decided
        return replace(verdict, state="selected", detail=told.message if told else "")
    if answer is not None:
        return replace(verdict, state=answer.verdict, detail=answer.message)
    # A gate that keeps the current selection keeps it against the tags it was not asked about, too.
    return replace(verdict, state=choice.held.verdict) if choice.held else verdict


def compile_policy(
    policy: PolicyChoice, filter_tags: TagFilter | None, gates: tuple[Gate, ...] = GATES
) -> CompiledPolicy:
    """Compile a policy and its filter.

    Raises:
        InvalidPolicy: no policy, a bad range or order.
        InvalidFilter: the pattern does not compile.
    """
    ordering = compile_ordering(policy)
    compiled = compile_filter(filter_tags) if filter_tags else None
    return CompiledPolicy(ordering=ordering, filter=compiled, gates=gates, spec=(policy, filter_tags))
