"""When a change may go: after the burst's last selection, at once when asked, never later than a few windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tagstream.domain.update.departure import Departure, departure, departure_together, latest_departure

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def at(*seconds: float) -> list[datetime]:
    return [NOW + timedelta(seconds=one) for one in seconds]


@pytest.mark.parametrize(
    ("selected_s", "expected_s"), [([0], 3), ([0, 1, 2], 5), ([0, 4, 8, 11], 12), ([0, 20], 12), ([-60, -59], -56)]
)
def test_a_change_goes_when_nothing_more_was_selected_for_the_window(
    selected_s: list[float], expected_s: float
) -> None:
    assert departure(3, at(*selected_s), is_asked_for=False) == Departure(not_before=at(expected_s)[0])


def test_a_run_that_somebody_asked_for_waits_for_nobody() -> None:
    assert departure(3, at(0), is_asked_for=True) == Departure(waits_for_nobody=True)


def test_without_a_window_nothing_waits() -> None:
    found = [departure(0, selected, is_asked_for=False) for selected in (at(0), [])]
    assert found == [Departure(not_before=NOW, waits_for_nobody=True), Departure(waits_for_nobody=True)]


def test_where_nothing_is_new_there_is_nothing_to_wait_for() -> None:
    assert departure(3, [], is_asked_for=False) == Departure()


def test_changes_of_one_push_go_when_the_last_of_them_may() -> None:
    early, late = (Departure(not_before=one) for one in at(2, 9))
    assert [departure_together(each, NOW) for each in ([early, late, Departure()], [Departure()], [])] == at(9, 0, 0)


def test_nothing_is_held_longer_than_four_of_the_longest_windows() -> None:
    assert latest_departure([1, 5, 3], NOW) == at(20)[0]
