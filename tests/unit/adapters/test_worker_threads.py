"""Threads are few while the process computes, many while it waits, and share one processor."""

from __future__ import annotations

import os
import threading
import time

import pytest

from tagstream.adapters import worker_threads
from tagstream.adapters.worker_threads import FEW, WorkerThreads

MANY = 32


def is_always_idle() -> float:
    return 0.0


def test_answers_come_in_the_order_of_the_items() -> None:
    def act(item: int) -> int:
        # The first ones end last.
        time.sleep(0.001 * (10 - item))
        return item * item

    assert WorkerThreads().carry_out(act, range(10), most=MANY) == [item * item for item in range(10)]


def test_no_items_are_no_mistake() -> None:
    assert WorkerThreads().carry_out(str, [], most=MANY) == []


def test_the_first_failure_is_raised_when_all_have_ended() -> None:
    ended: list[int] = []

    def act(item: int) -> None:
        if item in (1, 2):
            raise ValueError(f"item {item}")
        time.sleep(0.01)
        ended.append(item)

    with pytest.raises(ValueError, match="item 1"):
        WorkerThreads().carry_out(act, range(50), most=4)
    assert len(ended) == 48


def test_an_index_that_is_missed_in_an_item_is_its_failure() -> None:
    def act(item: int) -> int:
        return [1][item]

    with pytest.raises(IndexError):
        WorkerThreads().carry_out(act, range(3), most=2)


def threads_of(workers: WorkerThreads, items: int = 60) -> int:
    """How many threads carry out items that take a moment each."""
    threads: set[int] = set()

    def act(_item: int) -> None:
        threads.add(threading.get_ident())
        time.sleep(0.01)

    workers.carry_out(act, range(items), most=MANY)
    return len(threads)


def test_a_process_that_computes_has_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_threads, "ANOTHER_AFTER_S", 60)
    assert threads_of(WorkerThreads(cpu_s=time.monotonic)) == FEW


def test_a_process_that_may_not_run_all_the_time_has_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_threads, "ANOTHER_AFTER_S", 60)
    # Each look comes back late, as if the process had been stopped meanwhile.
    monkeypatch.setattr(worker_threads, "wait", lambda _threads, seconds: time.sleep(seconds * 2))
    assert threads_of(WorkerThreads(cpu_s=is_always_idle)) == FEW


def test_calls_at_the_same_time_begin_with_few_threads_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_threads, "ANOTHER_AFTER_S", 60)
    workers = WorkerThreads(cpu_s=time.monotonic)
    together = threading.Barrier(FEW, timeout=10)

    def act(_item: int) -> int:
        together.wait()
        found = threads_of(workers, items=5)
        together.wait()
        return found

    assert sum(workers.carry_out(act, range(FEW), most=MANY)) == FEW


def test_threads_that_hang_hold_nothing_up_while_something_else_computes() -> None:
    others = threading.Semaphore(0)

    def act(item: int) -> bool:
        if item >= FEW:
            others.release()
            return True
        return all(others.acquire(timeout=10) for _ in range(5))

    assert all(WorkerThreads(cpu_s=time.monotonic).carry_out(act, range(FEW * 6), most=MANY))


def test_where_no_more_threads_can_be_started_those_that_are_there_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    start, started = threading.Thread.start, 0

    def limited(thread: threading.Thread) -> None:
        nonlocal started
        started += 1
        if started > FEW:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    workers = WorkerThreads(cpu_s=is_always_idle)
    assert workers.carry_out(lambda item: time.sleep(0.01) or item, range(40), most=MANY) == list(range(40))


def test_a_process_that_waits_has_as_many_threads_as_it_may() -> None:
    together = threading.Barrier(MANY, timeout=10)
    WorkerThreads(cpu_s=is_always_idle).carry_out(lambda _item: together.wait(), range(MANY), most=MANY)


def test_there_are_never_more_threads_than_allowed() -> None:
    working, most = 0, 0
    lock = threading.Lock()

    def act(_item: int) -> None:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        time.sleep(0.005)
        with lock:
            working -= 1

    WorkerThreads(cpu_s=is_always_idle).carry_out(act, range(100), most=3)
    assert most == 3


def test_so_many_begin_at_once_as_the_caller_wants() -> None:
    together = threading.Barrier(20, timeout=10)
    threads = WorkerThreads(cpu_s=time.monotonic)
    threads.carry_out(lambda _item: together.wait(), range(20), at_first=20, most=MANY)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot keep threads on a processor")
class TestProcessors:
    def test_all_threads_share_one(self) -> None:
        found = WorkerThreads(cpu_s=is_always_idle).carry_out(lambda _item: os.sched_getaffinity(0), range(40), most=8)
        assert len(found[0]) == 1
        assert all(one == found[0] for one in found)

    def test_calls_at_the_same_time_share_it(self) -> None:
        threads = WorkerThreads()
        inner: list[set[int]] = []

        def act(_item: int) -> set[int]:
            inner.extend(threads.carry_out(lambda _item: os.sched_getaffinity(0), range(4), most=4))
            return os.sched_getaffinity(0)

        assert all(one == inner[0] for one in (*inner, *threads.carry_out(act, range(4), most=4)))

    def test_the_caller_keeps_all_of_its_own(self) -> None:
        before = os.sched_getaffinity(0)
        WorkerThreads().carry_out(str, range(4), most=4)
        assert os.sched_getaffinity(0) == before
