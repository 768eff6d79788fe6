"""Time zones by IANA name, always from the tzdata package, so that every machine has the same rules.

A wall-clock time that a zone skips or repeats becomes an instant here, and nowhere else.
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from gocompat.quote import quote

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class InvalidCalendar(ValueError):
    """A window, a freeze or a time zone that cannot be read; the message names the part and says why."""


@cache
def read_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name such as ``Europe/Berlin``.

    Raises:
        InvalidCalendar: there is no such zone.
    """
    # Loaded when a window or a freeze is read: most stacks have none.
    from importlib.resources import files
    from zoneinfo import ZoneInfo

    import tzdata

    package = files(tzdata)
    known = package.joinpath("zones").read_text("utf-8").split()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        raise InvalidCalendar(f"unknown time zone {quote(name)}" + (f"; did you mean {close[0]}?" if close else ""))
    with package.joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


def first_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of a zone first show a time; if they skip it, the end of the gap.

    Args:
        local: a naive time.
        zone: whose clocks.

    Returns:
        Aware UTC.
    """
    return _instant(local, zone, fold=0)


def last_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of a zone last show a time; if they skip it, the end of the gap."""
    return _instant(local, zone, fold=1)


def _instant(local: datetime, zone: ZoneInfo, fold: int) -> datetime:
    found = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local:
        return found
    # The clocks skip this time. Its two readings lie before and after the change of the offset.
    early, late = sorted(local.replace(tzinfo=zone, fold=one).astimezone(UTC) for one in (0, 1))
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == early.astimezone(zone).utcoffset():
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
