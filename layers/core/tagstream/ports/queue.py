"""ScanQueue: requests for scans and runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tagstream.domain.objects.model import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedScan:
    """A request to scan repositories after a delay of at most 900 seconds.

    ``cause`` is followed to the commit; ``expected_tags`` are tags a delivery named: while a scan does not list them
    the scan is repeated, ``attempt`` counting up. ``hops`` counts the messages that led to this one: AWS throws away
    the seventeenth of a chain, so a chain ends before.
    """

    repositories: tuple[NamespacedName, ...]
    reason: str
    cause: str = ""
    delay_s: float = 0.0
    received_at: datetime | None = None
    expected_tags: tuple[str, ...] = ()
    attempt: int = 0
    hops: int = 0


WEBHOOK = "webhook"
"""The reason of a run that a Git host's delivery asks for: pull requests are read whenever they were read last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRun:
    """A request to run automations after a delay of at most 900 seconds.

    ``requests`` are the numbers of the pull requests that a Git host's delivery is about: those are read, whenever they
    were read last. None stands for all.
    """

    automations: tuple[NamespacedName, ...]
    reason: str
    delay_s: float = 0.0
    requests: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedSync:
    """A request to sync Kustomizations, and those of GitRepositories; ``cause`` is kept in the ledger."""

    cause: str
    sources: tuple[NamespacedName, ...] = ()
    kustomizations: tuple[NamespacedName, ...] = ()
    delay_s: float = 0.0


Queued = QueuedScan | QueuedRun | QueuedSync
"""What a message of the queue asks for."""


class ScanQueue(Protocol):
    """Asks the scan function for work, now or later."""

    def send(self, requests: Sequence[Queued]) -> None:
        """Enqueue in order, up to the first that fails.

        Raises:
            RetryableError: QueueOperationFailed.
        """

    def hide(self, receipts: Mapping[str, float]) -> None:
        """Keep messages that were received from being handed out again for these times, counted from now.

        Args:
            receipts: seconds, 0 to 43,200, by the handle that a message was received with.

        Raises:
            RetryableError: QueueOperationFailed; some of them may be hidden.
        """

    def give_back(self, receipt: str, after_s: float) -> None:
        """Hand out a message that was received again after this time, whatever the queue's own time is.

        Args:
            receipt: the handle the message was received with.
            after_s: 0 to 43,200.

        Raises:
            RetryableError: QueueOperationFailed.
        """
