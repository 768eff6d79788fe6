"""The hosts of a run share its workers: none waits for another that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tagstream.adapters.worker_threads import WorkerThreads
from tagstream.reconcile.scan.host_turns import WORKERS, HostTurns


def test_everything_is_carried_out() -> None:
    done: list[int] = []
    turns = HostTurns({"a": list(range(100)), "b": list(range(100, 150))})
    turns.carry_out(done.append, WorkerThreads())
    assert sorted(done) == list(range(150))


def test_a_host_that_hangs_does_not_hold_up_another() -> None:
    healthy_done = threading.Event()
    done: list[str] = []
    turns = HostTurns({"hanging": [f"h{number}" for number in range(40)], "healthy": ["ok"]})

    def act(item: str) -> None:
        if item == "ok":
            healthy_done.set()
        elif not healthy_done.wait(10):
            raise AssertionError("the healthy host never had its turn")
        else:
            turns.give_up("hanging")
        done.append(item)

    turns.carry_out(act, WorkerThreads())
    assert "ok" in done
    assert len(done) < 41
    assert turns.is_slow("hanging")
    assert not turns.is_slow("healthy")


def test_a_host_alone_has_all_workers_and_is_never_given_up() -> None:
    together = threading.Barrier(WORKERS, timeout=10)
    turns = HostTurns({"only": list(range(WORKERS))})

    def act(_item: int) -> None:
        turns.give_up("only")
        together.wait()

    turns.carry_out(act, WorkerThreads())
    assert not turns.is_shared
    assert not turns.is_slow("only")


def test_no_work_is_no_mistake() -> None:
    HostTurns[str]({}).carry_out(lambda _item: None, WorkerThreads())


def test_an_open_item_keeps_the_workers_of_its_host_until_it_is_closed_or_comes_again() -> None:
    turns = HostTurns({"a": ["first", "second"]})
    done: list[str] = []
    is_second_done = threading.Event()

    def come_again() -> None:
        assert is_second_done.wait(10)
        turns.again("a", "first again")

    def act(item: str) -> Callable[[], None] | None:
        done.append(item)
        if item == "first":
            return come_again
        if item == "second":
            # Its worker finds nothing else to do now, but an item is open.
            threading.Timer(0.05, is_second_done.set).start()
        return None

    turns.carry_out(act, WorkerThreads())
    assert sorted(done) == ["first", "first again", "second"]


def test_an_open_item_that_another_thread_closes_ends_the_run() -> None:
    turns = HostTurns({"a": ["left"]})
    closing = threading.Timer(0.05, turns.close, ["a"])

    turns.carry_out(lambda _item: closing.start, WorkerThreads())
    closing.join()


def test_a_worker_that_dies_leaves_nobody_waiting() -> None:
    turns = HostTurns({"a": list(range(WORKERS))})

    def act(item: int) -> None:
        if item == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turns.carry_out(act, WorkerThreads())


def test_an_item_that_fails_after_it_was_closed_is_not_closed_twice() -> None:
    turns = HostTurns({"a": ["open", "fails", "waits"]}, most=3)
    has_failed, done = threading.Event(), []

    def fail() -> None:
        turns.close("a")
        has_failed.set()
        raise KeyboardInterrupt

    def come_again() -> None:
        assert has_failed.wait(10)
        # A second close of the other item would have let the third worker go, which is needed now.
        time.sleep(0.05)
        turns.again("a", "again")

    def act(item: str) -> Callable[[], None] | None:
        done.append((item, threading.get_ident()))
        return {"open": come_again, "fails": fail}.get(item)

    with pytest.raises(KeyboardInterrupt):
        turns.carry_out(act, WorkerThreads())
    assert [item for item, _ in done].count("again") == 1
