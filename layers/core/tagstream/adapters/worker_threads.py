"""The Workers port on threads, which are few while the process is busy and share one processor.

Threads of one interpreter compute one at a time. On two processors they take it from each other at each system call,
which costs a list of tags twice as much CPU as it takes alone. On one, the next thread goes on when this one waits.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
# So many threads of all calls keep a process busy if hosts answer at once.
FEW = 4
LOOK_AGAIN_S = 0.005
# A process that computes for a smaller part of the time waits for others.
BUSY = 0.6
# A look that takes longer says nothing: the process was not allowed to run, as on Lambda, which rations processors.
LATE = 1.3
# In any case there is another thread after this time. The first ones may hang while something else computes.
ANOTHER_AFTER_S = 0.1
# The field of /proc/…/stat, counted from the one behind the name, that says on which processor the thread is (proc(5)).
_PROCESSOR = 36


class WorkerThreads:
    """Starts threads for each call. Calls at the same time share the processor, too.

    Args:
        cpu_s: seconds that this process has computed.
    """

    def __init__(self, cpu_s: Callable[[], float] = time.process_time) -> None:
        self._cpu_s = cpu_s
        self._lock = threading.Lock()
        self._calls = 0
        self._running = 0
        self._processor: int | None = None

    def carry_out(self, act: Callable[[T], R], items: Sequence[T], *, at_first: int = 1, most: int) -> list[R]:
        """As the port says; twice as many threads work whenever the process waits while items are left."""
        answers: list[Future[R]] = [Future() for _ in items]
        waiting = deque(zip(answers, items, strict=True))

        def work_off() -> None:
            with self._counted(), suppress(IndexError):
                while True:
                    _answer(*waiting.popleft(), act)

        most = min(most, len(items))
        with self._one_processor() as move, ThreadPoolExecutor(max(1, most), initializer=move) as pool:
            threads = [pool.submit(work_off) for _ in items[: min(most, max(1, at_first, FEW - self._running))]]
            # Where the system allows no more threads, those that there are go on.
            with suppress(RuntimeError):
                while waiting and len(threads) < most:
                    more = self._wanted(threads)
                    threads += [pool.submit(work_off) for _ in range(min(more, most - len(threads)))]
        return [one.result() for one in answers]

    def _wanted(self, threads: Sequence[Future[None]]) -> int:
        """How many more threads there should be; waits until there should be any, or these have ended."""
        until_s = time.monotonic() + ANOTHER_AFTER_S
        while any(not one.done() for one in threads):
            if self._is_idle(threads):
                return len(threads)
            if time.monotonic() >= until_s:
                return 1
        return 0

    def _is_idle(self, threads: Sequence[Future[None]]) -> bool:
        """Whether the process mostly waits, from now on for a moment or until the threads have ended."""
        begun_s, cpu_s = time.monotonic(), self._cpu_s()
        wait(threads, LOOK_AGAIN_S)
        took_s = time.monotonic() - begun_s
        return took_s < LATE * LOOK_AGAIN_S and self._cpu_s() - cpu_s < BUSY * took_s

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a thread among those of this process."""
        with self._lock:
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    @contextmanager
    def _one_processor(self) -> Iterator[Callable[[], None]]:
        """Yields what moves a thread to the processor that all share."""
        with self._lock:
            self._calls += 1
            if self._calls == 1:
                self._processor = _processor()
            processor = self._processor
        try:
            yield partial(_move, processor)
        finally:
            with self._lock:
                self._calls -= 1


def _answer(answer: Future[R], item: T, act: Callable[[T], R]) -> None:
    """Do it, and keep what it returns or raises."""
    try:
        answer.set_result(act(item))
    except BaseException as error:
        answer.set_exception(error)


def _processor() -> int | None:
    """The processor that this thread is on; None where the system does not say it."""
    try:
        return int(Path("/proc/thread-self/stat").read_text().rpartition(")")[2].split()[_PROCESSOR])
    except (OSError, ValueError, IndexError):
        return None


def _move(processor: int | None) -> None:
    """Keep this thread on a processor, if the system has such calls and allows it."""
    if processor is not None and hasattr(os, "sched_setaffinity"):
        with suppress(OSError):
            os.sched_setaffinity(0, {processor})
