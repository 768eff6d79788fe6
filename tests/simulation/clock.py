"""One clock for all processes of a simulation: real time, plus the idle time that was skipped."""

from __future__ import annotations

import mmap
import struct
import time
from datetime import UTC, datetime
from pathlib import Path

from tagstream.adapters.clock import SystemClock

_OFFSET = struct.Struct("d")


class SharedClock:
    """Real time plus an offset in a file that all processes map.

    The time goes on as in reality while anybody works. The simulation moves the offset when nobody does, so a minute in
    which nothing happens takes no time.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_OFFSET.pack(0.0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _OFFSET.size)

    @property
    def offset_s(self) -> float:
        """How many seconds have been skipped."""
        return float(_OFFSET.unpack(self._shared[: _OFFSET.size])[0])

    def now_s(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.offset_s

    def skip(self, seconds: float) -> None:
        """Move the time of every process forward."""
        self._shared[: _OFFSET.size] = _OFFSET.pack(self.offset_s + seconds)


class SimulatedClock(SystemClock):
    """The clock of one worker.

    Args:
        shared: what all workers share.
        skew_s: how far the calendar of this worker's machine is wrong. Its monotonic clock is right, as on a real one.
    """

    def __init__(self, shared: SharedClock, skew_s: float) -> None:
        self._shared, self._skew_s = shared, skew_s

    def now(self) -> datetime:
        """Return the time that this worker believes it is, in UTC."""
        return datetime.fromtimestamp(self._shared.now_s() + self._skew_s, UTC)

    def monotonic_s(self) -> float:
        """Return real monotonic time plus what was skipped."""
        return super().monotonic_s() + self._shared.offset_s
