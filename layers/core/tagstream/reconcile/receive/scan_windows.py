"""Bursts of pushes: which become a scan at once, which one at the end of a window, which are covered by it.

In: ImageRepositories and the tags a delivery names of each. Out: scans to ask for.

The first push of a window is scanned at once, one more scan at its end covers what came meanwhile. Nothing is counted
as covered before its scan was really asked for, and that scan starts after the last push that may count on it.
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
# The hosts' clocks differ a little: a scan at the very end might come before a push that counts on it.
CLOCK_SKEW_S = 1.0
# A message of the queue holds 256 KB; a scan that waits for these has waited for the others.
EXPECTED_TAGS = 200
PER_MESSAGE = 50
# As many as the AWS client keeps connections.
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
    """Open, use or join the windows of these repositories, and queue the scans that takes.

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
        # The windows were opened for scans that will not come: the repetition must find them closed.
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
    # A sender that does not speak of images means hundreds at once, and waits for no more than seconds.
    with ThreadPoolExecutor(max_workers=min(WORKERS, max(1, len(repositories)))) as pool:
        return list(pool.map(act, repositories))


def _requests(
    wanted: Mapping[NamespacedName, frozenset[str]],
    windows: Mapping[NamespacedName, ScanWindow],
    push: Push,
) -> list[QueuedScan]:
    """As few messages as there are tags and times to tell apart."""
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
