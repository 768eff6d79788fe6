"""Scans that have to be done later: they go back to the queue, ever more slowly, and in the end to the tick.

AWS stops a chain of queue, function and queue after 16 links and throws the message away. A chain of ours ends before:
the agenda has the repositories scanned by the next tick, which begins a new chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedScan

# AWS counts 16; a delivery and a look for a late tag may be links too.
MOST_HOPS = 12
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
KIND = "ImageRepository"


def put_back(requests: Sequence[QueuedScan], ports: Ports) -> None:
    """Have these scanned later.

    Args:
        requests: as they came; each is sent with one hop more, after a pause that doubles with every hop.
        ports: the queue, and the agenda for requests that have come too far.

    Raises:
        RetryableError: QueueOperationFailed, or the table failed.
    """
    again = [one for one in requests if one.hops < MOST_HOPS]
    if again:
        ports.queue.send([replace(one, hops=one.hops + 1, delay_s=pause_s(one.hops)) for one in again])
    left: set[NamespacedName] = {key for one in requests if one.hops >= MOST_HOPS for key in one.repositories}
    if left:
        soon = Times(last=None, due=ports.clock.now())
        ports.agenda.note({ObjectName(kind=KIND, key=key): soon for key in left})


def pause_s(hops: int) -> float:
    """How long a request that has come ``hops`` messages far waits for the next try, in seconds."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**hops))
