"""Scans that have to be done later: they go back to the queue, ever more slowly, and in the end to the tick.

AWS stops a chain of queue, function and queue after 16 links and throws the message away. A chain of ours ends before:
the agenda has the repositories scanned by the next tick, which begins a new chain.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedScan
from tagstream.ports.selections import INTERVAL
from tagstream.reconcile import due

# AWS counts 16; a delivery and a look for a late tag may be links too.
MOST_HOPS = 12
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
# A scan has this time in the queue before the tick asks for it again.
SCAN_AGAIN_AFTER = timedelta(minutes=3)
KIND = "ImageRepository"


def put_back(requests: Sequence[QueuedScan], ports: Ports) -> Mapping[ObjectName, Times]:
    """Have these scanned later.

    Args:
        requests: as they came; each is sent with one hop more, after a pause that doubles with every hop.
        ports: the queue.

    Returns:
        What the caller has to note in the agenda: requests that have come too far are due at once, and intervals that
        wait in the queue are not due as well.

    Raises:
        RetryableError: QueueOperationFailed.
    """
    now = ports.clock.now()
    again = [one for one in requests if one.hops < MOST_HOPS]
    if again:
        ports.queue.send([replace(one, hops=one.hops + 1, delay_s=pause_s(one.hops)) for one in again])
    times: dict[ObjectName, Times] = {}
    for one in again:
        if one.reason == INTERVAL:
            times |= in_queue(one.repositories, now, pause_s(one.hops))
    left = (key for one in requests if one.hops >= MOST_HOPS for key in one.repositories)
    return times | due.noted(KIND, left, now)


def in_queue(keys: Collection[NamespacedName], now: datetime, pause_s: float = 0.0) -> Mapping[ObjectName, Times]:
    """When scans that wait in the queue since ``now`` are due, should the queue lose them; ``pause_s`` in seconds."""
    return due.noted(KIND, keys, now + SCAN_AGAIN_AFTER + timedelta(seconds=pause_s))


def pause_s(hops: int) -> float:
    """How long a request that has come ``hops`` messages far waits for the next try, in seconds."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**hops))
