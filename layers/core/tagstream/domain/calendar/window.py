"""Windows: recurring spans of time in which changes may be pushed, by days of the week or by a cron expression.

Nothing here reads a clock: every function is given the instant that it is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from gocompat.duration import InvalidDuration, parse_interval
from gocompat.quote import quote
from tagstream.domain.calendar.zone import InvalidCalendar, first_instant, last_instant, read_zone

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
FORMS = '"[DAYS] HH:MM-HH:MM [ZONE]" or "CRON / DURATION [ZONE]"'
SEPARATORS = re.compile(r"[;\n]")
# Hours that are asked about may have begun the day before, and the next ones may be those of next week, or of the week
# after it if the clocks skip them.
_DAYS_BEFORE, _DAYS_AFTER = 2, 16
_MIDNIGHT = timedelta(days=1)
_DAY = "|".join(DAYS)
_DAYS = rf"(?:{_DAY})(?:-(?:{_DAY}))?(?:,(?:{_DAY})(?:-(?:{_DAY}))?)*"
_HOURS = r"[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}"
_WEEKLY = re.compile(
    rf"(?:(?P<days>{_DAYS})\s+)?(?P<hours>{_HOURS}(?:,{_HOURS})*)(?:\s+(?P<zone>\S+))?", re.ASCII | re.IGNORECASE
)
_CRON = re.compile(r"(?P<cron>\S+(?:\s+\S+)*?)\s+/\s+(?P<length>\S+)(?:\s+(?P<zone>\S+))?", re.ASCII)
_MIN_LENGTH_S, _MAX_LENGTH_S = 60.0, 7 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time in which a window is open: from ``opens`` to just before ``closes`` (aware UTC)."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Hours of some days of the week.

    Attributes:
        days: Monday is 0; the day on which the hours begin.
        hours: beginning and end as times since midnight; an end that is not after the beginning is on the next day.
        zone: whose clocks count.
        text: the window as it was written.
    """

    days: frozenset[int]
    hours: tuple[tuple[timedelta, timedelta], ...]
    zone: ZoneInfo
    text: str

    def span(self, at: datetime) -> Span | None:
        """The first span that is not over at an instant; None if there is none."""
        spans = (one for one in self._spans(at) if one.opens < one.closes and one.closes > at)
        return min(spans, key=lambda one: one.opens, default=None)

    def _spans(self, at: datetime) -> Iterator[Span]:
        today = at.astimezone(self.zone).date()
        for offset in range(-_DAYS_BEFORE, _DAYS_AFTER):
            day = today + timedelta(days=offset)
            if day.weekday() not in self.days:
                continue
            midnight = datetime.combine(day, time())
            for begins, ends in self.hours:
                until = ends if ends > begins else ends + _MIDNIGHT
                # Of an hour that comes twice both belong to the window.
                opens = first_instant(midnight + begins, self.zone)
                yield Span(opens=opens, closes=last_instant(midnight + until, self.zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A time that begins whenever a cron expression fires; ``length`` is elapsed time."""

    expression: str
    length: timedelta
    zone: ZoneInfo
    text: str

    def span(self, at: datetime) -> Span | None:
        """The first span that is not over at an instant; None if there is none."""
        earlier = self._fires(at.replace(microsecond=0) + timedelta(seconds=1), reverse=True)
        if earlier is not None and earlier + self.length > at:
            return Span(opens=earlier, closes=earlier + self.length)
        later = self._fires(at, reverse=False)
        return None if later is None else Span(opens=later, closes=later + self.length)

    def _fires(self, at: datetime, *, reverse: bool) -> datetime | None:
        """When the expression fires next after an instant, or did last before it; None for never."""
        from cronsim import CronSim

        found = next(CronSim(self.expression, at.astimezone(self.zone), reverse=reverse), None)
        return None if found is None else found.astimezone(UTC)


Window = Weekly | Cron


def parse_windows(text: str) -> tuple[Window, ...]:
    """Windows separated by semicolons or line ends, as in ``Mon-Fri 09:00-17:00 Europe/Berlin; Sat 10:00-12:00``.

    Raises:
        InvalidCalendar: one cannot be read, never opens, or there is none.
    """
    parts = [part.strip() for part in SEPARATORS.split(text)]
    found = tuple(_window(part) for part in parts if part)
    if not found:
        raise InvalidCalendar(f"no window is given: expected {FORMS}")
    return found


def _window(text: str) -> Window:
    weekly = _WEEKLY.fullmatch(text)
    if weekly is not None:
        return Weekly(
            days=_days(weekly["days"] or "Mon-Sun"),
            hours=tuple(_hours(one) for one in weekly["hours"].split(",")),
            zone=read_zone(weekly["zone"] or "UTC"),
            text=text,
        )
    cron = _CRON.fullmatch(text)
    if cron is None:
        raise InvalidCalendar(f"window {quote(text)}: expected {FORMS}")
    return _cron(cron, text)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        numbers = [DAYS.index(one.capitalize()) for one in part.split("-")]
        first, last = numbers[0], numbers[-1]
        # Fri-Mon goes over the end of the week.
        found |= {one % 7 for one in range(first, last + (7 if last < first else 0) + 1)}
    return frozenset(found)


def _hours(text: str) -> tuple[timedelta, timedelta]:
    begins, ends = (_time(one) for one in text.split("-"))
    if begins == ends:
        raise InvalidCalendar(f"hours {quote(text)} are empty: a whole day is 00:00-24:00")
    if begins >= _MIDNIGHT:
        raise InvalidCalendar(f"hours {quote(text)} begin after the day has ended")
    return begins, ends


def _time(text: str) -> timedelta:
    hours, minutes = (int(one) for one in text.split(":"))
    found = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or found > _MIDNIGHT:
        raise InvalidCalendar(f"{quote(text)} is no time of a day")
    return found


def _cron(found: re.Match[str], text: str) -> Cron:
    from cronsim import CronSimError

    if len(found["cron"].split()) != 5:
        raise InvalidCalendar(f"window {quote(text)}: a cron expression has five fields")
    try:
        length_s = parse_interval(found["length"])
    except InvalidDuration as error:
        raise InvalidCalendar(f"window {quote(text)}: duration {quote(found['length'])} {error}") from error
    if not _MIN_LENGTH_S <= length_s <= _MAX_LENGTH_S:
        raise InvalidCalendar(f"window {quote(text)}: a duration is between 1m and 168h")
    zone = read_zone(found["zone"] or "UTC")
    window = Cron(expression=found["cron"], length=timedelta(seconds=length_s), zone=zone, text=text)
    try:
        never = window.span(_SOME_DAY) is None
    except CronSimError as error:
        raise InvalidCalendar(f"window {quote(text)}: cron expression: {_lowered(str(error))}") from error
    if never:
        raise InvalidCalendar(f"window {quote(text)}: the cron expression never fires")
    return window


# Whether an expression ever fires does not depend on the day that it is asked about.
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
