"""Replaying a policy: the same answers as selecting at each time would have given."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from tagstream.domain.objects.model import ImageRef, Metadata, NamespacedName, PolicyChoice, TagFilter
from tagstream.domain.select.backtest import History, Replayed, Turn, backtest
from tagstream.domain.select.choice import Situation, TagCounts
from tagstream.domain.select.policy import NoSelection, compile_policy

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SEMVER = PolicyChoice(semver="1.x")


def day(number: float) -> datetime:
    return BEGAN + timedelta(days=number)


def replayed(
    first_seen: Mapping[str, datetime],
    choice: PolicyChoice = SEMVER,
    tag_filter: TagFilter | None = None,
    minimum_age: timedelta = timedelta(0),
) -> Replayed:
    return Replayed(
        policy=compile_policy(choice, tag_filter),
        metadata=Metadata(key=NamespacedName("ns", "app")),
        minimum_age=minimum_age,
        history=History(first_seen=first_seen, began_at=BEGAN),
    )


def turns(*told: tuple[float, str | None, str | None]) -> tuple[Turn, ...]:
    return tuple(Turn(at=day(at), tag=tag, before=before) for at, tag, before in told)


def test_the_first_selection_is_among_the_tags_of_the_beginning_and_each_better_tag_is_a_turn() -> None:
    seen = {"1.0.0": day(0), "1.1.0": day(3), "1.0.1": day(5), "2.0.0": day(6), "1.2.0": day(9)}
    assert backtest(replayed(seen), day(1), day(10)) == turns(
        (1, "1.0.0", None), (3, "1.1.0", "1.0.0"), (9, "1.2.0", "1.1.0")
    )


def test_what_comes_after_the_end_is_no_turn() -> None:
    seen = {"1.0.0": day(0), "1.1.0": day(3)}
    assert backtest(replayed(seen), day(1), day(2)) == turns((1, "1.0.0", None))


def test_a_minimum_age_moves_each_turn_to_the_time_when_the_tag_is_old_enough() -> None:
    seen = {"1.0.0": day(0), "1.1.0": day(3), "1.2.0": day(4)}
    assert backtest(replayed(seen, minimum_age=timedelta(days=2)), day(1), day(10)) == turns(
        (1, "1.0.0", None), (5, "1.1.0", "1.0.0"), (6, "1.2.0", "1.1.0")
    )


def test_a_tag_of_the_first_scan_counts_as_old() -> None:
    assert backtest(replayed({"1.0.0": day(0)}, minimum_age=timedelta(days=30)), BEGAN, day(1)) == turns(
        (0, "1.0.0", None)
    )


def test_while_no_tag_fits_the_problem_is_told_once() -> None:
    seen = {"2.0.0": day(0), "2.1.0": day(1), "1.0.0": day(4)}
    first, second = backtest(replayed(seen), day(0), day(10))
    assert (first.at, first.tag, first.problem) == (
        day(0),
        None,
        "unable to determine latest version from provided list",
    )
    assert second == Turn(at=day(4), tag="1.0.0", before=None)


def test_a_value_that_is_no_number_fails_from_its_first_sighting_on() -> None:
    seen = {"1": day(0), "2": day(2), "x": day(3), "5": day(4)}
    found = backtest(replayed(seen, PolicyChoice(numerical="asc")), day(0), day(10))
    assert [(one.tag, bool(one.problem)) for one in found] == [("1", False), ("2", False), ("2", True)]


def test_without_tags_there_are_no_turns() -> None:
    assert backtest(replayed({}), day(0), day(10)) == ()


@pytest.mark.parametrize("minimum_days", [0, 2])
@pytest.mark.parametrize(
    ("choice", "tag_filter"),
    [
        (PolicyChoice(semver=">=1.0.0"), None),
        (PolicyChoice(alphabetical="asc"), None),
        (PolicyChoice(numerical="asc"), TagFilter(pattern="^[0-9]+\\.[0-9]+\\.(?P<p>[0-9]+)$", extract="$p")),
    ],
)
def test_a_replay_selects_at_every_time_what_all_tags_of_that_time_would_lead_to(
    choice: PolicyChoice, tag_filter: TagFilter | None, minimum_days: int
) -> None:
    chance = random.Random(7)
    for _ in range(15):
        tags = {f"{chance.randint(0, 2)}.{chance.randint(0, 3)}.{chance.randint(0, 9)}" for _ in range(20)}
        seen = {tag: day(chance.randint(0, 12)) for tag in sorted(tags)}
        asked = replayed(seen, choice, tag_filter, timedelta(days=minimum_days))
        current: str | None = None
        for number in range(13 + minimum_days):
            current = selected(asked, current, day(number)) or current
            found = [one for one in backtest(asked, BEGAN, day(number)) if not one.problem]
            assert (found[-1].tag if found else None) == current


def selected(asked: Replayed, current: str | None, at: datetime) -> str | None:
    """What an evaluation of all tags that are known at a time selects; None for nothing new."""
    listed = sorted((tag for tag, seen_at in asked.history.first_seen.items() if seen_at <= at), reverse=True)
    situation = Situation(
        policy=asked.metadata,
        current=ImageRef(name="", tag=current) if current else None,
        counts=TagCounts(before=0, after=len(listed)),
        may_go_back=False,
        first_seen=asked.history.first_seen.get,
        now=at,
        minimum_age=asked.minimum_age,
        content=asked.history.content,
    )
    try:
        return asked.policy.latest(listed, situation).tag
    except NoSelection:
        return None
