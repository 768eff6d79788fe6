"""RequestMemory: between which branches a host's requests are, where only reading each of them tells.

It holds only what never changes, so that it may live as long as the process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

MOST_KNOWN = 20_000

Branches = tuple[str, str]
"""The head and the base of a request."""


class RequestMemory:
    """Remembers the branches of requests, those asked for last; safe to share between threads.

    Args:
        most: how many requests are remembered.
    """

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most, self._lock = most, threading.Lock()
        self._known: OrderedDict[tuple[str, str], Branches] = OrderedDict()

    def branches_of(self, repository: str, number: str) -> Branches | None:
        """The branches of a request; None if nobody has read it yet."""
        with self._lock:
            found = self._known.get((repository, number))
            if found is not None:
                self._known.move_to_end((repository, number))
            return found

    def note(self, repository: str, number: str, branches: Branches) -> None:
        """Remember the branches of a request."""
        with self._lock:
            self._known[repository, number] = branches
            self._known.move_to_end((repository, number))
            while len(self._known) > self._most:
                self._known.popitem(last=False)
