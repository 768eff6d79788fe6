"""Gathers what many threads have found, so that one of them carries out what is there by then as one batch.

No thread waits for its own item to be carried out, and none waits for a timer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Gathering(Generic[T]):
    """Items of many threads; safe to share between threads.

    Args:
        carry_out: is called with a batch, by one thread at a time.
        most: items in a batch. While twice as many wait, whoever adds one waits too, which bounds the memory.
    """

    def __init__(self, carry_out: Callable[[Sequence[T]], None], most: int) -> None:
        self._carry_out, self._most = carry_out, most
        self._waiting: deque[T] = deque()
        self._is_led = False
        self._taken = threading.Condition()

    def add(self, item: T) -> None:
        """Leave an item to the thread that carries out batches; be that thread if there is none, until none is left."""
        with self._taken:
            while self._is_led and len(self._waiting) >= 2 * self._most:
                self._taken.wait()
            self._waiting.append(item)
            if self._is_led:
                return
            self._is_led = True
        failures = []
        while batch := self._batch():
            try:
                self._carry_out(batch)
            except BaseException as error:
                # What is left must not wait for ever.
                failures.append(error)
        if failures:
            raise failures[0]

    def _batch(self) -> list[T]:
        with self._taken:
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            self._is_led = bool(batch)
            self._taken.notify_all()
            return batch
