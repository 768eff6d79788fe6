"""What is left of deleted objects goes, however many there are, and holds up nothing that is due."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.reconcile import handlers
from tagstream.reconcile.receive.paths import publish_receiver
from tagstream.reconcile.scan.repositories import scan_repositories
from tests.contract.reconciling import APP, TRIGGER, Silent, automated, document, watched
from tests.contract.webhook_front import Front
from tests.embedded.registry import Registry

KINDS = ("ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "GitRepository", "Receiver", "Namespace")
TICK = {"tagstream": "tick"}


def items(table: Table) -> list[keys.Item]:
    """Everything in the table."""
    pages = table.client.get_paginator("scan").paginate(TableName=table.name)
    return [item for page in pages for item in page["Items"]]


def preview(ports: Ports, registry: Registry, namespace: str) -> None:
    """One object of every kind, as an environment of a pull request has them."""
    documents = [
        {"apiVersion": "v1", "kind": "Namespace"},
        document("ImageRepository", image=f"{registry.address}/app", interval="1h"),
        document(
            "ImagePolicy",
            imageRepositoryRef={"name": "app"},
            policy={"semver": {"range": "1.x"}},
            digestReflectionPolicy="Always",
            interval="10m",
        ),
        document("GitRepository", "source.toolkit.fluxcd.io/v1", url="http://127.0.0.1:1/x.git", interval="1m"),
        document(
            "ImageUpdateAutomation",
            interval="1h",
            sourceRef={"kind": "GitRepository", "name": "app"},
            git={"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "b@c"}}},
        ),
        document(
            "Receiver",
            "notification.toolkit.fluxcd.io/v1",
            type="generic",
            secretRef={"name": "hook"},
            resources=[{"kind": "ImageRepository", "name": "*"}],
        ),
    ]
    for one in documents:
        stored = ports.objects.put({**one, "metadata": {"name": "app", "namespace": namespace}})
        if stored.kind == "Receiver":
            publish_receiver(stored, ports)


def test_nothing_is_left_of_objects_that_were_used_and_deleted_but_what_expires(
    table: Table, silent: Silent, ports: Ports, registry: Registry
) -> None:
    names = [NamespacedName(f"preview-{number}", "app") for number in range(5)]
    for key in names:
        silent.secrets[NamespacedName(key.namespace, "hook")] = {"token": b"a-token-of-the-receiver"}
        preview(ports, registry, key.namespace)
    scan_repositories(names, TRIGGER, ports.clock.monotonic_s() + 60, ports)
    front = Front(table, "generic")
    front.ports = ports
    for key in names:
        (path,) = ports.deliveries.paths(key)
        assert front.send({"image": f"{registry.address}/app", "tag": "v1.0.0"}, path=path)["statusCode"] == 200
    handlers.scan(TICK, 60_000, ports)
    for key in names:
        run_one(ports, key)
        for kind in KINDS:
            ports.objects.delete(kind, key)
    # The front's own objects are of no interest here.
    for kind, name in (("Receiver", "hook"), ("ImageRepository", "app")):
        ports.objects.delete(kind, NamespacedName("ns", name))
    handlers.scan(TICK, 60_000, ports)
    # The agenda forgets the names at its next sweep; the schema is the table's own.
    left = [item for item in items(table) if "expiresAt" not in item]
    assert {keys.read_text(item, "pk") for item in left} <= {"agenda", "schema"}


def run_one(ports: Ports, key: NamespacedName) -> None:
    """A run of an automation, whose Git server is not there."""
    handlers.update(
        {
            "Records": [
                {
                    "eventSource": "aws:dynamodb",
                    "dynamodb": {"SequenceNumber": "1", "NewImage": keys.run(key) | {"t": keys.text(keys.RUN)}},
                }
            ]
        },
        60_000,
        "worker",
        ports,
    )


def test_an_index_goes_with_its_last_policy(table: Table, ports: Ports) -> None:
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"alphabetical": {}})
    ports.objects.put(policy)
    ports.objects.put({**policy, "metadata": {"name": "other", "namespace": "ns"}})
    ports.objects.delete("ImagePolicy", APP)
    assert [one.key.name for one in ports.objects.policies_of(APP)] == ["other"]
    moved = {**policy, "metadata": {"name": "other", "namespace": "ns"}}
    ports.objects.put({**moved, "spec": {**moved["spec"], "imageRepositoryRef": {"name": "elsewhere"}}})
    left = {keys.read_text(item, "pk") for item in items(table)}
    assert "policies#ns/app" not in left
    assert "policies#ns/elsewhere" in left


def thousands_of_names(ports: Ports, count: int) -> None:
    """Names of deleted objects, as a person leaves them who removes all previews at once."""
    now = ports.clock.now()
    kinds = ("ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "Receiver")
    names = [NamespacedName(f"preview-pr-{number:05d}", "app") for number in range(count)]
    ports.agenda.note({ObjectName(kind=kind, key=key): Times(last=now, due=now) for kind in kinds for key in names})


def test_names_of_many_deleted_objects_hold_up_nothing_that_is_due(
    table: Table, ports: Ports, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.reconcile.scan.tick.CLEAN_UP_S", 0.0)
    handlers.scan(TICK, 60_000, ports)
    watched(ports, registry)
    automated(ports, "http://127.0.0.1:1/x.git")
    thousands_of_names(ports, 3_000)
    handlers.scan(TICK, 60_000, ports)
    assert list(table.query("run#ns")) != []
    scanned = ports.objects.get("ImageRepository", APP)
    assert scanned is not None
    assert "lastScanResult" in scanned.status
    # Nothing of it is forgotten before it is cleaned up, and every item has room for its names.
    assert len(ports.agenda.read().times) >= 12_000


def test_what_a_tick_had_no_time_to_clean_up_the_next_ones_do(
    table: Table, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers.scan(TICK, 60_000, ports)
    thousands_of_names(ports, 20)
    table.put(keys.selection(NamespacedName("preview-pr-00007", "app")) | {"t": keys.text(keys.SELECTION)})
    monkeypatch.setattr("tagstream.reconcile.scan.tick.CLEAN_UP_S", 0.0)
    handlers.scan(TICK, 60_000, ports)
    assert list(table.query("selection#preview-pr-00007")) != []
    monkeypatch.undo()
    handlers.scan(TICK, 60_000, ports)
    assert list(table.query("selection#preview-pr-00007")) == []
    assert ports.agenda.read().times == {}


def test_what_nobody_had_time_to_clean_up_is_not_forgotten_by_the_look_at_every_object(
    table: Table, ports: Ports
) -> None:
    thousands_of_names(ports, 20)
    table.put(keys.selection(NamespacedName("preview-pr-00007", "app")) | {"t": keys.text(keys.SELECTION)})
    handlers.scan(TICK, 60_000, ports)
    assert list(table.query("selection#preview-pr-00007")) == []
    assert ports.agenda.read().times == {}


def test_one_object_that_cannot_be_cleaned_up_keeps_no_other_from_it(ports: Ports) -> None:
    handlers.scan(TICK, 60_000, ports)
    thousands_of_names(ports, 5)

    class Refusing:
        """Objects, of which the table does not let one go."""

        def __getattr__(self, name: str) -> Any:
            return getattr(ports.objects, name)

        def delete_derived(self, kind: str, key: NamespacedName) -> None:
            if key.namespace == "preview-pr-00002":
                raise RetryableError("throttled", reason="StorageOperationFailed")
            ports.objects.delete_derived(kind, key)

    objects: Any = Refusing()
    handlers.scan(TICK, 60_000, replace(ports, objects=objects))
    assert {name.key.namespace for name in ports.agenda.read().times} == {"preview-pr-00002"}
