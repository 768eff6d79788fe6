"""Freezes by dates and times, with zones and reasons."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tagstream.domain.calendar.freeze import parse_freezes
from tagstream.domain.calendar.zone import InvalidCalendar


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_dates_stand_for_whole_days_of_their_zone() -> None:
    (freeze,) = parse_freezes("2026-12-20..2027-01-03 Europe/Berlin (Christmas)")
    assert (freeze.starts, freeze.ends) == (utc("2026-12-19 23:00"), utc("2027-01-03 23:00"))
    assert freeze.text == "2026-12-20..2027-01-03 Europe/Berlin (Christmas)"


def test_times_are_instants_and_a_single_date_is_one_day() -> None:
    evening, day = parse_freezes("2026-12-05T18:00..2026-12-06T01:00 Asia/Kathmandu\n2026-12-24")
    assert (evening.starts, evening.ends) == (utc("2026-12-05 12:15"), utc("2026-12-05 19:15"))
    assert (day.starts, day.ends) == (utc("2026-12-24 00:00"), utc("2026-12-25 00:00"))


def test_a_freeze_covers_its_start_and_not_its_end() -> None:
    (freeze,) = parse_freezes("2026-12-24")
    assert [freeze.covers(utc(at)) for at in ("2026-12-23 23:59", "2026-12-24", "2026-12-25")] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no freeze is given"),
        ("Christmas", 'freeze "Christmas": expected'),
        ("2026-12-20..2026-12-01", "ends before it starts"),
        ("2026-12-20T10:00..2026-12-20T10:00", "ends before it starts"),
        ("2026-13-01", "is no date: month must be in 1..12"),
        ("2026-12-24T25:00..2026-12-26", "is no date: hour must be in 0..23"),
        ("2026-12-24T18:00", "a time needs an end"),
        ("2026-12-24 Mars/Olympus", "unknown time zone"),
        ("9999-12-31", "years are 1970 to 2999"),
        ("2026-12-24 (open", "expected"),
    ],
)
def test_a_freeze_that_cannot_be_read_is_refused_with_its_text(text: str, message: str) -> None:
    with pytest.raises(InvalidCalendar, match=message):
        parse_freezes(text)
