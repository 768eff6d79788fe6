"""Branches run side by side, few of one host, and each branch's work one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tagstream.reconcile.update.lanes import A_HOST, LAST_TURN, THREADS, Work, run_lanes


def work(target: str, carry_out: Callable[[], None], host: str = "host", turn: int = 0) -> Work:
    return Work(target=target, host=host, turn=turn, carry_out=carry_out)


def test_a_branch_of_one_host_does_not_wait_for_a_branch_of_another() -> None:
    both = threading.Barrier(2, timeout=10)
    run_lanes([work("a", lambda: both.wait() and None, "one"), work("b", lambda: both.wait() and None, "other")])
    assert not both.broken


def test_work_of_one_branch_never_runs_at_the_same_time_and_keeps_its_order() -> None:
    done: list[int] = []
    lock = threading.Lock()

    def step(number: int) -> Callable[[], None]:
        def carry_out() -> None:
            assert lock.acquire(blocking=False)
            done.append(number)
            lock.release()

        return carry_out

    run_lanes([work("branch", step(number)) for number in range(20)] + [work("other", lambda: None, "other")])
    assert done == list(range(20))


@pytest.mark.parametrize(("turn", "most"), [(0, A_HOST), (1, A_HOST), (LAST_TURN, 1)])
def test_few_branches_of_a_host_run_at_the_same_time_and_only_one_where_all_failed(turn: int, most: int) -> None:
    running, seen, lock = [0], [0], threading.Lock()

    def carry_out() -> None:
        with lock:
            running[0] += 1
            seen[0] = max(seen[0], running[0])
        threading.Event().wait(0.02)
        with lock:
            running[0] -= 1

    branches = [work(str(number), carry_out, turn=turn) for number in range(10)]
    run_lanes([*branches, work("elsewhere", lambda: None, "other")])
    assert seen == [most]


def test_hosts_that_answered_last_time_come_first_and_those_that_failed_last() -> None:
    begun: list[str] = []
    hosts = [(f"failed-{number}", LAST_TURN) for number in range(THREADS)]
    hosts += [(f"new-{number}", 1) for number in range(THREADS)]
    hosts += [(f"healthy-{number}", 0) for number in range(THREADS)]
    gate = threading.Barrier(THREADS, timeout=10)

    def begin(host: str) -> Callable[[], None]:
        def carry_out() -> None:
            begun.append(host.partition("-")[0])
            gate.wait()

        return carry_out

    run_lanes([work(host, begin(host), host, turn) for host, turn in hosts])
    assert begun == ["healthy"] * THREADS + ["new"] * THREADS + ["failed"] * THREADS


def test_work_that_fails_stops_no_other_work_and_is_told_in_the_end() -> None:
    done: list[str] = []

    def fail() -> None:
        raise ValueError("the table is out of reach")

    with pytest.raises(ValueError, match="out of reach"):
        run_lanes([work("a", fail), work("a", lambda: done.append("a")), work("b", lambda: done.append("b"), "other")])
    assert sorted(done) == ["a", "b"]


def test_work_of_one_branch_never_runs_at_the_same_time_though_its_server_is_asked_in_two_ways() -> None:
    at_work: list[int] = []
    most: list[int] = []

    def step() -> None:
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.01)
        at_work.pop()

    run_lanes([work("branch", step, "directly" if number % 2 else "by a proxy") for number in range(6)])
    assert max(most) == 1
