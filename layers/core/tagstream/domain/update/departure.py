"""Whether a change may go now: one decision in one place (where it goes is ``destination``'s).

In: an automation's debounce window, when its new tags were selected, whether somebody asked for the run. Out: a
Departure.

Flux commits at every selection (image-automation-controller #168, #313 ask for a window).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# How many windows a burst that does not pause may last before it is committed.
LONGEST_WINDOWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """``not_before`` is when a change may go, None for at once; one that ``waits_for_nobody`` goes alone if need be."""

    not_before: datetime | None = None
    waits_for_nobody: bool = False


def departure(debounce_s: float, selected_at: Collection[datetime], *, is_asked_for: bool) -> Departure:
    """When nothing more was selected for the debounce window; at once when somebody asked for the run.

    Args:
        debounce_s: the automation's window.
        selected_at: of the tags that are new since its last run.
        is_asked_for: by ``reconcile.fluxcd.io/requestedAt``.
    """
    if is_asked_for or not selected_at:
        return Departure(waits_for_nobody=is_asked_for or debounce_s == 0)
    window = timedelta(seconds=debounce_s)
    # An endless burst is committed too, a few windows after its first selection.
    not_before = min(max(selected_at) + window, min(selected_at) + LONGEST_WINDOWS * window)
    return Departure(not_before=not_before, waits_for_nobody=debounce_s == 0)


def departure_together(departures: Sequence[Departure], now: datetime) -> datetime:
    """When changes of one push may go: when the last of them may."""
    return max((one.not_before or now for one in departures), default=now)


def latest_departure(debounces_s: Collection[float], now: datetime) -> datetime:
    """When they go whatever is selected meanwhile: one policy may select without a pause, and clocks may differ."""
    return now + timedelta(seconds=LONGEST_WINDOWS * max(debounces_s))
