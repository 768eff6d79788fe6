"""Calendars of an automation, its namespace and the stack, which must all agree before a change is pushed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tagstream.domain.calendar.freeze import Freeze, parse_freezes
from tagstream.domain.calendar.window import Window, parse_windows

# Leap days come every eight years at the most.
HORIZON = timedelta(days=9 * 366)
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When one of the levels lets changes be pushed.

    Attributes:
        owner: whose it is, for people: ``the automation``, ``namespace apps``, ``the stack``.
        windows: changes are pushed in any of them; without windows always.
        freezes: but in none of these.
    """

    owner: str
    windows: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()

    def opens(self, at: datetime) -> datetime | None:
        """The first instant, not before ``at``, at which changes may be pushed; None if there is none."""
        found: datetime | None = at
        while found is not None:
            found = self._in_window(found)
            frozen = [one for one in self.freezes if found is not None and one.covers(found)]
            if not frozen:
                return found
            ends = [one.ends for one in frozen if one.ends is not None]
            found = max(ends) if len(ends) == len(frozen) else None
        return None

    def closed_because(self, at: datetime) -> str:
        """Why nothing may be pushed at an instant; empty if it may."""
        frozen = next((one for one in self.freezes if one.covers(at)), None)
        if frozen is not None:
            return f"{self.owner} is frozen: {frozen.text}"
        if self._in_window(at) == at:
            return ""
        listed = "; ".join(one.text for one in self.windows)
        return f"outside the {'window' if len(self.windows) == 1 else 'windows'} of {self.owner}: {listed}"

    def _in_window(self, at: datetime) -> datetime | None:
        if not self.windows:
            return at
        spans = [span for one in self.windows if (span := one.span(at)) is not None]
        return min((max(at, span.opens) for span in spans), default=None)


def read_calendar(owner: str, window: str | None = None, freeze: str | None = None) -> Calendar:
    """A calendar from its two texts, either of which may be missing (None).

    Raises:
        InvalidCalendar: a text cannot be read.
    """
    return Calendar(
        owner=owner,
        windows=() if window is None else parse_windows(window),
        freezes=() if freeze is None else parse_freezes(freeze),
    )


def next_opening(calendars: Collection[Calendar], at: datetime) -> datetime | None:
    """The first instant, not before ``at``, at which all calendars let changes be pushed; None if there is none.

    Args:
        calendars: those of all levels.
        at: aware UTC.
    """
    found, limit = at, at + HORIZON
    while found <= limit:
        openings = [one.opens(found) for one in calendars]
        known = [one for one in openings if one is not None]
        if len(known) < len(openings):
            return None
        latest = max(known, default=found)
        if latest == found:
            return found
        found = latest
    return None


def ever_open_together(calendars: Collection[Calendar]) -> bool:
    """Whether the windows of calendars ever overlap, freezes apart, because every freeze may be lifted or ends."""
    return next_opening([Calendar(owner=one.owner, windows=one.windows) for one in calendars], _SOME_DAY) is not None
