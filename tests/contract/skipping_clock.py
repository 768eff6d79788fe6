"""A clock that skips its sleeps, so that tests of retries take no time."""

from __future__ import annotations

from tagstream.adapters.clock import SystemClock


class SkippingClock(SystemClock):
    """The system's clock without waiting; ``slept`` lists the sleeps that were asked for."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic_s(self) -> float:
        """Return real time plus all sleeps that were skipped."""
        return super().monotonic_s() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        """Record the sleep instead of waiting."""
        self.slept.append(seconds)
