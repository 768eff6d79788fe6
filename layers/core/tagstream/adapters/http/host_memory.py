"""What is known about a registry host while this process lives.

In: scheme and host. Out: its facts, shared by all threads; losing them costs requests, never correctness.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tagstream.adapters.http.address_guard import Reach
from tagstream.adapters.registry.challenge import Challenge

PAGE_SIZE = 1000
MAX_HOSTS = 1024


@dataclass(slots=True)
class HostFacts:
    """Single assignments only, so that no lock is needed."""

    challenge: Challenge | None = None
    page_size: int = PAGE_SIZE
    reach: Reach = Reach.PUBLIC
    # On the monotonic clock: nobody asks this host before.
    rest_until_s: float = 0.0
    # Something that speaks this scheme has answered.
    answered: bool = False


@dataclass(slots=True)
class HostMemory:
    """Facts by (scheme, host)."""

    # Hosts whose names suggest plain HTTP, and that speak TLS.
    secure: set[str] = field(default_factory=set)
    _facts: dict[tuple[str, str], HostFacts] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def facts(self, scheme: str, host: str) -> HostFacts:
        """The host's facts, new ones when it was never asked."""
        with self._lock:
            while len(self._facts) >= MAX_HOSTS and (scheme, host) not in self._facts:
                self._facts.pop(next(iter(self._facts)))
            return self._facts.setdefault((scheme, host), HostFacts())
