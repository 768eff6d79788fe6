"""Cool-downs of registries and Git servers as one invocation sees them.

Each host's cool-down is read once every few seconds, not once for each object. Registries count requests per client, so
all objects of a host share one cool-down (RFC 9110 §10.2.3, Retry-After).
"""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime, timedelta

from tagstream.errors import Unanswered
from tagstream.ports.runtime import Clock
from tagstream.ports.tags import TagStore

# What another invocation learned is known here after about this time, so that the read may lag; what this one learned,
# at once.
READ_AGAIN_AFTER_S = 5.0
DEFAULT_COOL_DOWN_S = 60.0
# Where nothing came at all a shorter wait counts too: many objects may each have a short time-out.
SILENT_AFTER_S = 3.0


def has_hung(error: BaseException, waited_s: float, hung_after_s: float) -> bool:
    """Whether a failure cost so much time that the host should be left alone for a while.

    Args:
        error: of the failure.
        waited_s: what it took.
        hung_after_s: the wait that counts where something came; quicker failures cost nobody anything.
    """
    return waited_s >= (min(SILENT_AFTER_S, hung_after_s) if is_unanswered(error) else hung_after_s)


def is_unanswered(error: BaseException | None) -> bool:
    """Whether a failure goes back to a host from which nothing came at all."""
    while error is not None and not isinstance(error, Unanswered):
        error = error.__cause__
    return error is not None


def digest(text: str) -> str:
    """A name for what may be too long, or too secret, for a key of the table."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class CoolDowns:
    """One run's view; safe to share between threads."""

    def __init__(self, tags: TagStore, clock: Clock) -> None:
        self._tags, self._clock = tags, clock
        self._read: dict[str, tuple[float, datetime | None]] = {}
        self._lock = threading.Lock()

    def until(self, host: str) -> datetime | None:
        """Until when a host wants to be left alone; None when it does not, or no longer."""
        with self._lock:
            read_at, until = self._read.get(host, (float("-inf"), None))
            if self._clock.monotonic_s() - read_at > READ_AGAIN_AFTER_S:
                until = self._tags.cool_down(host, may_lag=True)
                self._read[host] = self._clock.monotonic_s(), until
        return until if until is not None and until > self._clock.now() else None

    def begin(self, host: str, wait_s: float | None) -> None:
        """Leave a host alone, everywhere.

        Args:
            host: as in image names.
            wait_s: what the registry asked for; None when it gave no time, 0 when the time it gave has passed.
        """
        if wait_s == 0:
            return
        until = self._clock.now() + timedelta(seconds=wait_s or DEFAULT_COOL_DOWN_S)
        self._tags.put_cool_down(host, until)
        with self._lock:
            _, before = self._read.get(host, (0.0, None))
            self._read[host] = self._clock.monotonic_s(), max(until, before) if before else until
