"""The hosts of a run share its workers: none waits for another that hangs."""

from __future__ import annotations

import threading

from tagstream.reconcile.scan.host_turns import WORKERS, HostTurns


def test_everything_is_carried_out() -> None:
    done: list[int] = []
    turns = HostTurns({"a": list(range(100)), "b": list(range(100, 150))})
    turns.carry_out(done.append)
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

    turns.carry_out(act)
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

    turns.carry_out(act)
    assert not turns.is_shared
    assert not turns.is_slow("only")


def test_no_work_is_no_mistake() -> None:
    HostTurns[str]({}).carry_out(lambda _item: None)
