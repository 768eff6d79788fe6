"""Which tags a policy would have selected when, had it existed: a replay of the times at which tags were first seen.

Nothing is known of tags that were deleted, nor of what a tag contained before it was moved. The replay has every tag
that is stored now, from its first sighting on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tagstream.domain.objects.model import ImageRef, Metadata
from tagstream.domain.select.choice import Choice, Content, Situation, TagCounts, Wait
from tagstream.domain.select.policy import CompiledPolicy, NoSelection


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of a repository's tags.

    Attributes:
        first_seen: when each tag was first listed (aware UTC).
        began_at: when the repository was first scanned; how old the tags of that scan are is not known.
    """

    first_seen: Mapping[str, datetime]
    began_at: datetime

    def content(self, tag: str) -> Content:
        """What the gates are told of a tag's age."""
        seen_at = self.first_seen[tag]
        return Content(since=None if seen_at <= self.began_at else seen_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A policy, and what it is replayed with.

    ``told`` is what gates are told of images and of tags to skip; None when no gate asks for that.
    """

    policy: CompiledPolicy
    metadata: Metadata
    minimum_age: timedelta
    history: History
    image: str = ""
    told: Situation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A change of what the policy selects.

    Attributes:
        at: when (aware UTC).
        tag: what is selected from then on; what was selected before if the policy failed.
        before: what was selected before; None for the first selection.
        problem: why nothing could be selected; empty if a tag was.
    """

    at: datetime
    tag: str | None
    before: str | None
    problem: str = ""


def backtest(replayed: Replayed, since: datetime, until: datetime) -> tuple[Turn, ...]:
    """Replay a policy from ``since``, when it selects among the tags of that time, to ``until``.

    Args:
        replayed: the policy.
        since: aware UTC.
        until: aware UTC.

    Returns:
        The first selection and every change after it, oldest first.
    """
    current: str | None = None
    problem = ""
    turns: list[Turn] = []
    pool: set[str] = set()
    for at, new in _steps(replayed, since, until):
        pool |= new
        try:
            choice = replayed.policy.latest(sorted(pool, reverse=True), _situation(replayed, current, len(pool), at))
        except NoSelection as error:
            if pool and str(error) != problem:
                problem = str(error)
                turns.append(Turn(at=at, tag=current, before=current, problem=problem))
            continue
        problem = ""
        if choice.tag is not None and choice.tag != current:
            turns.append(Turn(at=at, tag=choice.tag, before=current))
            current = choice.tag
        pool = _still_wanted(choice, current)
    return tuple(turns)


def _steps(replayed: Replayed, since: datetime, until: datetime) -> Iterator[tuple[datetime, set[str]]]:
    """The times at which the answer may change, with the tags that are new then."""
    added: dict[datetime, set[str]] = {since: set()}
    for tag, seen_at in replayed.history.first_seen.items():
        added.setdefault(max(since, seen_at), set()).add(tag)
        if replayed.minimum_age:
            added.setdefault(max(since, seen_at + replayed.minimum_age), set())
    yield from sorted((at, new) for at, new in added.items() if at <= until)


def _situation(replayed: Replayed, current: str | None, count: int, at: datetime) -> Situation:
    history, told = replayed.history, replayed.told
    facts = Situation(
        policy=replayed.metadata,
        current=None if current is None else ImageRef(name=replayed.image, tag=current),
        counts=TagCounts(before=0, after=count),
        may_go_back=False,
        first_seen=history.first_seen.get,
        now=at,
        minimum_age=replayed.minimum_age,
        content=history.content,
    )
    if told is None:
        return facts
    return replace(
        facts,
        skip_tags=told.skip_tags,
        platforms=told.platforms,
        platforms_of=told.platforms_of,
        verify_secret=told.verify_secret,
        signing_of=told.signing_of,
        vulnerabilities_below=told.vulnerabilities_below,
        findings_of=told.findings_of,
    )


def _still_wanted(choice: Choice, current: str | None) -> set[str]:
    """The tags that may be selected later: what is worse than the current one never is, because no tag goes away."""
    waiting = {one.tag for one in choice.refused if isinstance(one.answer, Wait)}
    return waiting | ({current} if current is not None else set())
