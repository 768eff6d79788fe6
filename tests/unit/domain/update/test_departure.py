"""When a change may be pushed: after the burst's last selection, at once when asked, never later than a few windows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tagstream.domain.calendar.calendar import read_calendar
from tagstream.domain.update.departure import (
    Answer,
    Go,
    No,
    PendingPush,
    Wait,
    latest_push,
    may_push,
    together,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


def at(*seconds: float) -> tuple[datetime, ...]:
    return tuple(NOW + timedelta(seconds=one) for one in seconds)


def push(*selected_s: float, window: float = 3) -> PendingPush:
    return PendingPush(debounce_s=window, selected_at=at(*selected_s))


@pytest.mark.parametrize(
    ("selected_s", "expected_s"), [([0], 3), ([0, 1, 2], 5), ([0, 4, 8, 11], 12), ([0, 20], 12), ([-60, -59], -56)]
)
def test_a_change_is_pushed_when_nothing_more_was_selected_for_the_window(
    selected_s: list[float], expected_s: float
) -> None:
    reason = "until nothing new has been selected for 3s"
    end = at(expected_s)[0]
    assert may_push(push(*selected_s), LONG_AGO) == Wait(until=end, reason=reason)
    assert isinstance(may_push(push(*selected_s), end - timedelta(microseconds=1)), Wait)
    assert isinstance(may_push(push(*selected_s), end), Go)


def test_a_run_that_somebody_asked_for_is_pushed_at_once_and_ignores_its_companions() -> None:
    asked = replace(push(0), is_asked_for=True)
    assert may_push(asked, NOW) == Go(reason="a run was asked for")
    assert asked.ignores_companions


def test_without_a_window_nothing_waits() -> None:
    assert isinstance(may_push(push(0, window=0), NOW), Go)
    assert isinstance(may_push(push(window=0), NOW), Go)
    assert push(window=0).ignores_companions


def test_where_nothing_is_new_there_is_nothing_to_wait_for() -> None:
    assert may_push(push(), NOW) == Go()
    assert not push().ignores_companions


def test_an_automation_joins_a_shared_push_only_with_new_tags_whose_window_is_over() -> None:
    joining = replace(push(0), joins="shared push")
    assert may_push(replace(joining, selected_at=()), NOW) == No(reason="no new tag is selected")
    assert isinstance(may_push(joining, NOW), Wait)
    assert isinstance(may_push(joining, at(3)[0]), Go)


def test_all_automations_of_a_branch_that_is_rebuilt_are_pushed_whatever_they_wait_for() -> None:
    for one in (push(), push(0)):
        found = may_push(replace(one, joins="rebuilt branch"), NOW)
        assert isinstance(found, Go)
        assert "its branch is rebuilt" in found.reason


def test_a_wait_never_ends_later_than_it_may() -> None:
    found = may_push(replace(push(0, 1, 2), no_later_than=at(4)[0]), NOW)
    assert isinstance(found, Wait)
    assert found.until == at(4)[0]


def test_one_no_outweighs_every_wait_and_the_longest_wait_every_go() -> None:
    early, late = (Wait(until=one, reason=str(one)) for one in at(2, 9))
    no, go = No(reason="frozen"), Go(reason="asked")
    expected: list[tuple[list[Answer], Answer]] = [
        ([early, no, late], no),
        ([early, late, go], late),
        ([Go(), go], go),
        ([], Go()),
    ]
    for answers, answer in expected:
        assert together(answers) == answer


def test_a_rule_that_is_added_has_its_say() -> None:
    def frozen(one: PendingPush, now: datetime) -> Answer:
        return No(reason="frozen until Monday")

    assert may_push(push(), NOW, rules=(frozen,)) == No(reason="frozen until Monday")


def test_nothing_is_held_longer_than_four_of_the_longest_windows() -> None:
    assert latest_push([1, 5, 3], NOW) == at(20)[0]


OFFICE = read_calendar("the automation", "Mon-Fri 09:00-17:00")
SATURDAY = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_outside_its_window_a_change_waits_whoever_asks_for_it_and_however_it_is_pushed() -> None:
    expected = Wait(
        until=datetime(2026, 11, 30, 9, tzinfo=UTC),
        reason="outside the window of the automation: Mon-Fri 09:00-17:00",
    )
    closed = PendingPush(debounce_s=3, calendars=(OFFICE,))
    for one in (closed, replace(closed, is_asked_for=True), replace(closed, joins="rebuilt branch")):
        assert may_push(one, SATURDAY) == expected
        assert isinstance(may_push(one, expected.until), Go)


def test_the_later_of_a_burst_and_a_window_counts() -> None:
    selected = replace(push(window=900), selected_at=(datetime(2026, 11, 30, 8, 55, tzinfo=UTC),), calendars=(OFFICE,))
    answer = may_push(selected, SATURDAY)
    assert isinstance(answer, Wait)
    assert answer.until == datetime(2026, 11, 30, 9, 10, tzinfo=UTC)


def test_without_an_opening_the_answer_is_no() -> None:
    weekend = read_calendar("namespace apps", "Sat-Sun 00:00-24:00")
    assert may_push(PendingPush(debounce_s=3, calendars=(OFFICE, weekend)), SATURDAY) == No(
        reason="outside the window of the automation: Mon-Fri 09:00-17:00; its windows never open together"
    )
