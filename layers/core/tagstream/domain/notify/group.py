"""Puts the events of one run that go to one chat into one message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tagstream.domain.notify.event import MAX_MESSAGE, Event

ONE_BY_ONE = 2
"""So many events are told one by one; more are told together."""
MAX_LINES = 40
MAX_LINE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message: the event that it tells, and the ids of the events that this one stands for."""

    ids: tuple[str, ...]
    event: Event


def one_by_one(events: Sequence[Event]) -> list[Told]:
    """Return a message for each event."""
    return [Told(ids=(one.id,), event=one) for one in events]


def grouped(events: Sequence[Event]) -> list[Told]:
    """Return a message for each event if there are few, else one for each severity that lists its events.

    The event that stands for others has the id of the first, so it is the same when it is told again, and names the
    others in its message. Facts that they do not share are left out.

    Args:
        events: of one run, in their order, all for the same chat.
    """
    told: list[Told] = []
    for severity in ("error", "info"):
        same = [one for one in events if one.severity == severity]
        if len(same) <= ONE_BY_ONE:
            told += one_by_one(same)
        else:
            told.append(Told(ids=tuple(one.id for one in same), event=_together(same)))
    return told


def _together(events: Sequence[Event]) -> Event:
    first = events[0]
    lines = [f"{one.object_name}: {_first_line(one.message)}" for one in events[:MAX_LINES]]
    if len(events) > MAX_LINES:
        lines.append(f"and {len(events) - MAX_LINES} more")
    shared = {
        name: value
        for name, value in first.metadata.items()
        if all(one.metadata.get(name) == value for one in events[1:])
    }
    message = f"{len(events)} events\n" + "\n".join(lines)
    return replace(first, message=message[:MAX_MESSAGE], metadata=shared)


def _first_line(message: str) -> str:
    line = message.partition("\n")[0]
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}…"
