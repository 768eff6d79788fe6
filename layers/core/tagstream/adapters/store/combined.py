"""Single requests of many threads, carried out as one batch call.

A thousand scans read and write the same kinds of item at the same time. Whoever finds a free lane carries out all that
is waiting by then, so nobody waits for a timer: the request of a single thread is sent at once and alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")
# While one batch is on its way the next one is collected; a second lane hides half of the round trip.
LANES = 2


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Q, A]):
    """A request, and what came of it once it is ``done``."""

    name: Hashable
    request: Q
    done: bool = False
    answers: list[A] = field(default_factory=list)
    error: Exception | None = None


class Combined(Generic[Q, A]):
    """Requests of many threads; safe to share between threads.

    Args:
        carry_out: answers a batch, in its order; what it raises is raised to everybody in the batch.
        most: requests in a batch.
    """

    def __init__(self, carry_out: Callable[[Sequence[Q]], Sequence[A]], most: int) -> None:
        self._carry_out, self._most = carry_out, most
        self._changed = threading.Condition()
        self._waiting: list[_Waiting[Q, A]] = []
        self._lanes = 0

    def ask(self, requests: Mapping[Hashable, Q]) -> list[A]:
        """The answers to a few requests, in their order.

        Args:
            requests: by the name of their item; two requests of one name are never in the same batch.
        """
        mine: list[_Waiting[Q, A]] = [_Waiting(name=name, request=one) for name, one in requests.items()]
        with self._changed:
            self._waiting.extend(mine)
            while not all(one.done for one in mine):
                if self._lanes < LANES and self._waiting:
                    self._lead()
                else:
                    self._changed.wait()
        for one in mine:
            if one.error is not None:
                raise one.error
        return [one.answers[0] for one in mine]

    def _lead(self) -> None:
        """Send all waiting requests as one batch. The caller holds the lock; it is released during the call."""
        batch = self._taken()
        self._lanes += 1
        self._changed.release()
        try:
            answers = self._carry_out([one.request for one in batch])
            for one, answer in zip(batch, answers, strict=True):
                one.answers.append(answer)
        except Exception as error:
            for one in batch:
                one.error = error
        finally:
            self._changed.acquire()
            self._lanes -= 1
            for one in batch:
                one.done = True
            self._changed.notify_all()

    def _taken(self) -> list[_Waiting[Q, A]]:
        batch: dict[Hashable, _Waiting[Q, A]] = {}
        left = []
        for one in self._waiting:
            if len(batch) < self._most and one.name not in batch:
                batch[one.name] = one
            else:
                left.append(one)
        self._waiting = left
        return list(batch.values())
