"""A clock that skips its sleeps, so that retries cost no time.

In: sleeps. Out: a monotonic time that has them in it.
"""

from __future__ import annotations

from tagstream.adapters.clock import SystemClock


class SkippingClock(SystemClock):
    """``slept`` are the sleeps that were asked for."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic_s(self) -> float:
        """Real time and all sleeps."""
        return super().monotonic_s() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        """Only noted."""
        self.slept.append(seconds)
