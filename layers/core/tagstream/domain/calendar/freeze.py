"""Freezes: spans of time in which nothing is pushed, declared by dates or made by a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from gocompat.quote import quote
from tagstream.domain.calendar.window import SEPARATORS
from tagstream.domain.calendar.zone import InvalidCalendar, first_instant, read_zone

FORM = '"START[..END] [ZONE] [(REASON)]", with dates (2026-12-24) or times (2026-12-24T18:00)'
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2})?"
_FREEZE = re.compile(
    rf"(?P<starts>{_TIME})(?:\.\.(?P<ends>{_TIME}))?(?:\s+(?P<zone>[^\s(]+))?(?:\s+\((?P<reason>.*)\))?", re.ASCII
)


# Python's calendar ends with 9999, and sums of times near its end fail.
_FIRST_YEAR, _LAST_YEAR = 1970, 2999


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """Nothing is pushed from ``starts`` to just before ``ends`` (aware UTC); ``ends`` None means until it is lifted.

    ``text`` is for people: the freeze as it was written, or who made it and why.
    """

    starts: datetime
    ends: datetime | None
    text: str

    def covers(self, at: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.starts <= at and (self.ends is None or at < self.ends)


def parse_freezes(text: str) -> tuple[Freeze, ...]:
    """Freezes separated by semicolons or line ends, as in ``2026-12-20..2027-01-03 Europe/Berlin (Christmas)``.

    A date stands for its whole day, as a start and as an end.

    Raises:
        InvalidCalendar: one cannot be read, ends before it starts, or there is none.
    """
    parts = [part.strip() for part in SEPARATORS.split(text)]
    found = tuple(_freeze(part) for part in parts if part)
    if not found:
        raise InvalidCalendar(f"no freeze is given: expected {FORM}")
    return found


def _freeze(text: str) -> Freeze:
    found = _FREEZE.fullmatch(text)
    if found is None:
        raise InvalidCalendar(f"freeze {quote(text)}: expected {FORM}")
    zone = read_zone(found["zone"] or "UTC")
    first, last = found["starts"], found["ends"] or found["starts"]
    if "T" in first and not found["ends"]:
        raise InvalidCalendar(f"freeze {quote(text)}: a time needs an end: expected {FORM}")
    starts = first_instant(_local(first, text), zone)
    end = _local(last, text)
    ends = first_instant(end if "T" in last else end + timedelta(days=1), zone)
    if ends <= starts:
        raise InvalidCalendar(f"freeze {quote(text)}: ends before it starts")
    return Freeze(starts=starts, ends=ends, text=text)


def _local(text: str, freeze: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidCalendar(f"freeze {quote(freeze)}: {quote(text)} is no date: {error}") from error
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise InvalidCalendar(f"freeze {quote(freeze)}: years are {_FIRST_YEAR} to {_LAST_YEAR}")
    return found
