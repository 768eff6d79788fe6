"""Go's time.Time: an instant to the nanosecond, in a zone of fixed offset.

In: civil dates and clocks of any year. Out: moments, and their parts as a wall clock there shows them.

Source: Go time/time.go (Date, AddDate, Sub, IsZero).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SECOND = 1_000_000_000
DAY_S = 86_400
MAX_YEAR = 1_000_000
_DAYS_OF_400_YEARS = 146_097
_DAYS_TO_1970 = 719_468
_LONGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds since 1970 and nanoseconds; ``zone`` is the abbreviation that is shown, empty for a mere offset."""

    unix_s: int
    nanosecond: int = 0
    offset_s: int = 0
    zone: str = "UTC"

    @property
    def instant(self) -> tuple[int, int]:
        """What moments of any zone are ordered by."""
        return self.unix_s, self.nanosecond

    @property
    def date(self) -> tuple[int, int, int]:
        """Year, month and day."""
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
        """Hour, minute and second."""
        seconds = (self.unix_s + self.offset_s) % DAY_S
        return seconds // 3600, seconds // 60 % 60, seconds % 60

    @property
    def weekday(self) -> int:
        """0 is Sunday."""
        return ((self.unix_s + self.offset_s) // DAY_S + 4) % 7

    @property
    def year_day(self) -> int:
        """1 is January 1."""
        year, month, day = self.date
        return days_until(year, month, day) - days_until(year, 1, 1) + 1

    def later(self, nanoseconds: int) -> Moment:
        """Time.Add"""
        seconds, nanosecond = divmod(self.nanosecond + nanoseconds, SECOND)
        return replace(self, unix_s=self.unix_s + seconds, nanosecond=nanosecond)

    def since(self, other: Moment) -> int:
        """Time.Sub: nanoseconds, at most what a Duration holds."""
        between = (self.unix_s - other.unix_s) * SECOND + self.nanosecond - other.nanosecond
        return max(-_LONGEST - 1, min(_LONGEST, between))

    def utc(self) -> Moment:
        """Time.UTC"""
        return replace(self, offset_s=0, zone="UTC")


ZERO = Moment(-62_135_596_800)
"""January 1 of the year 1."""


def days_until(year: int, month: int, day: int) -> int:
    """Days from 1970 to a date of the Gregorian calendar; months and days beyond their range carry over."""
    year, month = year + (month - 1) // 12, (month - 1) % 12
    # Years begin in March here, so that the day of a leap year is the last.
    year, month = (year, month - 2) if month > 1 else (year - 1, month + 10)
    days = 365 * year + year // 4 - year // 100 + year // 400
    return days + (153 * month + 2) // 5 + day - 1 - _DAYS_TO_1970


def days_in(year: int, month: int) -> int:
    """How many days a month has."""
    return days_until(year, month + 1, 1) - days_until(year, month, 1)
