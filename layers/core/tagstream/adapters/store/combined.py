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
# While one batch is on its way the next one is collected: the fewer lanes, the larger the batches.
LANES = 2
# So many requests are worth a second lane, which also goes round a call that hangs.
CROWD = 16


@dataclass(slots=True, eq=False)
class _Asker:
    """A thread that waits: it is woken when all its requests are answered, or when it is its turn to lead."""

    unanswered: int
    leads: bool = False
    asleep: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Begin asleep."""
        self.asleep.acquire()

    def wake(self) -> None:
        """End its sleep, or the next one. The caller holds the lock of all."""
        if self.asleep.locked():
            self.asleep.release()


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Q, A]):
    """A request, who asked it, and what came of it."""

    name: Hashable
    request: Q
    asker: _Asker
    answers: list[A] = field(default_factory=list)
    error: Exception | None = None


class Combined(Generic[Q, A]):
    """Requests of many threads; safe to share between threads.

    Only threads that have something to do are woken: to wake all of them after each batch costs more than the batch.

    Args:
        carry_out: answers a batch, in its order; what it raises is raised to everybody in the batch.
        most: requests in a batch.
    """

    def __init__(self, carry_out: Callable[[Sequence[Q]], Sequence[A]], most: int) -> None:
        self._carry_out, self._most = carry_out, most
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[Q, A]] = []
        self._lanes = 0

    def ask(self, requests: Mapping[Hashable, Q]) -> list[A]:
        """The answers to a few requests, in their order.

        Args:
            requests: by the name of their item; two requests of one name are never in the same batch.
        """
        asker = _Asker(unanswered=len(requests))
        mine: list[_Waiting[Q, A]] = [_Waiting(name=name, request=one, asker=asker) for name, one in requests.items()]
        with self._lock:
            self._waiting.extend(mine)
            asker.leads = not self._lanes or (self._lanes < LANES and len(self._waiting) >= CROWD)
            self._lanes += asker.leads
        while asker.leads or asker.unanswered:
            if asker.leads:
                self._lead(asker)
            else:
                asker.asleep.acquire()
        for one in mine:
            if one.error is not None:
                raise one.error
        return [one.answers[0] for one in mine]

    def _lead(self, asker: _Asker) -> None:
        """Send all waiting requests as one batch, then have the first thread that still waits send the next one."""
        with self._lock:
            batch = self._taken()
            asker.leads = False
        try:
            answers = self._carry_out([one.request for one in batch]) if batch else ()
            for one, answer in zip(batch, answers, strict=True):
                one.answers.append(answer)
        except Exception as error:
            for one in batch:
                one.error = error
        finally:
            with self._lock:
                self._settle(batch)

    def _settle(self, batch: Sequence[_Waiting[Q, A]]) -> None:
        for one in batch:
            one.asker.unanswered -= 1
            if not one.asker.unanswered:
                one.asker.wake()
        following = next((one.asker for one in self._waiting if not one.asker.leads), None)
        if following is None or (self._lanes > 1 and len(self._waiting) < CROWD):
            self._lanes -= 1
        else:
            following.leads = True
            following.wake()

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
