"""What is known about registries while this process lives; losing it costs requests, never correctness."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tagstream.adapters.http.address_guard import Reach
from tagstream.adapters.registry.challenge import Challenge

PAGE_SIZE = 1000
MAX_HOSTS = 1024
# Servers that limit a page by themselves limit it to a round number from here on.
SMALLEST_LIMIT = 20
# So many complete lists of one length prove that the length is not the server's limit.
PROOFS = 3


@dataclass(slots=True)
class HostFacts:
    """Members are assigned one at a time, so that no lock is needed."""

    challenge: Challenge | None = None
    page_size: int = PAGE_SIZE
    reach: Reach = Reach.PUBLIC
    # Something that speaks this scheme has answered.
    answered: bool = False
    # The most tags that a page without a Link header had.
    longest_page: int = 0
    # How many lists of a length turned out to be complete when they were asked for more.
    complete_lists: dict[int, int] = field(default_factory=dict)

    def may_be_full(self, count: int, size: int) -> bool:
        """Whether a page without a Link header may have been cut off.

        Args:
            count: tags on the page.
            size: tags that were asked for.
        """
        if count == size:
            return True
        is_usual_limit = SMALLEST_LIMIT <= count < size and (count % 10 == 0 or count % 25 == 0)
        return is_usual_limit and count >= self.longest_page and self.complete_lists.get(count, 0) < PROOFS


@dataclass(slots=True)
class HostMemory:
    """Facts by (scheme, host)."""

    # Hosts whose names suggest plain HTTP, and that speak TLS.
    secure: set[str] = field(default_factory=set)
    _facts: dict[tuple[str, str], HostFacts] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def facts(self, scheme: str, host: str) -> HostFacts:
        """The facts of a host, empty ones if it was never asked; all threads share them."""
        known = self._facts.get((scheme, host))
        if known is not None:
            return known
        with self._lock:
            while len(self._facts) >= MAX_HOSTS and (scheme, host) not in self._facts:
                self._facts.pop(next(iter(self._facts)))
            return self._facts.setdefault((scheme, host), HostFacts())
