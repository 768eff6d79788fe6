"""Zones by name, and wall-clock times that a zone skips or repeats."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tagstream.domain.calendar.zone import InvalidCalendar, first_instant, last_instant, read_zone

BERLIN = read_zone("Europe/Berlin")
LORD_HOWE = read_zone("Australia/Lord_Howe")


def test_a_zone_knows_its_name() -> None:
    assert str(BERLIN) == "Europe/Berlin"


@pytest.mark.parametrize("name", ["Europe/Berln", "europe/berlin", "localtime", "posix/UTC", "../zones", "Europe", ""])
def test_what_is_no_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidCalendar, match=f'^unknown time zone "{name}"'):
        read_zone(name)


def test_a_misspelt_zone_is_answered_with_the_right_one() -> None:
    with pytest.raises(InvalidCalendar, match="did you mean Europe/Berlin"):
        read_zone("Europe/Berln")


def test_a_usual_time_has_one_instant() -> None:
    local = datetime(2026, 7, 1, 9, 0)
    assert first_instant(local, BERLIN) == last_instant(local, BERLIN) == datetime(2026, 7, 1, 7, 0, tzinfo=UTC)


def test_a_skipped_time_is_the_end_of_the_gap() -> None:
    for local in (datetime(2026, 3, 29, 2, 0), datetime(2026, 3, 29, 2, 59)):
        assert first_instant(local, BERLIN) == last_instant(local, BERLIN) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_a_repeated_time_has_a_first_and_a_last_instant() -> None:
    local = datetime(2026, 10, 25, 2, 30)
    assert first_instant(local, BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert last_instant(local, BERLIN) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_gap_of_half_an_hour_ends_after_half_an_hour() -> None:
    # Lord Howe goes from +10:30 to +11:00 at two o'clock.
    assert first_instant(datetime(2026, 10, 4, 2, 15), LORD_HOWE) == datetime(2026, 10, 3, 15, 30, tzinfo=UTC)
