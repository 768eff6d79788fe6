"""Decides which push of a burst is scanned at once, which at the end of a window, and which is covered by that scan.

The first push of a window is scanned at once, and one more scan at its end covers those that came meanwhile. A push
counts as covered only if that scan has really been asked for, and the scan starts after the last push it covers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.queue import QueuedScan, ScanQueue
from tagstream.ports.webhook import DeliveryStore, ScanWindow

T = TypeVar("T")
WINDOW_S = 5.0
# Clocks of hosts differ a little: a scan at the very end of a window might start before a push that it covers.
CLOCK_SKEW_S = 1.0
# A message of the queue holds 256 KB. When these tags are listed, the others very likely are too.
EXPECTED_TAGS = 200
PER_MESSAGE = 50
# The AWS client keeps as many connections.
WORKERS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Why scans are asked for: ``reason`` in a word, ``cause`` the delivery's id, ``received_at`` aware UTC."""

    reason: str
    cause: str
    received_at: datetime


def ask_for_scans(
    wanted: Mapping[NamespacedName, frozenset[str]], push: Push, deliveries: DeliveryStore, queue: ScanQueue
) -> frozenset[str]:
    """Open, use or join the windows of these repositories, and queue the scans that are needed.

    Args:
        wanted: the tags that must be listed afterwards, by repository.

    Returns:
        The causes of other scans of these windows: they may find this push before its own does.

    Raises:
        ImageAutomationError: the table or the queue failed; the push has to be repeated.
    """
    try:
        windows = _windows(wanted, push.cause, deliveries)
        covered = [repository for repository, window in windows.items() if window.when == "pending"]
        _for_each(covered, lambda one: deliveries.join(one, windows[one].planned_for, wanted[one]))
        queue.send(_requests(wanted, windows, push))
    except ImageAutomationError:
        # The scans for these windows will not come. Forget the windows, so that the sender's retry opens new ones.
        with suppress(ImageAutomationError):
            deliveries.reopen(tuple(wanted))
        raise
    later = [repository for repository, window in windows.items() if window.when == "later"]
    _for_each(later, lambda repository: deliveries.confirm(repository, push.cause))
    return frozenset(cause for window in windows.values() for cause in window.others)


def _windows(
    wanted: Mapping[NamespacedName, frozenset[str]], cause: str, deliveries: DeliveryStore
) -> Mapping[NamespacedName, ScanWindow]:
    found = _for_each(tuple(wanted), lambda repository: deliveries.coalesce(repository, WINDOW_S, cause))
    return dict(zip(wanted, found, strict=True))


def _for_each(repositories: Sequence[NamespacedName], act: Callable[[NamespacedName], T]) -> list[T]:
    # A delivery without images can concern hundreds of repositories, and its sender waits for seconds only.
    with ThreadPoolExecutor(max_workers=min(WORKERS, max(1, len(repositories)))) as pool:
        return list(pool.map(act, repositories))


def _requests(
    wanted: Mapping[NamespacedName, frozenset[str]],
    windows: Mapping[NamespacedName, ScanWindow],
    push: Push,
) -> list[QueuedScan]:
    """One message for all repositories with the same tags and time, up to fifty a message."""
    alike: dict[tuple[str, frozenset[str]], list[NamespacedName]] = {}
    for repository, window in windows.items():
        if window.when != "pending":
            alike.setdefault((window.when, wanted[repository]), []).append(repository)
    return [
        QueuedScan(
            repositories=tuple(repositories[start : start + PER_MESSAGE]),
            reason=push.reason,
            cause=push.cause,
            delay_s=0.0 if when == "now" else WINDOW_S + CLOCK_SKEW_S,
            received_at=push.received_at,
            expected_tags=tuple(sorted(tags)[:EXPECTED_TAGS]),
        )
        for (when, tags), repositories in alike.items()
        for start in range(0, len(repositories), PER_MESSAGE)
    ]
