"""The system's clock: UTC times with a timezone, and monotonic seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The ``Clock`` port on the standard library."""

    def now(self) -> datetime:
        """Return the time in UTC, to the microsecond."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return ``time.monotonic``."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, by ``time.sleep``."""
        time.sleep(seconds)
