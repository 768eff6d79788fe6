"""Windows by days of the week and by cron expressions, across changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tagstream.domain.calendar.window import Span, parse_windows
from tagstream.domain.calendar.zone import InvalidCalendar


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(text: str, at: str) -> Span:
    (window,) = parse_windows(text)
    found = window.span(utc(at))
    assert found is not None
    return found


def spanning(opens: str, closes: str) -> Span:
    return Span(opens=utc(opens), closes=utc(closes))


def test_a_window_is_open_from_its_first_minute_to_just_before_its_last() -> None:
    office = "Mon-Fri 09:00-17:00 Europe/Berlin"
    friday = spanning("2026-11-27 08:00", "2026-11-27 16:00")
    assert span(office, "2026-11-27 08:00") == friday
    assert span(office, "2026-11-27 15:59:59") == friday
    assert span(office, "2026-11-27 16:00") == spanning("2026-11-30 08:00", "2026-11-30 16:00")


def test_without_days_every_day_counts_and_without_a_zone_utc() -> None:
    assert span("09:00-17:00", "2026-11-28 10:00") == spanning("2026-11-28 09:00", "2026-11-28 17:00")


def test_hours_that_end_before_they_begin_end_on_the_next_day() -> None:
    night = "Fri 22:00-06:00 Europe/Berlin"
    assert span(night, "2026-11-28 04:59") == spanning("2026-11-27 21:00", "2026-11-28 05:00")
    assert span(night, "2026-11-28 05:00") == spanning("2026-12-04 21:00", "2026-12-05 05:00")


def test_days_and_hours_may_be_lists_and_days_may_go_over_the_end_of_the_week() -> None:
    text = "Sat-Mon,Wed 09:00-12:00,13:00-17:00"
    assert span(text, "2026-11-28 12:00") == spanning("2026-11-28 13:00", "2026-11-28 17:00")
    assert span(text, "2026-11-30 18:00") == spanning("2026-12-02 09:00", "2026-12-02 12:00")
    assert span(text, "2026-12-02 18:00") == spanning("2026-12-05 09:00", "2026-12-05 12:00")


def test_a_whole_day_ends_at_twenty_four() -> None:
    assert span("sun 00:00-24:00", "2026-11-29 23:59") == spanning("2026-11-29 00:00", "2026-11-30 00:00")


@pytest.mark.parametrize(
    ("text", "opens", "closes"),
    [
        ("01:30-02:30", "00:30", "01:00"),
        ("02:30-03:30", "01:00", "01:30"),
        ("01:30-03:30", "00:30", "01:30"),
        ("22:00-06:00", "2026-03-28 21:00", "04:00"),
    ],
)
def test_in_spring_a_skipped_time_counts_as_the_end_of_the_gap(text: str, opens: str, closes: str) -> None:
    opens, closes = (one if " " in one else f"2026-03-29 {one}" for one in (opens, closes))
    assert span(f"{text} Europe/Berlin", "2026-03-29 00:50") == spanning(opens, closes)


def test_hours_that_the_clocks_skip_as_a_whole_come_on_the_next_such_day() -> None:
    assert span("Sun 02:15-02:45 Europe/Berlin", "2026-03-29 00:00") == spanning("2026-04-05 00:15", "2026-04-05 00:45")


@pytest.mark.parametrize(
    ("text", "opens", "closes"),
    [
        ("01:30-02:30", "2026-10-24 23:30", "01:30"),
        ("02:30-03:30", "00:30", "02:30"),
        ("02:15-02:45", "00:15", "01:45"),
        ("22:00-06:00", "2026-10-24 20:00", "05:00"),
    ],
)
def test_in_autumn_the_hour_that_comes_twice_belongs_to_the_window_twice(text: str, opens: str, closes: str) -> None:
    opens, closes = (one if " " in one else f"2026-10-25 {one}" for one in (opens, closes))
    assert span(f"{text} Europe/Berlin", "2026-10-25 00:35") == spanning(opens, closes)


def test_zones_of_half_hours_and_quarters_keep_their_minutes() -> None:
    assert span("09:00-10:00 Asia/Kolkata", "2026-11-27 00:00").opens == utc("2026-11-27 03:30")
    assert span("09:00-10:00 Asia/Kathmandu", "2026-11-27 00:00").opens == utc("2026-11-27 03:15")
    # The clocks of Lord Howe go back by half an hour: from 02:00 to 01:30.
    assert span("01:15-01:45 Australia/Lord_Howe", "2026-04-04 14:00") == spanning(
        "2026-04-04 14:15", "2026-04-04 15:15"
    )


def test_a_cron_window_is_open_for_its_duration_after_the_expression_fires() -> None:
    office = "0 9 * * 1-5 / 8h Europe/Berlin"
    assert span(office, "2026-11-27 08:00") == spanning("2026-11-27 08:00", "2026-11-27 16:00")
    assert span(office, "2026-11-27 15:59:59.5") == spanning("2026-11-27 08:00", "2026-11-27 16:00")
    assert span(office, "2026-11-27 16:00") == spanning("2026-11-30 08:00", "2026-11-30 16:00")


def test_a_step_in_a_cron_expression_is_no_duration() -> None:
    assert span("*/15 9-16 * * * / 5m", "2026-11-27 09:05") == spanning("2026-11-27 09:15", "2026-11-27 09:20")


def test_a_cron_window_fires_once_in_spring_right_after_the_gap_and_once_in_autumn() -> None:
    text = "30 2 * * * / 1h Europe/Berlin"
    assert span(text, "2026-03-29 00:00") == spanning("2026-03-29 01:00", "2026-03-29 02:00")
    assert span(text, "2026-03-29 01:59") == spanning("2026-03-29 01:00", "2026-03-29 02:00")
    assert span(text, "2026-10-25 00:00") == spanning("2026-10-25 00:30", "2026-10-25 01:30")
    assert span(text, "2026-10-25 01:30") == spanning("2026-10-26 01:30", "2026-10-26 02:30")


def test_the_duration_of_a_cron_window_is_elapsed_time_across_a_change_of_the_clocks() -> None:
    assert span("0 22 * * * / 8h Europe/Berlin", "2026-03-29 00:00") == spanning("2026-03-28 21:00", "2026-03-29 05:00")


def test_several_windows_are_separated_by_semicolons_or_lines() -> None:
    found = parse_windows("Mon 09:00-10:00;\n 0 9 * * 2 / 1h ; \n")
    assert [one.text for one in found] == ["Mon 09:00-10:00", "0 9 * * 2 / 1h"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no window is given"),
        (" ;\n", "no window is given"),
        ("Mon-Fri 9-17", 'window "Mon-Fri 9-17": expected'),
        ("Moon 09:00-17:00", "expected"),
        ("Mon 09:00-17:00 Europe/Berlin CET", "expected"),
        ("Mon 25:00-26:00", '"25:00" is no time of a day'),
        ("Mon 09:60-10:00", '"09:60" is no time of a day'),
        ("Mon 24:00-06:00", "begin after the day has ended"),
        ("Mon 09:00-09:00", "are empty"),
        ("Mon 09:00-17:00 Mars/Olympus", 'unknown time zone "Mars/Olympus"'),
        ("0 9 * * / 8h", "has five fields"),
        ("0 0 9 * * 1 / 8h", "has five fields"),
        ("0 9 * * 8 / 8h", "bad day-of-week"),
        ("0 0 30 2 * / 8h", "bad day-of-month"),
        ("* * */20 * 1L / 1h", "never fires"),
        ("0 9 * * 1 / 8d", 'duration "8d" should match'),
        ("0 9 * * 1 / 0s", "between 1m and 168h"),
        ("0 9 * * 1 / 169h", "between 1m and 168h"),
        ("0 9 * * 1 / 8h Europe/Nowhere", "unknown time zone"),
        ("Mon 09:00-17:00; x", 'window "x"'),
    ],
)
def test_a_window_that_cannot_be_read_is_refused_with_its_text(text: str, message: str) -> None:
    with pytest.raises(InvalidCalendar, match=message):
        parse_windows(text)


@pytest.mark.parametrize(
    "text", ["Mon-Fri 09:00-17:00 Europe/Berlin", "Fri 22:00-06:00 America/St_Johns", "0 */3 * * * / 30m"]
)
def test_a_span_is_over_after_the_instant_and_the_same_for_every_instant_in_it(text: str) -> None:
    (window,) = parse_windows(text)
    at = utc("2026-01-01 00:00")
    for _ in range(300):
        at += timedelta(hours=5, minutes=47)
        found = window.span(at)
        assert found is not None
        assert found.closes > at
        assert window.span(found.opens) == found
        assert window.span(found.closes - timedelta(seconds=1)) == found
