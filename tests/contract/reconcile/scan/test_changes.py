"""A batch of changed objects: a registry that hangs holds up only what needs a scan of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.stream import StreamChange
from tagstream.ports.bundle import Ports
from tagstream.reconcile.scan.changes import reconcile_changed
from tests.contract.mortal_ports import Life
from tests.contract.reconciling import APP, automated, document, reason, scan, watched
from tests.embedded.hanging import hanging
from tests.embedded.registry import Registry

OTHER = NamespacedName("other", "app")


def change(kind: str, key: NamespacedName) -> StreamChange:
    return StreamChange(kind="object", object_kind=kind, key=key, sequence="1")


def in_other_namespace(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "metadata": {"name": OTHER.name, "namespace": OTHER.namespace}}


def reconciled(ports: Ports, *changes: StreamChange) -> list[str]:
    """The calls of the ports, in their order."""
    life = Life()
    reconcile_changed(changes, ports.clock.monotonic_s() + 30, life.ports(ports))
    return life.calls


def test_a_run_is_asked_for_before_a_registry_that_hangs_is(ports: Ports) -> None:
    automated(ports, "http://127.0.0.1:1/app.git")
    with hanging() as server:
        image = f"{server.address}/app"
        ports.objects.put(in_other_namespace(document("ImageRepository", image=image, interval="1m", timeout="1s")))
        calls = reconciled(ports, change("ImageRepository", OTHER), change("ImageUpdateAutomation", APP))
        assert server.taken != []
    assert calls.index("selections.request_run") < calls.index("registry.list_tags")


def test_a_policy_of_another_repository_is_evaluated_before_a_registry_that_hangs_is_asked(
    ports: Ports, registry: Registry
) -> None:
    watched(ports, registry)
    scan(ports)
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "<1.5.0"}})
    ports.objects.put(policy)
    with hanging() as server:
        image = f"{server.address}/app"
        ports.objects.put(in_other_namespace(document("ImageRepository", image=image, interval="1m", timeout="1s")))
        calls = reconciled(ports, change("ImageRepository", OTHER), change("ImagePolicy", APP))
    assert calls.index("selections.put_each") < calls.index("registry.list_tags")
    found = ports.selections.get(APP)
    assert found is not None
    assert found.ref.tag == "v1.4.0"


def test_a_policy_whose_repository_changed_too_is_evaluated_once_and_after_the_scan(
    ports: Ports, registry: Registry
) -> None:
    watched(ports, registry)
    begin = ports.clock.now()
    reconciled(ports, change("ImageRepository", APP), change("ImagePolicy", APP))
    assert reason(ports, "ImagePolicy") == "Succeeded"
    recorded = [one for one in ports.ledger.read(begin, ports.clock.now()) if one.kind == "ImagePolicy"]
    assert [one.reason for one in recorded] == ["Succeeded"]


def test_a_changed_policy_is_evaluated_although_the_scan_of_its_changed_repository_fails(
    ports: Ports, registry: Registry
) -> None:
    watched(ports, registry)
    scan(ports)
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "<1.5.0"}})
    ports.objects.put(policy)
    del registry.repositories["app"]
    reconciled(ports, change("ImageRepository", APP), change("ImagePolicy", APP))
    assert reason(ports, "ImageRepository") == "ReadOperationFailed"
    found = ports.selections.get(APP)
    assert found is not None
    assert found.ref.tag == "v1.4.0"


def test_the_policies_of_a_deleted_repository_are_evaluated_without_reading_all_policies(
    ports: Ports, registry: Registry
) -> None:
    watched(ports, registry)
    scan(ports)
    other = document("ImagePolicy", imageRepositoryRef={"name": "app", "namespace": "ns"}, policy={"alphabetical": {}})
    ports.objects.put(in_other_namespace(other))
    ports.objects.delete("ImageRepository", APP)
    calls = reconciled(ports, replace(change("ImageRepository", APP), is_removed=True))
    assert "objects.list" not in calls
    assert reason(ports, "ImagePolicy") == "DependencyNotReady"
    found = ports.objects.get("ImagePolicy", OTHER)
    assert found is not None
    assert found.status["conditions"] != [], "one of another namespace, too"
