"""A clock that shows the time it is set to and skips its sleeps."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.contract.skipping_clock import SkippingClock


class SetClock(SkippingClock):
    """Stands still, but for its sleeps.

    Args:
        at: what it shows (aware UTC).
    """

    def __init__(self, at: datetime) -> None:
        super().__init__()
        self.at = at

    def now(self) -> datetime:
        """Return the time that it was set to."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Go on by this time at once."""
        super().sleep(seconds)
        self.at += timedelta(seconds=seconds)
