"""Bursts of pushes: which become a scan at once, which one at the end of a window, which are covered by it.

In: ImageRepositories and the tags a delivery names of each. Out: scans to ask for.

The first push of a window is scanned at once, one more scan at its end covers what came meanwhile. Nothing is counted
as covered before its scan was really asked for, and that scan starts after the last push that may count on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from tagstream.domain.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports import HookStore, ScanQueue
from tagstream.records import QueuedScan

WINDOW_S = 5.0
# The hosts' clocks differ a little: a scan at the very end might come before a push that counts on it.
CLOCK_SKEW_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Why scans are asked for: ``reason`` in a word, ``cause`` the delivery's id, ``received_at`` aware UTC."""

    reason: str
    cause: str
    received_at: datetime


def ask_for_scans(
    wanted: Mapping[NamespacedName, frozenset[str]], push: Push, hooks: HookStore, queue: ScanQueue
) -> frozenset[str]:
    """Open, use or join the windows of these repositories, and queue the scans that takes.

    Args:
        wanted: the tags that must be listed afterwards, by repository.

    Returns:
        The causes of scans asked for before that cover this push.

    Raises:
        ImageAutomationError: the table or the queue failed; the push has to be repeated.
    """
    requests: list[QueuedScan] = []
    later: list[NamespacedName] = []
    joined: set[str] = set()
    try:
        for repository, tags in wanted.items():
            when, planned_for = hooks.coalesce(repository, WINDOW_S, push.cause)
            if when == "pending":
                hooks.join(repository, planned_for, tags)
                joined.add(planned_for)
                continue
            later += [repository] if when == "later" else []
            requests.append(_request(repository, tags, push, 0.0 if when == "now" else WINDOW_S + CLOCK_SKEW_S))
        queue.send(requests)
    except ImageAutomationError:
        # The windows were opened for scans that will not come: the repetition must find them closed.
        with suppress(ImageAutomationError):
            hooks.reopen(tuple(wanted))
        raise
    hooks.confirm(later, push.cause)
    return frozenset(joined) - {push.cause}


def _request(repository: NamespacedName, tags: frozenset[str], push: Push, delay_s: float) -> QueuedScan:
    return QueuedScan(
        repositories=(repository,),
        reason=push.reason,
        cause=push.cause,
        delay_s=delay_s,
        received_at=push.received_at,
        expected_tags=tuple(sorted(tags)),
    )
