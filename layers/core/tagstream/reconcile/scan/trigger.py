"""Why a scan happens, as it travels from the message to the policies and the commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.queue import QueuedScan
from tagstream.ports.selections import INTERVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanTrigger:
    """Why a scan happens. ``cause`` is followed to the commit; ``expected_tags`` are what a delivery named."""

    reason: str
    cause: str
    received_at: datetime | None = None
    expected_tags: tuple[str, ...] = ()
    attempt: int = 0
    hops: int = 0

    @property
    def may_lag(self) -> bool:
        """Whether the first look of a scan may be without the writes of the last moments: only an interval is over.

        A scan that was put back reads consistently, since what it saw first may have been outdated.
        """
        return self.reason == INTERVAL and not self.hops

    @classmethod
    def of(cls, request: QueuedScan) -> ScanTrigger:
        """The trigger inside a queue message."""
        return cls(
            reason=request.reason,
            cause=request.cause,
            received_at=request.received_at,
            expected_tags=request.expected_tags,
            attempt=request.attempt,
            hops=request.hops,
        )

    def request(self, keys: tuple[NamespacedName, ...], delay_s: float = 0.0) -> QueuedScan:
        """A queue message for the same reason."""
        return QueuedScan(
            repositories=keys,
            reason=self.reason,
            cause=self.cause,
            delay_s=delay_s,
            received_at=self.received_at,
            expected_tags=self.expected_tags,
            attempt=self.attempt,
            hops=self.hops,
        )
