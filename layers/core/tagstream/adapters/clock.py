"""The machine's clock.

In: nothing. Out: aware UTC times and monotonic seconds.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """Clock on the standard library."""

    def now(self) -> datetime:
        """Aware UTC, to the microsecond."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """``time.monotonic``."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """``time.sleep``."""
        time.sleep(seconds)
