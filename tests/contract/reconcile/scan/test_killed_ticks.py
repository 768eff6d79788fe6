"""What kills a tick, such as a list that takes all memory, holds up nothing else for longer than a few minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.receive.paths import publish_receiver
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.tick import tick
from tests.contract.deadly_registry import Deadly
from tests.contract.mortal_ports import Killed
from tests.contract.reconciling import APP, TRIGGER, Silent, document
from tests.contract.set_clock import SetClock

POISON = NamespacedName("ns", "poison")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def registry() -> Deadly:
    return Deadly()


@pytest.fixture
def stack(table: Table, ports: Ports, silent: Silent, registry: Any) -> Ports:
    """Two repositories and a Receiver, with intervals of five minutes, looked at a moment ago."""
    clock = SetClock(ports.clock.now())
    found = replace(ports, clock=clock, registry=registry, agenda=DynamoAgenda(table=table, clock=clock))
    for name in ("poison", "app"):
        image = document("ImageRepository", image=f"registry.example.com/{name}", interval="5m")
        found.objects.put({**image, "metadata": {"name": name, "namespace": "ns"}})
    silent.secrets[NamespacedName("ns", "hook")] = {"token": b"a-token-of-the-receiver"}
    resources = [{"kind": "ImageRepository", "name": "app"}]
    receiver = document(
        "Receiver",
        "notification.toolkit.fluxcd.io/v1",
        type="generic",
        secretRef={"name": "hook"},
        interval="5m",
        resources=resources,
    )
    publish_receiver(found.objects.put(receiver), found)
    scan_repositories([POISON, APP], TRIGGER, clock.monotonic_s() + 60, found)
    ticked(found, 2)
    return found


def digested(ports: Ports) -> None:
    """Policies of both repositories whose digests are asked for every five minutes."""
    for name in ("poison", "app"):
        spec: dict[str, Any] = {"imageRepositoryRef": {"name": name}, "policy": {"alphabetical": {}}}
        policy = document("ImagePolicy", **spec, digestReflectionPolicy="Always", interval="5m")
        ports.objects.put({**policy, "metadata": {"name": name, "namespace": "ns"}})
    ticked(ports, 2)


def ticked(ports: Ports, minutes: int) -> int:
    """Do the ticks of some minutes; return how many of them lived."""
    clock: Any = ports.clock
    lived = 0
    for _ in range(minutes):
        clock.sleep(MINUTE.total_seconds())
        try:
            tick(clock.monotonic_s() + 60, ports)
        except Killed:
            continue
        lived += 1
    return lived


def last(ports: Ports, kind: str, key: NamespacedName = APP) -> datetime:
    found = ports.agenda.read().times[ObjectName(kind=kind, key=key)].last
    assert found is not None
    return found


def test_a_repository_that_kills_its_ticks_is_left_to_the_queue(stack: Ports, registry: Deadly, silent: Silent) -> None:
    registry.kills = "list"
    assert ticked(stack, 30) >= 26
    assert (POISON,) in [one.repositories for one in silent.scans()]
    assert last(stack, "Receiver") >= stack.clock.now() - 6 * MINUTE


def test_what_was_due_with_it_shares_a_message_with_it_for_some_minutes_only(
    stack: Ports, registry: Deadly, silent: Silent
) -> None:
    registry.kills = "list"
    ticked(stack, 35)
    assert {(POISON,), (APP,)} <= {one.repositories for one in silent.scans()}


def test_a_new_repository_that_kills_its_first_scan_is_left_to_the_queue(
    stack: Ports, registry: Deadly, silent: Silent
) -> None:
    stack.objects.delete("ImageRepository", POISON)
    image = document("ImageRepository", image="registry.example.com/poison", interval="5m")
    stack.objects.put({**image, "metadata": {"name": "poison", "namespace": "ns"}})
    registry.kills = "list"
    assert ticked(stack, 30) >= 26
    assert (POISON,) in [one.repositories for one in silent.scans()]


@pytest.mark.parametrize(
    "change",
    [{"spec": {"interval": "10m"}}, {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}],
    ids=["spec", "request"],
)
def test_a_changed_repository_that_kills_its_scans_is_left_to_the_queue(
    change: dict[str, Any], stack: Ports, registry: Deadly, silent: Silent
) -> None:
    spec = {"image": "registry.example.com/poison", "interval": "5m", **change.get("spec", {})}
    metadata = {"name": "poison", "namespace": "ns", "annotations": change.get("annotations", {})}
    stack.objects.put({**document("ImageRepository", **spec), "metadata": metadata})
    registry.kills = "list"
    assert ticked(stack, 30) >= 26
    assert (POISON,) in [one.repositories for one in silent.scans()]


def test_a_late_scan_that_comes_round_within_the_minute_shares_no_message_of_that(
    stack: Ports, registry: Deadly, silent: Silent
) -> None:
    for name in ("poison", "app"):
        image = document("ImageRepository", image=f"registry.example.com/{name}", interval="30s")
        stack.objects.put({**image, "metadata": {"name": name, "namespace": "ns"}})
    scan_repositories([POISON, APP], TRIGGER, stack.clock.monotonic_s() + 60, stack)
    registry.kills = "list"
    ticked(stack, 3)
    silent.sent.clear()
    ticked(stack, 24)
    assert all(one.repositories in ((POISON,), (APP,)) for one in silent.scans()[-4:])


def test_scans_that_are_in_time_are_done_by_the_tick(stack: Ports, registry: Deadly, silent: Silent) -> None:
    registry.listed.clear()
    assert ticked(stack, 10) == 10
    assert registry.listed.count("app") == 2
    assert silent.sent == []


def test_a_policy_that_kills_its_ticks_holds_up_receivers_and_other_policies_for_some_minutes_only(
    stack: Ports, registry: Deadly
) -> None:
    digested(stack)
    registry.kills = "digest"
    assert ticked(stack, 30) >= 15
    assert last(stack, "ImagePolicy") >= stack.clock.now() - 15 * MINUTE
    assert last(stack, "Receiver") >= stack.clock.now() - 9 * MINUTE
    assert last(stack, "ImageRepository") >= stack.clock.now() - 9 * MINUTE
