"""Policies that select the newest tag by time, for tags that have no order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tagstream.domain.objects.model import PolicyChoice, TagFilter
from tagstream.domain.select.choice import Stay
from tagstream.domain.select.policy import CompiledPolicy, NoSelection, compile_policy
from tests.unit.domain.select.situations import situation

START = datetime(2026, 11, 24, tzinfo=UTC)
TIMES = {tag: START + timedelta(hours=hours) for tag, hours in {"f00": 1, "abc": 3, "b0b": 2}.items()}


def newest(times: Mapping[str, datetime], found: TagFilter | None = None) -> CompiledPolicy:
    return replace(compile_policy(PolicyChoice(alphabetical="asc"), found), time_of=times.get)


def test_the_newest_tag_is_selected_whatever_it_is_called() -> None:
    assert newest(TIMES).latest(["f00", "abc", "b0b"]).tag == "abc"
    assert newest(TIMES).latest(["f00", "b0b"], descending=True).tag == "b0b"


def test_the_policys_own_order_decides_between_equal_times() -> None:
    times = dict.fromkeys(("f00", "abc", "b0b"), START)
    assert newest(times).latest(["abc", "f00", "b0b"]).tag == "f00"


def test_a_filter_keeps_other_tags_out() -> None:
    assert newest(TIMES, TagFilter(pattern="^[bf]")).latest(list(TIMES)).tag == "b0b"


def test_tags_of_one_value_are_told_apart_by_time() -> None:
    times = {"main-a": START, "main-b": START + timedelta(hours=1), "main-c": START + timedelta(hours=1)}
    policy = newest(times, TagFilter(pattern="^(main)-", extract="$1"))
    assert policy.latest(list(times), situation("main-a")).tag == "main-b"
    assert policy.latest(list(times), situation("main-c")).tag == "main-c"


def test_what_is_new_is_compared_with_the_current_tag_only() -> None:
    times = {**TIMES, "new": START + timedelta(hours=9)}
    assert newest(times).latest_after("abc", ["new"], [], list(times), situation("abc")).tag == "new"
    assert newest(TIMES).latest_after("abc", [], [], list(TIMES), situation("abc")).tag == "abc"


def test_a_tag_without_a_time_has_no_place() -> None:
    policy = newest(TIMES)
    assert policy.latest([*TIMES, "zzz"]).tag == "abc"
    with pytest.raises(NoSelection, match="nobody knows when any of the tags was made"):
        policy.latest(["zzz"])
    with pytest.raises(NoSelection, match="cannot be empty"):
        policy.latest([])
    assert not policy.is_newer("abc", "zzz") and not policy.is_below("zzz", "abc")


def test_older_and_newer_go_by_time() -> None:
    policy = newest(TIMES)
    assert policy.is_below("f00", "abc") and policy.is_newer("abc", "f00")


def test_explaining_shows_times_and_agrees_with_selecting() -> None:
    verdicts = newest(TIMES).explain([*TIMES, "zzz"], situation("b0b"))
    assert [(one.tag, one.value, one.state) for one in verdicts] == [
        ("abc", "2026-11-24T03:00:00Z", "selected"),
        ("b0b", "2026-11-24T02:00:00Z", "candidate"),
        ("f00", "2026-11-24T01:00:00Z", "candidate"),
        ("zzz", "zzz", "without time"),
    ]


def test_the_selection_stays_until_every_tag_was_looked_at() -> None:
    facts = replace(situation("b0b"), tags_without_time=7)
    choice = newest(TIMES).latest(list(TIMES), facts)
    assert choice.tag == "b0b"
    assert isinstance(choice.decided, Stay)
    assert choice.decided.message == "7 tags were not looked at yet for when they were created"
