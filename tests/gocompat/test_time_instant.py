"""Dates and times of day of instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from gocompat.time_instant import DAY_S, Instant, days_in, days_until, from_datetime

_EPOCH = date(1970, 1, 1)


def test_the_days_of_four_centuries_are_those_of_the_calendar() -> None:
    first = date(1800, 1, 1)
    days = [first + timedelta(days=count) for count in range(0, 146_097, 7)]
    instants = [Instant((day - _EPOCH).days * DAY_S) for day in days]
    assert [one.date for one in instants] == [(day.year, day.month, day.day) for day in days]
    assert [one.year_day for one in instants] == [day.timetuple().tm_yday for day in days]
    assert [one.weekday for one in instants] == [day.isoweekday() % 7 for day in days]
    assert [days_until(*one.date) * DAY_S for one in instants] == [one.unix_s for one in instants]


def test_months_and_days_beyond_their_range_carry_over() -> None:
    assert days_until(2020, 14, 1) == days_until(2021, 2, 1)
    assert days_until(2020, -1, 30) == days_until(2019, 11, 30)
    assert [days_in(year, 2) for year in (0, 1900, 2000, 2023, 2024)] == [29, 28, 29, 28, 29]


def test_the_time_of_day_is_that_of_the_zone() -> None:
    instant = Instant(0, offset_s=-3661)
    assert instant.date == (1969, 12, 31)
    assert instant.clock == (22, 58, 59)


def test_a_datetime_of_any_zone_is_an_instant_in_utc() -> None:
    assert from_datetime(datetime(1969, 12, 31, 23, 59, 59, 250_000, tzinfo=UTC)) == Instant(-1, 250_000_000)
