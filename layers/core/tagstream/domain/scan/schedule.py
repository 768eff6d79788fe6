"""What is due: intervals, sub-minute offsets, back-off and jitter, with the time as an argument.

In: intervals and last runs. Out: moments and delays.

Source: image-reflector-controller internal/controller/imagerepository_controller.go (shouldScan, requeue); the tick
runs once a minute, so anything shorter is spread inside the minute by queue delays.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

TICK_S = 60.0
MIN_INTERVAL_S = 30.0
FIRST_RETRY_S = 60.0
MAX_RETRY_S = 900.0
# Flux scans when less than a second is left of the interval; a tick may come a few seconds early.
EARLY_S = 5.0


def is_due(last: datetime | None, interval_s: float, now: datetime) -> bool:
    """Whether an interval has passed, seen from a tick that comes once a minute.

    Args:
        last: the last run; None means never.
        interval_s: seconds; 0 means only on request (Flux never requeues an object with interval 0).
        now: the tick.
    """
    if last is None:
        return True
    if interval_s <= 0:
        return False
    return (now - last).total_seconds() >= interval_s - EARLY_S


def offsets_in_tick(interval_s: float) -> tuple[float, ...]:
    """Delays in seconds, after the scan at the tick itself, at which an interval below a minute comes round again.

    Intervals below 30 s count as 30 s: nothing shorter is promised (docs/differences.md).
    """
    if interval_s <= 0 or interval_s >= TICK_S:
        return ()
    step = max(interval_s, MIN_INTERVAL_S)
    return tuple(step * n for n in range(1, int((TICK_S - EARLY_S) // step) + 1))


def retry_delay_s(failures: int) -> float:
    """How long to wait after the nth failure in a row (n >= 1): a minute doubling to a quarter of an hour.

    Flux starts at 750 ms; its ceiling is the same 15 minutes (--max-retry-delay).
    """
    return float(min(MAX_RETRY_S, FIRST_RETRY_S * 2 ** max(0, failures - 1)))


def retry_at(failures: int, now: datetime, asked_s: float | None) -> datetime:
    """The end of a back-off; what the other side asked for wins when it is longer."""
    return now + timedelta(seconds=max(retry_delay_s(failures), asked_s or 0.0))


def jitter_s(name: str, spread_s: float) -> float:
    """A stable delay in [0, spread_s) for one object, so that a thousand objects do not scan in the same second."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32 * spread_s


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFacts:
    """What decides whether Flux scans: ``age_s`` is the seconds since the last scan, None means never."""

    age_s: float | None
    interval_s: float
    requested: bool
    is_new_image: bool
    has_new_exclusions: bool
    has_tags: bool


def scan_reason(facts: ScanFacts) -> str:
    """Why Flux scans an ImageRepository when it is reconciled; empty when it does not.

    Source: image-reflector-controller imagerepository_controller.go (shouldScan), the first that holds.
    """
    if facts.age_s is None:
        return "first scan"
    reasons = (
        (facts.requested, "reconcile requested"),
        (facts.is_new_image, "new image name"),
        (facts.has_new_exclusions, "updated exclusion list"),
        (not facts.has_tags, "no tags in database"),
        (facts.interval_s - facts.age_s < 1.0, "triggered by interval"),
    )
    return next((reason for holds, reason in reasons if holds), "")
