"""A worker killed between any two steps: the next one finishes, once, and tells it once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.table import Table
from tagstream.ports import Ports
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconciling import (
    APP,
    MARKED,
    Silent,
    automated,
    ports_on,
    run,
    scan,
    selection,
    target_of,
    watched,
)
from tests.embedded.git_server import bare_repository, git, git_server
from tests.embedded.registry import Registry

BOTH = pytest.mark.parametrize("after_call", [True, False], ids=["after-a-call", "before-a-call"])


class LaterClock(SystemClock):
    """The machine's clock, an hour on: every lease has expired."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=1)


def later(table: Table) -> Ports:
    """A new worker's ports, when the dead one's lease is over."""
    clock: Any = LaterClock()
    return replace(ports_on(table, Silent()), leases=DynamoLeases(table=table, clock=clock))


def lived(work: Callable[[Ports], object], ports: Ports) -> list[str]:
    """The calls of a life without an end."""
    life = Life()
    work(life.ports(ports))
    return life.calls


def died(work: Callable[[Ports], object], ports: Ports, at: int, after_call: bool) -> None:
    """A life that ends at a call."""
    life = Life(ends_at=at, after_call=after_call)
    with pytest.raises(Killed):
        work(life.ports(ports))


def emptied(table: Table) -> None:
    """The table as it was made."""
    for page in table.client.get_paginator("scan").paginate(TableName=table.name):
        table.delete_many(page["Items"])


@BOTH
def test_a_commit_is_pushed_and_told_exactly_once_wherever_its_worker_dies(
    table: Table, tmp_path: Path, after_call: bool
) -> None:
    outcomes: dict[str, tuple[object, ...]] = {}
    with git_server(tmp_path) as server:

        def begun(name: str) -> tuple[Ports, Path]:
            emptied(table)
            bare = bare_repository(tmp_path, name, {"app.yaml": MARKED})
            ports = ports_on(table, Silent())
            automated(ports, server.url(name))
            ports.selections.put(selection("v1.1.0"), None)
            return ports, bare

        ports, bare = begun("whole.git")
        calls = lived(run, ports)
        expected = outcome(ports, bare)
        for at, call in enumerate(calls, start=1):
            ports, bare = begun(f"{at}.git")
            died(run, ports, at, after_call)
            run(later(table))
            outcomes[f"{at} {call}"] = outcome(ports, bare)
    assert expected == ("2\n", MARKED.decode().replace("v1.0.0", "v1.1.0"), True, "True", ["v1.1.0"], ())
    assert {where: found for where, found in outcomes.items() if found != expected} == {}
    assert {"git.open.push", "leases.put_intent", "objects.put_status", "ledger.record"} <= set(calls)


def outcome(ports: Ports, bare: Path) -> tuple[object, ...]:
    """Commits, the file, whether the status names the head, Ready, the tags that pushes told of, intents left over."""
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    conditions: Any = stored.status["conditions"]
    now = datetime.now(UTC)
    told: list[Any] = [one.facts for one in ports.ledger.read(now - timedelta(hours=1), now) if "pushed" in one.message]
    return (
        git("rev-list", "--count", "main", folder=bare),
        git("show", "main:app.yaml", folder=bare),
        stored.status["lastPushCommit"] == git("rev-parse", "main", folder=bare).strip(),
        next(one["status"] for one in conditions if one["type"] == "Ready"),
        [one["tag"] for facts in told for one in facts["selections"]],
        ports.leases.intents(target_of(stored_url(ports))),
    )


def stored_url(ports: Ports) -> str:
    stored = ports.objects.get("GitRepository", APP)
    assert stored is not None
    spec: Any = stored.document["spec"]
    return str(spec["url"])


@BOTH
def test_a_new_tag_is_selected_exactly_once_wherever_its_scan_dies(
    table: Table, registry: Registry, after_call: bool
) -> None:
    outcomes: dict[str, tuple[object, ...]] = {}

    def begun() -> Ports:
        emptied(table)
        registry.repositories.clear()
        registry.add_tags("app", [f"v1.{minor}.0" for minor in range(30)])
        ports = ports_on(table, Silent())
        watched(ports, registry)
        scan(ports)
        registry.add_tags("app", ["v1.30.0"])
        return ports

    ports = begun()
    calls = lived(scan, ports)
    expected = reflected(ports)
    for at, call in enumerate(calls, start=1):
        ports = begun()
        died(scan, ports, at, after_call)
        scan(later(table))
        outcomes[f"{at} {call}"] = reflected(ports)
    assert expected == ("v1.30.0", "v1.29.0", 31, "v1.30.0", 31)
    assert {where: found for where, found in outcomes.items() if found != expected} == {}
    assert {"tags.put", "selections.put", "objects.put_status"} <= set(calls)


def reflected(ports: Ports) -> tuple[object, ...]:
    """What is selected, what was before, how many tags are stored, and what the statuses say."""
    found, state = ports.selections.get(APP), ports.tags.state(APP)
    policy, repository = ports.objects.get("ImagePolicy", APP), ports.objects.get("ImageRepository", APP)
    assert found is not None and state is not None and policy is not None and repository is not None
    told: Any = policy.status["latestRef"]
    result: Any = repository.status["lastScanResult"]
    return found.ref.tag, found.previous and found.previous.tag, state.tag_count, told["tag"], result["tagCount"]
