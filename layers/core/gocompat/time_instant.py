"""Go's ``time.Time``: an instant to the nanosecond, shown in a zone of fixed offset.

Python's datetime cannot stand in for it: Go has the year 0, nanoseconds and offsets of more than a day.

Source: Go time/time.go (Date, AddDate, Sub, IsZero).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000_000
DAY_S = 86_400
MAX_YEAR = 9999
"""The last year that a date in RFC 3339 can have; the first one is 0."""
_DAYS_OF_400_YEARS = 146_097
_DAYS_TO_1970 = 719_468
_LONGEST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Instant:
    """Seconds since 1970 and nanoseconds, with the offset of the zone in which it is shown.

    ``zone`` is the abbreviation to print. It is empty for a zone that has only an offset.
    """

    unix_s: int
    nanosecond: int = 0
    offset_s: int = 0
    zone: str = "UTC"

    @property
    def order(self) -> tuple[int, int]:
        """Sorts instants of any zone: seconds since 1970, then nanoseconds."""
        return self.unix_s, self.nanosecond

    @property
    def date(self) -> tuple[int, int, int]:
        """Year, month and day in its zone."""
        days = (self.unix_s + self.offset_s) // DAY_S + _DAYS_TO_1970
        era, day = divmod(days, _DAYS_OF_400_YEARS)
        year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
        day -= 365 * year + year // 4 - year // 100
        month = (5 * day + 2) // 153
        return (
            era * 400 + year + (month >= 10),
            month + 3 if month < 10 else month - 9,
            day - (153 * month + 2) // 5 + 1,
        )

    @property
    def clock(self) -> tuple[int, int, int]:
        """Hour, minute and second in its zone."""
        seconds = (self.unix_s + self.offset_s) % DAY_S
        return seconds // 3600, seconds // 60 % 60, seconds % 60

    @property
    def weekday(self) -> int:
        """The day of the week in its zone; 0 is Sunday."""
        return ((self.unix_s + self.offset_s) // DAY_S + 4) % 7

    @property
    def year_day(self) -> int:
        """The day of the year in its zone; 1 is January 1."""
        year, month, day = self.date
        return days_until(year, month, day) - days_until(year, 1, 1) + 1

    def later(self, nanoseconds: int) -> Instant:
        """The instant that many nanoseconds later (Time.Add)."""
        seconds, nanosecond = divmod(self.nanosecond + nanoseconds, SECOND)
        return replace(self, unix_s=self.unix_s + seconds, nanosecond=nanosecond)

    def since(self, other: Instant) -> int:
        """Nanoseconds from ``other`` to this instant, limited to what a Go Duration can hold (Time.Sub)."""
        between = (self.unix_s - other.unix_s) * SECOND + self.nanosecond - other.nanosecond
        return max(-_LONGEST - 1, min(_LONGEST, between))

    def utc(self) -> Instant:
        """The same instant shown in UTC (Time.UTC)."""
        return replace(self, offset_s=0, zone="UTC")


ZERO = Instant(-62_135_596_800)
"""Go's zero time: January 1 of the year 1, midnight UTC."""


def from_datetime(time: datetime) -> Instant:
    """An aware datetime as an Instant, shown in UTC."""
    since = time - _EPOCH
    return Instant(since // timedelta(seconds=1), since.microseconds * 1000)


def days_until(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar; months and days out of range carry over."""
    year, month = year + (month - 1) // 12, (month - 1) % 12
    # Let years begin in March, so that February 29 is the last day of a year.
    year, month = (year, month - 2) if month > 1 else (year - 1, month + 10)
    days = 365 * year + year // 4 - year // 100 + year // 400
    return days + (153 * month + 2) // 5 + day - 1 - _DAYS_TO_1970


def days_in(year: int, month: int) -> int:
    """The number of days of a month."""
    return days_until(year, month + 1, 1) - days_until(year, month, 1)
