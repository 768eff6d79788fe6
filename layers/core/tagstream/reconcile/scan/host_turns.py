"""How the registry hosts of one run share its workers and its time.

A host that hangs takes a few workers for a few seconds. What it was meant to answer is left for a run of its own, in
which it has all the time that its objects give it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import Generic, TypeVar

T = TypeVar("T")
WORKERS = 32
# As many workers as a host has at least, however many hosts there are.
LEAST_WORKERS = 4
# What one scan of a run with several hosts may take; a host that needs longer is not waited for here.
SHARED_S = 10.0


class HostTurns(Generic[T]):
    """The work of a run by host; ``is_shared`` when there are several hosts. Safe to share between threads.

    Args:
        work: by host, each in its order.
    """

    def __init__(self, work: Mapping[str, Sequence[T]]) -> None:
        self._waiting = {host: deque(items) for host, items in work.items()}
        self._slow: set[str] = set()
        self._lock = threading.Lock()
        self.is_shared = len(work) > 1

    def carry_out(self, act: Callable[[T], None]) -> None:
        """Act on all that the hosts' turns allow; each host has several workers and none has all of them."""
        hosts = list(self._waiting)
        share = max(LEAST_WORKERS, WORKERS // max(1, len(hosts)))
        turns = [[host] * min(share, len(self._waiting[host])) for host in hosts]
        # First one worker for every host, then the second for each, so that no host waits for another's last.
        in_order = [host for round_ in zip_longest(*turns) for host in round_ if host is not None]
        if not in_order:
            return
        with ThreadPoolExecutor(max_workers=min(WORKERS, len(in_order))) as pool:
            list(pool.map(lambda host: self._work_off(host, act), in_order))

    def _work_off(self, host: str, act: Callable[[T], None]) -> None:
        while (item := self._next(host)) is not None:
            act(item)

    def _next(self, host: str) -> T | None:
        with self._lock:
            waiting = self._waiting[host]
            return waiting.popleft() if waiting and host not in self._slow else None

    def give_up(self, host: str) -> None:
        """Do not wait for a host any more in this run, when there are others."""
        if self.is_shared:
            with self._lock:
                self._slow.add(host)

    def is_slow(self, host: str) -> bool:
        """Whether this run has given up a host."""
        with self._lock:
            return host in self._slow
