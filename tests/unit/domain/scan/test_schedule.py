"""Intervals as a tick once a minute sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tagstream.domain.scan.schedule import interval_end, jitter_s, offsets_in_tick, retry_at, retry_delay_s

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago_s", "interval_s", "due"),
    [(None, 60, True), (0, 60, False), (54, 60, False), (55, 60, True), (299, 300, True), (294, 300, False)],
)
def test_an_interval_is_over_when_the_next_tick_would_be_late(ago_s: int | None, interval_s: int, due: bool) -> None:
    last = None if ago_s is None else NOW - timedelta(seconds=ago_s)
    end = interval_end(last, interval_s)
    assert end is not None
    assert (end <= NOW) is due


def test_interval_zero_is_never_due_again() -> None:
    assert interval_end(NOW - timedelta(days=1), 0) is None


@pytest.mark.parametrize(
    ("interval_s", "offsets"), [(30, (30.0,)), (20, (30.0,)), (45, (45.0,)), (60, ()), (3600, ()), (0, ())]
)
def test_intervals_below_a_minute_come_round_inside_it(interval_s: float, offsets: tuple[float, ...]) -> None:
    assert offsets_in_tick(interval_s) == offsets


def test_back_off_doubles_to_a_quarter_of_an_hour() -> None:
    assert [retry_delay_s(n) for n in (1, 2, 3, 4, 5, 6, 100)] == [60, 120, 240, 480, 900, 900, 900]


@pytest.mark.parametrize(("asked_s", "wait_s"), [(None, 60), (10.0, 60), (600.0, 600)])
def test_a_server_may_ask_for_more_patience_but_not_for_less(asked_s: float | None, wait_s: float) -> None:
    assert retry_at(1, NOW, asked_s) == NOW + timedelta(seconds=wait_s)


def test_jitter_is_stable_and_inside_its_spread() -> None:
    delays = [jitter_s(f"ns/app-{n}", 5.0) for n in range(100)]
    assert all(0 <= one < 5 for one in delays) and delays == [jitter_s(f"ns/app-{n}", 5.0) for n in range(100)]
