"""Dates and clocks of moments."""

from __future__ import annotations

from datetime import date, timedelta

from gocompat.time_instant import DAY_S, Moment, days_in, days_until

_EPOCH = date(1970, 1, 1)


def test_every_day_of_four_centuries_is_the_calendars() -> None:
    first = date(1800, 1, 1)
    days = [first + timedelta(days=count) for count in range(0, 146_097, 7)]
    moments = [Moment((day - _EPOCH).days * DAY_S) for day in days]
    assert [one.date for one in moments] == [(day.year, day.month, day.day) for day in days]
    assert [one.year_day for one in moments] == [day.timetuple().tm_yday for day in days]
    assert [one.weekday for one in moments] == [day.isoweekday() % 7 for day in days]
    assert [days_until(*one.date) * DAY_S for one in moments] == [one.unix_s for one in moments]


def test_months_and_days_beyond_their_range_carry_over() -> None:
    assert days_until(2020, 14, 1) == days_until(2021, 2, 1)
    assert days_until(2020, -1, 30) == days_until(2019, 11, 30)
    assert [days_in(year, 2) for year in (0, 1900, 2000, 2023, 2024)] == [29, 28, 29, 28, 29]


def test_a_clock_is_that_of_the_zone() -> None:
    moment = Moment(0, offset_s=-3661)
    assert (moment.date, moment.clock) == ((1969, 12, 31), (22, 58, 59))
