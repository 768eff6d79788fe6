"""Asks for syncs, a few at a time: each is an invocation, and a new AWS account runs ten at once in all."""

from __future__ import annotations

from collections.abc import Collection

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedSync

# A sync takes some seconds, so about AT_ONCE of them run at the same time.
AT_ONCE, APART_S, WITHIN_S = 5, 5.0, 55.0


def request_syncs(kustomizations: Collection[NamespacedName], cause: str, ports: Ports) -> None:
    """Have Kustomizations synced: the first now, the others by messages of the queue within a minute.

    Args:
        kustomizations: in any order.
        cause: for the ledger.
        ports: of the scan function.

    Raises:
        ImageAutomationError: Lambda or the queue failed; some may have been asked for.
    """
    keys = sorted(kustomizations)
    later = keys[AT_ONCE:]
    if later:
        ports.queue.send(_messages(later, cause))
    if keys:
        ports.syncs.request(keys[:AT_ONCE], cause)


def _messages(keys: list[NamespacedName], cause: str) -> list[QueuedSync]:
    """Groups that follow one another; they are larger where a minute has no room for so many."""
    most = int(WITHIN_S // APART_S)
    size = max(AT_ONCE, -(-len(keys) // most))
    return [
        QueuedSync(kustomizations=tuple(keys[at : at + size]), cause=cause, delay_s=(1 + at // size) * APART_S)
        for at in range(0, len(keys), size)
    ]
