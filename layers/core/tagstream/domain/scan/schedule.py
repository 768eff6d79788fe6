"""When objects are due: intervals, offsets inside a minute, back-off and jitter.

The time is an argument. The tick runs once a minute; shorter intervals are spread inside the minute by queue delays.

Source: image-reflector-controller internal/controller/imagerepository_controller.go (shouldScan, requeue).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

TICK_S = 60.0
MIN_INTERVAL_S = 30.0
FIRST_RETRY_S = 60.0
MAX_RETRY_S = 900.0
# After a failure of the stack's own services: no more often than an interval of many objects, so that it is no storm.
MAX_OWN_RETRY_S = 300.0
# Flux scans when less than a second of the interval is left. A tick may come a few seconds early.
EARLY_S = 5.0


def interval_end(last: datetime | None, interval_s: float) -> datetime | None:
    """The tick from which on an interval counts as over; a tick that comes a few seconds early is meant too.

    Args:
        last: the last run; None means never, so that the interval is over.
        interval_s: seconds; 0 means only on request (Flux never requeues an object with interval 0).

    Returns:
        Aware UTC; None for never.
    """
    if last is None:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return last + timedelta(seconds=interval_s - EARLY_S) if interval_s > 0 else None


def offsets_in_tick(interval_s: float) -> tuple[float, ...]:
    """The delays after a tick, in seconds, of the further scans that an interval below a minute needs.

    Intervals below 30 s count as 30 s, the shortest that is promised (docs/differences.md).
    """
    if interval_s <= 0 or interval_s >= TICK_S:
        return ()
    step = max(interval_s, MIN_INTERVAL_S)
    return tuple(step * n for n in range(1, int((TICK_S - EARLY_S) // step) + 1))


def retry_delay_s(failures: int) -> float:
    """How long to wait after the nth failure in a row (n >= 1): one minute, doubled each time up to 15 minutes.

    Flux starts at 750 ms and has the same maximum (--max-retry-delay).
    """
    return float(min(MAX_RETRY_S, FIRST_RETRY_S * 2 ** min(max(0, failures - 1), 10)))


def retry_at(failures: int, now: datetime, asked_s: float | None, most_s: float = MAX_RETRY_S) -> datetime:
    """When to try again.

    Args:
        failures: in a row, with the last one.
        now: aware UTC.
        asked_s: what the other side asked for; it counts if it is more than the back-off.
        most_s: the longest back-off.
    """
    return now + timedelta(seconds=max(min(retry_delay_s(failures), most_s), asked_s or 0.0))


def jitter_s(name: str, spread_s: float) -> float:
    """A delay in [0, spread_s) that is always the same for a name, so that many objects do not scan at once."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32 * spread_s
