"""Requests of threads that come at the same time share a call; each gets its own answer or error."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tagstream.adapters.store.combined import CROWD, Combined


class Doubling:
    """Answers with the double; the first batches wait until they are let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.lock = threading.Lock()
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)

    def carry_out(self, requests: Sequence[int]) -> list[int]:
        with self.lock:
            self.batches.append(list(requests))
        self.begun.release()
        self.go.wait(10)
        return [2 * one for one in requests]


def test_a_single_thread_is_answered_at_once() -> None:
    service = Doubling()
    service.go.set()
    combined = Combined(service.carry_out, 10)
    assert combined.ask({"a": 1}) == [2]
    assert combined.ask({"a": 1, "b": 3}) == [2, 6]
    assert service.batches == [[1], [1, 3]]


def test_what_comes_while_a_call_is_on_its_way_goes_together() -> None:
    service = Doubling()
    combined = Combined(service.carry_out, 100)
    with ThreadPoolExecutor(max_workers=40) as pool:
        early = pool.submit(combined.ask, {0: 0})
        service.begun.acquire()
        late = [pool.submit(combined.ask, {number: number}) for number in range(1, CROWD)]
        while len(combined._waiting) < CROWD - 1:
            pass
        service.go.set()
        answers = [one.result(10) for one in (early, *late)]
    assert answers == [[2 * number] for number in range(CROWD)]
    assert [len(batch) for batch in service.batches] == [1, CROWD - 1]


def test_a_crowd_does_not_wait_for_a_call_that_hangs() -> None:
    service = Doubling()
    combined = Combined(service.carry_out, 100)
    with ThreadPoolExecutor(max_workers=40) as pool:
        asked = [pool.submit(combined.ask, {0: 0})]
        service.begun.acquire()
        asked += [pool.submit(combined.ask, {number: number}) for number in range(1, CROWD + 1)]
        # The second call is on its way while the first one hangs.
        service.begun.acquire()
        assert sorted(len(batch) for batch in service.batches) == [1, CROWD]
        service.go.set()
        assert [one.result(10) for one in asked] == [[2 * number] for number in range(CROWD + 1)]


def test_two_requests_for_one_item_are_never_in_the_same_batch() -> None:
    service = Doubling()
    combined = Combined(service.carry_out, 100)
    with ThreadPoolExecutor(max_workers=40) as pool:
        asked = [pool.submit(combined.ask, {"first": 1})]
        service.begun.acquire()
        asked += [pool.submit(combined.ask, {"same": number}) for number in (7, 8)]
        while len(combined._waiting) < 2:
            pass
        service.go.set()
        assert [one.result(10) for one in asked[1:]] == [[14], [16]]
    assert [sorted(batch) for batch in service.batches[1:]] != [[7, 8]]


def test_an_error_reaches_everybody_in_the_batch_and_nobody_else() -> None:
    def carry_out(requests: Sequence[int]) -> list[int]:
        if 13 in requests:
            raise ValueError("unlucky")
        return list(requests)

    combined = Combined(carry_out, 10)
    with pytest.raises(ValueError, match="unlucky"):
        combined.ask({"a": 13})
    assert combined.ask({"a": 1}) == [1]


def test_many_threads_are_all_answered() -> None:
    combined = Combined(lambda requests: [2 * one for one in requests], 5)
    with ThreadPoolExecutor(max_workers=32) as pool:
        answers = list(pool.map(lambda number: combined.ask({number: number})[0], range(2_000)))
    assert answers == [2 * number for number in range(2_000)]
