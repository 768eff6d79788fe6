"""Registries that hang: nobody else waits for them, and nobody asks them again before their cool-down is over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedScan
from tagstream.reconcile import handlers
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.reconcile.scan.test_chains import batch
from tests.contract.reconciling import TRIGGER, Silent, document
from tests.embedded.fault_proxy import Fault, FaultProxy, Received, running_fault_proxy
from tests.embedded.hanging import Hanging, hanging

MANY = 40
TAGS = Fault(body=b'{"name": "app", "tags": ["1.0.0"]}')


@pytest.fixture
def hung() -> Iterator[Hanging]:
    with hanging() as server:
        yield server


@pytest.fixture
def server() -> Iterator[FaultProxy]:
    with running_fault_proxy() as running:
        yield running


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests wait a tenth of the time."""
    for name, seconds in (("FIRST_ANSWER_S", 1.0), ("PROVEN_FIRST_ANSWER_S", 1.5), ("HUNG_AFTER_S", 0.8)):
        monkeypatch.setattr(f"tagstream.reconcile.registry_health.{name}", seconds)
    monkeypatch.setattr("tagstream.reconcile.scan.repositories.SHARED_S", 1.0)
    monkeypatch.setattr("tagstream.adapters.registry.client.ALIVE_WITHIN_S", 0.5)


def watching(ports: Ports, name: str, image: str, **spec: Any) -> NamespacedName:
    one = document("ImageRepository", image=image, interval="5m", **spec)
    ports.objects.put(one | {"metadata": {"name": name, "namespace": "ns"}})
    return NamespacedName("ns", name)


def scanned(ports: Ports, *keys: NamespacedName) -> float:
    """Scan as a queue message does; return how many seconds it took."""
    begun = time.monotonic()
    scan_repositories(keys, TRIGGER, ports.clock.monotonic_s() + 110, ports)
    return time.monotonic() - begun


def message(ports: Ports, key: NamespacedName) -> str:
    stored: Any = ports.objects.get("ImageRepository", key)
    return str(stored.status["conditions"][0]["message"]) if stored.status else ""


def test_a_registry_that_hangs_gets_a_first_answers_time_alone_and_is_then_left_alone(
    ports: Ports, silent: Silent, hung: Hanging, server: FaultProxy
) -> None:
    server.respond = lambda request: TAGS
    for number in range(MANY):
        watching(ports, f"a-hung-{number:02}", f"{hung.address}/h{number}")
    healthy = watching(ports, "zz-healthy", f"{server.address}/app")
    begun = time.monotonic()
    handlers.scan({"tagstream": "tick"}, 115_000, ports)
    assert time.monotonic() - begun < 10
    assert "found 1 tags" in message(ports, healthy)

    messages = [one for one in silent.sent if isinstance(one, QueuedScan)]
    assert sum(len(one.repositories) for one in messages) == MANY
    begun = time.monotonic()
    handlers.scan(batch(*messages), 115_000, ports)
    # The interval, which is the time-out too, is five minutes.
    assert time.monotonic() - begun < 15
    asked = len(hung.taken)
    keys = [key for one in messages for key in one.repositories]
    assert scanned(ports, *keys) < 5
    assert len(hung.taken) == asked
    assert all("left alone until" in message(ports, key) for key in keys)


def test_a_list_that_is_slow_on_a_registry_that_lives_has_all_the_time_that_its_object_allows(
    ports: Ports, server: FaultProxy
) -> None:
    def respond(request: Received) -> Fault:
        if "/tags/list" in request.path:
            server.stopped.wait(2.0)
        return TAGS

    server.respond = respond
    key = watching(ports, "app", f"{server.address}/app", timeout="1m")
    scanned(ports, key)
    assert "found 1 tags" in message(ports, key)


def test_a_repository_that_hangs_on_a_registry_that_lives_is_left_alone_by_itself(
    ports: Ports, server: FaultProxy
) -> None:
    def respond(request: Received) -> Fault:
        if "/slow/tags/list" in request.path:
            server.stopped.wait(10.0)
        return TAGS

    server.respond = respond
    slow = watching(ports, "slow", f"{server.address}/slow", timeout="2s")
    scanned(ports, slow)
    assert "context deadline exceeded" in message(ports, slow)
    other = watching(ports, "app", f"{server.address}/app")
    assert scanned(ports, slow, other) < 1.5
    assert "found 1 tags" in message(ports, other)
    assert "/slow did not answer in time and is left alone until" in message(ports, slow)


def test_a_proxy_that_hangs_closes_the_registry_only_for_those_who_use_it(
    ports: Ports, silent: Silent, hung: Hanging, server: FaultProxy
) -> None:
    server.respond = lambda request: TAGS
    silent.secrets[NamespacedName("ns", "proxy")] = {"address": f"http://{hung.address}".encode()}
    troubled = watching(ports, "troubled", f"{server.address}/troubled", proxySecretRef={"name": "proxy"})
    also = watching(ports, "also", f"{server.address}/also", proxySecretRef={"name": "proxy"})
    scanned(ports, troubled)
    direct = watching(ports, "app", f"{server.address}/app")
    scanned(ports, direct, also)
    assert "found 1 tags" in message(ports, direct)
    assert "left alone until" in message(ports, also)


def test_a_repository_that_was_scanned_well_asks_although_others_have_closed_the_registry(
    ports: Ports, server: FaultProxy
) -> None:
    server.respond = lambda request: TAGS
    proven = watching(ports, "app", f"{server.address}/app")
    scanned(ports, proven)
    ports.tags.put_cool_down(f"hung#{server.address}", ports.clock.now().replace(year=2100))
    new = watching(ports, "new", f"{server.address}/new")
    server.respond = lambda request: Fault(body=b'{"name": "app", "tags": ["1.0.0", "1.1.0"]}')
    scanned(ports, proven, new)
    assert "found 2 tags" in message(ports, proven)
    assert "left alone until 2100-" in message(ports, new)


def test_digests_of_a_registry_that_hangs_do_not_hold_a_tick(ports: Ports, silent: Silent, server: FaultProxy) -> None:
    hangs = [False]

    def respond(request: Received) -> Fault:
        if hangs[0]:
            server.stopped.wait(30.0)
        if "/manifests/" in request.path:
            return Fault(headers=(("Docker-Content-Digest", "sha256:" + "0" * 64),))
        return TAGS

    server.respond = respond
    key = watching(ports, "app", f"{server.address}/app")
    names = [f"policy-{number:02}" for number in range(MANY)]
    for name in names:
        spec = {"imageRepositoryRef": {"name": "app"}, "policy": {"semver": {"range": "1.x"}}}
        policy = document("ImagePolicy", **spec, digestReflectionPolicy="Always", interval="1m")
        ports.objects.put(policy | {"metadata": {"name": name, "namespace": "ns"}})
    scanned(ports, key)
    keys = [NamespacedName("ns", name) for name in names]
    assert all(ports.selections.get(one) is not None for one in keys)
    hangs[0] = True
    begun = time.monotonic()
    evaluate_policies(keys, Cause(text="schedule"), ports.clock.monotonic_s() + 110, ports)
    assert time.monotonic() - begun < 10
