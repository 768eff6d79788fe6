"""ImagePolicies: which tag is the latest, and why no other is.

In: a PolicyChoice, a TagFilter, tags in any order. Out: one tag, or a verdict for every tag.

Selection and explanation share every rule: a Verdict is what selecting decides about one tag, so that later gates (a
minimum age, platforms, pins, signatures) add states of their own and are explained with the rest.

Source: image-reflector-controller internal/policy; vectors policy.json.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tagstream.domain.objects.model import PolicyChoice, TagFilter
from tagstream.domain.select.filter import CompiledFilter, InvalidFilter, compile_filter
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
        if self.filter is None:
            return self._best({tag: tag for tag in tags})
        if self.filter.expansion is None:
            return self._best_matching(tuple(tags), self.filter)
        return self._best(self._by_value(tags, self.filter))

    def latest_after(self, previous: str, added: Collection[str], removed: Collection[str], tags: Iterable[str]) -> str:
        """The same answer as ``latest(tags)`` without a pass over all of them, where the change allows it.

        Args:
            previous: what this very policy selected from all tags before the change, not what a failed or held
                selection left in force.
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
        """Whether selecting ``candidate`` after ``current`` would be a downgrade.

        Equals in another spelling (``1.0.0`` after ``v1.0.0``) are none, and nothing is below what has no place.
        """
        try:
            # Behind a rank's first part stand only the rules for ties.
            return self.rank(candidate)[:1] < self.rank(current)[:1]
        except InvalidValue:
            return False

    def explain(self, tags: Iterable[str], current: str | None = None) -> tuple[Verdict, ...]:
        """A verdict for every tag: the selected one first, candidates best first, the rest in descending order.

        Args:
            tags: any order; duplicates count once.
            current: the tag that is selected now; when the best is a downgrade from it, nothing is selected and all
                candidates are ``below current``.
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
        candidates = tuple(verdict for _, verdict in placed)
        failed = self.ordering.strict and any(verdict.state == "not a number" for verdict in refused)
        return (*(candidates if failed else self._gated(candidates, current)), *refused)

    def _gated(self, candidates: Sequence[Verdict], current: str | None) -> tuple[Verdict, ...]:
        """Candidates, best first, after the gates that come behind the ordering: the downgrade guard."""
        if not candidates:
            return ()
        first, *others = candidates
        if current is not None and self.is_below(first.tag, current):
            detail = f"{current} is selected now"
            return tuple(replace(one, state="below current", detail=detail) for one in candidates)
        return (replace(first, state="selected"), *others)

    def _best(self, by_value: Mapping[str, str]) -> str:
        if not by_value:
            raise NoSelection("version list argument cannot be empty")
        return by_value[self._chosen(by_value, everything)]

    def _best_matching(self, tags: Sequence[str], wanted: CompiledFilter) -> str:
        try:
            return self._chosen(tags, wanted.matches)
        except NoSelection:
            if any(map(wanted.matches, tags)):
                raise
        raise NoSelection("version list argument cannot be empty")

    def _chosen(self, values: Iterable[str], accepts: Accepts) -> str:
        try:
            best = self.ordering.best(values, accepts)
        except InvalidValue as error:
            raise NoSelection(str(error)) from error
        if best is None:
            raise NoSelection("unable to determine latest version from provided list")
        return best

    def _by_value(self, tags: Iterable[str], wanted: CompiledFilter) -> dict[str, str]:
        """Tags by value. Flux fills a map in descending order, so of equal values the smallest tag stays."""
        found: dict[str, str] = {}
        for tag, value in wanted.values(tags):
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
