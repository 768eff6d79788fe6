"""What many threads find is carried out in batches, and nobody waits for his own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tagstream.reconcile.scan.gathering import Gathering

LONG_S = 10.0


class Batches:
    """Remembers batches; each is held up until it is let go."""

    def __init__(self) -> None:
        self.found: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def carry_out(self, batch: Sequence[int]) -> None:
        self.found.append(list(batch))
        self.begun.release()
        assert self.go.wait(LONG_S)


def test_a_single_item_is_carried_out_at_once() -> None:
    batches = Batches()
    batches.go.set()
    gathering = Gathering(batches.carry_out, 10)
    gathering.add(1)
    gathering.add(2)
    assert batches.found == [[1], [2]]


def test_what_comes_while_a_batch_is_carried_out_is_the_next_one_and_waits_for_nothing() -> None:
    batches = Batches()
    gathering = Gathering(batches.carry_out, 3)
    with ThreadPoolExecutor(max_workers=1) as pool:
        leader = pool.submit(gathering.add, 0)
        assert batches.begun.acquire(timeout=LONG_S)
        for number in (1, 2, 3, 4):
            gathering.add(number)
        batches.go.set()
        leader.result(LONG_S)
    assert batches.found == [[0], [1, 2, 3], [4]]


def test_whoever_adds_to_a_long_queue_waits_for_the_next_batch() -> None:
    batches = Batches()
    gathering = Gathering(batches.carry_out, 1)
    with ThreadPoolExecutor(max_workers=2) as pool:
        leader = pool.submit(gathering.add, 0)
        assert batches.begun.acquire(timeout=LONG_S)
        gathering.add(1)
        gathering.add(2)
        late = pool.submit(gathering.add, 3)
        with pytest.raises(TimeoutError):
            late.result(0.05)
        batches.go.set()
        leader.result(LONG_S)
        late.result(LONG_S)
    assert batches.found == [[0], [1], [2], [3]]


def test_what_is_left_is_carried_out_when_a_batch_fails() -> None:
    found: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def carry_out(batch: Sequence[int]) -> None:
        found.extend(batch)
        begun.set()
        assert go.wait(LONG_S)
        if 0 in batch:
            raise ValueError("the first batch fails")

    gathering = Gathering(carry_out, 10)
    with ThreadPoolExecutor(max_workers=1) as pool:
        leader = pool.submit(gathering.add, 0)
        assert begun.wait(LONG_S)
        gathering.add(1)
        go.set()
        with pytest.raises(ValueError, match="the first batch fails"):
            leader.result(LONG_S)
    assert found == [0, 1]
