"""The clock, the metrics and the log of a function."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, as an argument."""

    def now(self) -> datetime:
        """Aware UTC."""

    def monotonic_s(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Metrics(Protocol):
    """Counts and durations by the names in ``metric_names.py``."""

    def add(self, name: str, value: float, controller: str) -> None:
        """One measurement; the unit belongs to the name."""

    def flush(self) -> None:
        """Write what was added since the last flush: once, at the end of an invocation."""


class Log(Protocol):
    """Structured log; messages are constants, facts are keys."""

    def correlate(self, cause: str) -> None:
        """Show this with every further line of the invocation: the id of the delivery or request that caused it."""

    def info(self, message: str, **facts: object) -> None:
        """One line per outcome."""

    def debug(self, message: str, **facts: object) -> None:
        """Detail."""

    def error(self, message: str, **facts: object) -> None:
        """Something an operator must see."""
