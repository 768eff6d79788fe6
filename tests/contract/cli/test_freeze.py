"""``tagstream freeze`` and ``thaw`` on a real table: nothing is lost, and no push is under way afterwards."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import Table
from tagstream.ports.bundle import Ports
from tagstream.ports.freezes import FREEZES
from tagstream.reconcile.update.lease import lease_held
from tests.contract.lost_answers import Ending, losing_ports
from tests.contract.reconciling import Silent, automated, ports_on, run, selection, target_of
from tests.embedded.git_server import git
from tests.embedded.single_writes import put_selection
from tests.unit.cli.memory_ports import command


def scopes(ports: Ports) -> list[str]:
    return [str(one.scope) for one in ports.freezes.read()]


def told(ports: Ports) -> list[str]:
    now = ports.clock.now()
    return [one.reason for one in ports.ledger.read(now - timedelta(days=1), now) if one.reason in ("Frozen", "Thawed")]


def test_people_who_freeze_at_the_same_time_lose_nothing(ports: Ports) -> None:
    names = [f"ns-{number}" for number in range(8)]
    for name in names:
        ports.objects.put({"kind": "Namespace", "metadata": {"name": name, "namespace": name}})
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda name: command("freeze", "-n", name, "--no-wait", ports=ports).code, names))
    done = [name for name, code in zip(names, codes, strict=True) if code == 0]
    # Whoever is overtaken too often is told so; whoever is told that it is frozen has it frozen.
    assert len(done) > 0
    assert scopes(ports) == [f"namespace {name}" for name in done]
    assert told(ports) == ["Frozen"] * len(done)


@pytest.mark.parametrize("ending", ["repeated", "given up"])
def test_a_freeze_counts_and_is_told_once_although_an_answer_was_lost(table: Table, ending: Ending) -> None:
    worker, client = losing_ports(table, 1, ending)
    assert command("freeze", "--all", "--no-wait", ports=worker).code == 0
    assert client.writes == ["transact_write_items"]
    ports = ports_on(table, Silent())
    assert scopes(ports) == ["everything"]
    assert told(ports) == ["Frozen"]


def test_freeze_returns_when_no_push_is_under_way_any_more(ports: Ports, repository: tuple[str, Path]) -> None:
    automated(ports, repository[0])
    is_pushing, may_end = threading.Event(), threading.Event()

    def push() -> None:
        with lease_held(target_of(repository[0]), "worker", ports.clock.monotonic_s() + 30, ports):
            is_pushing.set()
            may_end.wait(30)

    with ThreadPoolExecutor(2) as pool:
        pushing = pool.submit(push)
        is_pushing.wait(30)
        freezing = pool.submit(command, "freeze", "-n", "ns", ports=ports)
        while not scopes(ports):
            ports.clock.sleep(0.05)
        assert not freezing.done()
        may_end.set()
        pushing.result()
        done = freezing.result()
    assert done.code == 0
    assert "✔ no push is under way" in done.err


def test_freeze_says_so_when_a_push_does_not_end(ports: Ports, repository: tuple[str, Path]) -> None:
    automated(ports, repository[0])
    with lease_held(target_of(repository[0]), "worker", ports.clock.monotonic_s() + 30, ports):
        done = command("freeze", "--all", "--timeout", "1s", ports=ports)
    assert done.code == 1
    assert "another worker is writing to this Git branch" in done.err
    assert scopes(ports) == ["everything"]


def test_what_waited_for_a_thaw_is_pushed_after_it(ports: Ports, repository: tuple[str, Path]) -> None:
    automated(ports, repository[0])
    put_selection(ports.selections, selection("v1.1.0"), None)
    command("freeze", "automation", "app", "-n", "ns", "--reason", "incident", ports=ports)
    run(ports)
    shown = command("get", "images", "update", "-n", "ns", ports=replace(ports, secrets=Silent())).out
    assert "ImageUpdateAutomation ns/app is frozen: by arn:aws:iam::1:user/ann since " in shown
    assert ": incident (1 new tag)" in shown
    assert "v1.1.0" not in git("show", "main:app.yaml", folder=repository[1])
    command("thaw", "automation", "app", "-n", "ns", ports=ports)
    run(ports)
    assert "v1.1.0" in git("show", "main:app.yaml", folder=repository[1])


@pytest.mark.parametrize("ending", ["repeated", "given up"])
@pytest.mark.parametrize("is_readable", [True, False])
def test_a_thaw_counts_and_is_told_once_although_an_answer_was_lost(
    table: Table, ending: Ending, is_readable: bool
) -> None:
    ports = ports_on(table, Silent())
    assert command("freeze", "--all", "--no-wait", ports=ports).code == 0
    if not is_readable:
        item = keys.key(keys.objects(FREEZES.kind), str(FREEZES.key))
        table.put(item | {"t": keys.text(keys.OBJECT), "doc": keys.text("no document")})
    worker, client = losing_ports(table, 1, ending)
    done = command("thaw", "--all", ports=worker)
    if done.code != 0:
        # The person does it again, and is told that nothing is frozen any more.
        assert "not frozen" in command("thaw", "--all", ports=ports).err
    assert client.writes[0] == "transact_write_items"
    assert scopes(ports) == []
    assert told(ports) == ["Frozen", "Thawed"]
