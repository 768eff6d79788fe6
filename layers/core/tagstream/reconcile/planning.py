"""Bursts of pushes: which become a scan at once, which one at the end of a window, which are covered by it.

In: ImageRepositories and the tags a delivery names of each. Out: scans to ask for.

The first push of a window is scanned at once, one more scan at its end covers what came meanwhile. Nothing is counted
as covered before its scan was really asked for, and that scan starts after the last push that may count on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tagstream.domain.model import NamespacedName
from tagstream.ports import HookStore
from tagstream.records import QueuedScan

WINDOW_S = 5.0
# The hosts' clocks differ a little: a scan at the very end might come before a push that counts on it.
CLOCK_SKEW_S = 1.0
REASON = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPlan:
    """Scans to ask for; ``later`` are those to confirm then; ``joined`` the deliveries whose scans cover the rest."""

    requests: tuple[QueuedScan, ...]
    later: tuple[NamespacedName, ...]
    joined: frozenset[str]


def plan_scans(
    wanted: Mapping[NamespacedName, frozenset[str]], cause: str, received_at: datetime, hooks: HookStore
) -> ScanPlan:
    """Open, use or join the windows of these repositories.

    Args:
        wanted: the tags that must be listed afterwards, by repository.
        cause: the delivery's id.
        received_at: aware UTC.
    """
    requests: list[QueuedScan] = []
    later: list[NamespacedName] = []
    joined: set[str] = set()
    for repository, tags in wanted.items():
        when, planned_for = hooks.coalesce(repository, WINDOW_S, cause)
        if when == "pending":
            hooks.join(repository, planned_for, tags)
            joined.add(planned_for)
            continue
        later += [repository] if when == "later" else []
        requests.append(
            QueuedScan(
                repositories=(repository,),
                reason=REASON,
                cause=cause,
                delay_s=0.0 if when == "now" else WINDOW_S + CLOCK_SKEW_S,
                received_at=received_at,
                expected_tags=tuple(sorted(tags)),
            )
        )
    return ScanPlan(requests=tuple(requests), later=tuple(later), joined=frozenset(joined) - {cause})
