"""Workers: threads for work that waits for other hosts most of the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Workers(Protocol):
    """Carries out work concurrently, with no more threads than it takes."""

    def carry_out(self, act: Callable[[T], R], items: Sequence[T], *, at_first: int = 1, most: int) -> list[R]:
        """Call ``act`` for every item, and return what it returned, in the order of the items.

        The first exception is raised when all have ended.

        Args:
            act: is called by several threads.
            items: are begun in this order.
            at_first: so many are begun at once, even if fewer threads would do.
            most: so many threads at most.
        """
