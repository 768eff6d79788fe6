"""Divides the workers of a scan run among the registry hosts.

A host that hangs takes a few workers for a few seconds only. Its remaining work is then left for a run of its own, in
which it gets all the time that its objects allow.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Generic, TypeVar

from tagstream.ports.workers import Workers

T = TypeVar("T")
WORKERS = 32
# As many workers as a host has at least, however many hosts there are.
LEAST_WORKERS = 4
# What one scan of a run with several hosts may take; a host that needs longer is not waited for here.
SHARED_S = 10.0


class HostTurns(Generic[T]):
    """The work of one run, grouped by registry host. Threads may share it.

    ``is_shared`` is true if the run works for several hosts.

    Args:
        work: the items of each host, in the order in which they are worked off.
        most: how many workers there are at most.
    """

    def __init__(self, work: Mapping[str, Sequence[T]], most: int = WORKERS) -> None:
        self._most = most
        self._waiting = {host: deque(items) for host, items in work.items()}
        self._slow: set[str] = set()
        self._open = dict.fromkeys(work, 0)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self.is_shared = len(work) > 1

    def carry_out(self, act: Callable[[T], Callable[[], None] | None], workers: Workers) -> None:
        """Call ``act`` for every item of every host that is not given up; no host can take all workers.

        ``act`` answers what is left to do for the item, or None. What is left is done by the same worker, and it has
        ``close`` or ``again`` called once for the item, by whatever thread, also where it fails.
        """
        hosts = list(self._waiting)
        share = max(LEAST_WORKERS, self._most // max(1, len(hosts)))
        turns = [[host] * min(share, len(self._waiting[host])) for host in hosts]
        # Every host gets its first worker before any host gets a second one.
        in_order = [host for round_ in zip_longest(*turns) for host in round_ if host is not None]
        # No host waits until another one has been worked off.
        workers.carry_out(lambda host: self._work_off(host, act), in_order, at_first=len(hosts), most=self._most)

    def _work_off(self, host: str, act: Callable[[T], Callable[[], None] | None]) -> None:
        while (item := self._next(host)) is not None:
            finish: Callable[[], None] | None = None
            try:
                finish = act(item)
            finally:
                if finish is None:
                    self.close(host)
            if finish is not None:
                finish()

    def _next(self, host: str) -> T | None:
        """The next item; None when there is none left, and none is open that might come again."""
        with self._lock:
            waiting = self._waiting[host]
            while not waiting and self._open[host]:
                self._changed.wait()
            if not waiting or host in self._slow:
                return None
            self._open[host] += 1
            return waiting.popleft()

    def close(self, host: str) -> None:
        """An item of this host is done with."""
        with self._lock:
            self._open[host] -= 1
            if not self._open[host]:
                self._changed.notify_all()

    def again(self, host: str, item: T) -> None:
        """An open item of this host becomes this one, which has its turn before all others."""
        with self._lock:
            self._open[host] -= 1
            self._waiting[host].appendleft(item)
            self._changed.notify_all()

    def give_up(self, host: str) -> None:
        """Skip the remaining items of a host in this run; does nothing if it is the only host."""
        if self.is_shared:
            with self._lock:
                self._slow.add(host)

    def is_slow(self, host: str) -> bool:
        """Tell whether this run has given up a host."""
        with self._lock:
            return host in self._slow
