"""Calendars of several levels: when all of them let a change be pushed, and why one does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tagstream.domain.calendar.calendar import Calendar, ever_open_together, next_opening, read_calendar
from tagstream.domain.calendar.freeze import Freeze
from tagstream.domain.calendar.zone import InvalidCalendar

OFFICE = "Mon-Fri 09:00-17:00 Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def calendar(window: str | None = None, freeze: str | None = None) -> Calendar:
    return read_calendar("the automation", window, freeze)


def test_without_windows_and_freezes_everything_goes_at_once() -> None:
    assert next_opening([calendar()], utc("2026-11-28")) == utc("2026-11-28")
    assert next_opening([], utc("2026-11-28")) == utc("2026-11-28")


def test_one_open_window_of_several_is_enough() -> None:
    two = calendar("Mon 09:00-10:00; Sat 09:00-10:00")
    assert next_opening([two], utc("2026-11-28 09:30")) == utc("2026-11-28 09:30")
    assert next_opening([two], utc("2026-11-28 10:00")) == utc("2026-11-30 09:00")


def test_all_levels_must_agree() -> None:
    levels = [calendar(OFFICE), calendar("Mon,Wed 00:00-24:00 Europe/Berlin"), calendar("15:00-23:00 Europe/Berlin")]
    assert next_opening(levels, utc("2026-11-27 09:00")) == utc("2026-11-30 14:00")


def test_a_freeze_moves_the_opening_to_the_first_window_after_it() -> None:
    levels = [calendar(OFFICE), calendar(freeze="2026-11-30..2026-12-01 Europe/Berlin (launch)")]
    assert next_opening(levels, utc("2026-11-28")) == utc("2026-12-02 08:00")


def test_freezes_that_overlap_count_as_one() -> None:
    both = calendar(freeze="2026-11-28..2026-11-29; 2026-11-29..2026-12-02")
    assert next_opening([both], utc("2026-11-28 12:00")) == utc("2026-12-03")


def test_a_freeze_without_an_end_has_no_opening() -> None:
    forever = Calendar(owner="the stack", freezes=(Freeze(starts=utc("2026-11-27"), ends=None, text="by alice"),))
    assert next_opening([calendar(OFFICE), forever], utc("2026-11-28")) is None


def test_windows_that_never_overlap_have_no_opening() -> None:
    levels = [calendar(OFFICE), calendar("Sat-Sun 00:00-24:00 Europe/Berlin")]
    assert next_opening(levels, utc("2026-11-28")) is None
    assert not ever_open_together(levels)
    assert ever_open_together([calendar(OFFICE), calendar("Fri 12:00-13:00", "2026-01-01..2026-12-31")])


def test_why_nothing_may_be_pushed_is_said_with_the_owner_and_the_words_that_were_written() -> None:
    assert calendar(OFFICE).closed_because(utc("2026-11-27 10:00")) == ""
    assert calendar(OFFICE).closed_because(utc("2026-11-28")) == f"outside the window of the automation: {OFFICE}"
    frozen = calendar(OFFICE, "2026-11-27 (launch)")
    assert frozen.closed_because(utc("2026-11-27 10:00")) == "the automation is frozen: 2026-11-27 (launch)"


def test_a_bad_text_is_refused() -> None:
    with pytest.raises(InvalidCalendar, match="no window is given"):
        calendar("")
    with pytest.raises(InvalidCalendar, match="no freeze is given"):
        calendar(None, "")
