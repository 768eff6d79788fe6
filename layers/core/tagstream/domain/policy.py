"""ImagePolicies: which tag is the latest, and why no other is.

In: a PolicyChoice, a TagFilter, tags in any order. Out: one tag, or a verdict for every tag.

Selection and explanation share every rule: a Verdict is what selecting decides about one tag, so that later gates (a
minimum age, platforms, pins, signatures) add states of their own and are explained with the rest.

Source: image-reflector-controller internal/policy; vectors policy.json.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tagstream.domain.filter import CompiledFilter, InvalidFilter, compile_filter
from tagstream.domain.model import PolicyChoice, TagFilter
from tagstream.domain.ordering import InvalidPolicy, InvalidValue, Ordering, Rank, compile_ordering, inverted

__all__ = [
    "CompiledPolicy",
    "InvalidFilter",
    "InvalidPolicy",
    "NoSelection",
    "Verdict",
    "compile_policy",
]

State = Literal[
    "selected", "candidate", "excluded", "not matched", "not a version", "not a number", "out of range", "below current"
]


class NoSelection(ValueError):
    """No tag can be selected; the message is Flux's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided about one tag. ``value`` is what the policy ordered it by, None when it did not get that far."""

    tag: str
    value: str | None
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPolicy:
    """A policy ready to select."""

    ordering: Ordering
    filter: CompiledFilter | None

    def latest(self, tags: Iterable[str]) -> str:
        """The tag the policy selects; the order of ``tags`` does not matter.

        Raises:
            NoSelection: nothing to choose from, nothing admitted, or a value that is no number.
        """
        by_value = self._by_value(tags)
        if not by_value:
            raise NoSelection("version list argument cannot be empty")
        try:
            best = self.ordering.best(by_value)
        except InvalidValue as error:
            raise NoSelection(str(error)) from error
        if best is None:
            raise NoSelection("unable to determine latest version from provided list")
        return by_value[best]

    def latest_after(self, previous: str, added: Collection[str], removed: Collection[str], tags: Iterable[str]) -> str:
        """The same answer as ``latest(tags)`` without a pass over all of them, where the change allows it.

        Args:
            previous: what was selected before the change.
            added: tags that are new.
            removed: tags that are gone.
            tags: all tags now; looked at only when the selected one is gone.

        Raises:
            NoSelection: as ``latest``.
        """
        if previous in removed:
            return self.latest(tags)
        return self.latest([previous, *added])

    def rank(self, tag: str) -> Rank:
        """Where a tag stands; equal values are decided by the smallest tag.

        Raises:
            InvalidValue: the tag is filtered out or has no place.
        """
        value = self.filter.value(tag) if self.filter else tag
        if value is None:
            raise InvalidValue("does not match filterTags.pattern", "not matched")
        return (*self.ordering.rank(value), inverted(tag))

    def is_below(self, candidate: str, current: str) -> bool:
        """Whether selecting ``candidate`` after ``current`` would be a downgrade; False when current has no place."""
        try:
            return self.rank(candidate)[:-1] < self.rank(current)[:-1]
        except InvalidValue:
            return False

    def explain(self, tags: Iterable[str], current: str | None = None) -> tuple[Verdict, ...]:
        """A verdict for every tag: the selected one first, candidates best first, the rest in descending order.

        Args:
            tags: any order, without duplicates.
            current: the tag that is selected now; a new choice below it is ``below current``.
        """
        placed: list[tuple[Rank, Verdict]] = []
        refused: list[Verdict] = []
        for tag in sorted(set(tags), reverse=True):
            value = self.filter.value(tag) if self.filter else tag
            try:
                placed.append((self.rank(tag), Verdict(tag=tag, value=value, state="candidate")))
            except InvalidValue as error:
                refused.append(Verdict(tag=tag, value=value, state=_state(error), detail=str(error)))
        placed.sort(key=lambda pair: pair[0], reverse=True)
        verdicts = [verdict for _, verdict in placed]
        failed = self.ordering.strict and any(verdict.state == "not a number" for verdict in refused)
        if verdicts and not failed:
            first = verdicts[0]
            below = current is not None and self.is_below(first.tag, current)
            detail = f"{current} is selected now" if below else ""
            state: State = "below current" if below else "selected"
            verdicts[0] = Verdict(tag=first.tag, value=first.value, state=state, detail=detail)
        return (*verdicts, *refused)

    def _by_value(self, tags: Iterable[str]) -> dict[str, str]:
        """Tags by value. Flux fills a map in descending order, so of equal values the smallest tag stays."""
        if self.filter is None:
            return {tag: tag for tag in tags}
        found: dict[str, str] = {}
        for tag, value in self.filter.values(tags):
            known = found.get(value)
            if known is None or tag < known:
                found[value] = tag
        return found


def _state(error: InvalidValue) -> State:
    states: Sequence[State] = ("not matched", "not a version", "not a number", "out of range")
    return next(state for state in states if state == error.state)


def compile_policy(policy: PolicyChoice, filter_tags: TagFilter | None) -> CompiledPolicy:
    """Compile a policy and its filter.

    Raises:
        InvalidPolicy: no policy, a bad range or order.
        InvalidFilter: the pattern does not compile.
    """
    ordering = compile_ordering(policy)
    return CompiledPolicy(ordering=ordering, filter=compile_filter(filter_tags) if filter_tags else None)
