"""What automations that are prepared together read is read once, however many they are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tagstream.domain.objects.model import (
    ImageRef,
    ImageUpdateAutomation,
    LabelRequirement,
    LabelSelector,
    Metadata,
    NamespacedName,
    Revision,
    SourceRef,
)
from tagstream.ports.leases import LastHolder, Lease
from tagstream.ports.objects import Document, StoredObject
from tagstream.ports.selections import Selection
from tagstream.reconcile.update.snapshot import Snapshot
from tests.unit.domain.update.test_departure import NOW


def policy(namespace: str, name: str, **labels: str) -> StoredObject:
    metadata = {"namespace": namespace, "name": name, "labels": labels}
    spec = {"imageRepositoryRef": {"name": name}, "policy": {"alphabetical": {}}}
    document = {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy", "metadata": metadata, "spec": spec}
    return StoredObject(kind="ImagePolicy", key=NamespacedName(namespace, name), document=document, status={})


def automation(namespace: str, selector: LabelSelector | None = None) -> ImageUpdateAutomation:
    key = NamespacedName(namespace, "all")
    return ImageUpdateAutomation(
        metadata=Metadata(key=key),
        dialect="v1",
        source=SourceRef(kind="GitRepository", key=key),
        interval_s=60.0,
        policy_selector=selector,
    )


POLICIES = (
    policy("apps", "a", team="x", tier="web"),
    policy("apps", "b", team="x"),
    policy("apps", "c", team="y"),
    policy("infra", "d", team="x"),
)


def ports_that_count(read: list[str]) -> Any:
    def selections(namespace: str, *, may_lag: bool) -> dict[NamespacedName, Selection]:
        read.append(namespace)
        keys = [one.key for one in POLICIES if one.key.namespace == namespace]
        return {
            key: Selection(
                policy=key,
                ref=ImageRef(name=key.name, tag="1"),
                previous=None,
                tags_revision=Revision(""),
                policy_generation=1,
                selected_at=NOW,
                cause="",
            )
            for key in keys
        }

    def documents_of(kind: str, *, may_lag: bool) -> dict[NamespacedName, Document]:
        read.append(kind)
        return {one.key: one.document for one in POLICIES}

    holders = {"host/app#main": LastHolder(fence=7, has_intents=True)}
    return SimpleNamespace(
        objects=SimpleNamespace(documents_of=documents_of, documents=lambda names: {}),
        selections=SimpleNamespace(list=selections),
        leases=SimpleNamespace(last_holders=lambda targets: holders),
        clock=SimpleNamespace(monotonic_s=lambda: 0.0),
        log=None,
    )


def test_policies_and_selections_are_read_once_for_all_automations() -> None:
    read: list[str] = []
    snapshot = Snapshot(ports_that_count(read))
    for namespace in ("apps", "infra", "apps"):
        assert {key.namespace for key in snapshot.admitted(automation(namespace))} == {namespace}
        assert len(snapshot.known_policies) == len(POLICIES)
    assert read == ["apps", "ImagePolicy", "infra"]


def test_a_selector_admits_the_policies_of_its_own_namespace_that_have_the_labels() -> None:
    snapshot = Snapshot(ports_that_count([]))

    def admitted(selector: LabelSelector) -> list[str]:
        return sorted(key.name for key in snapshot.admitted(automation("apps", selector)))

    has_tier = LabelRequirement(key="tier", operator="Exists")
    assert admitted(LabelSelector()) == ["a", "b", "c"]
    assert admitted(LabelSelector(match_labels={"team": "x"})) == ["a", "b"]
    assert admitted(LabelSelector(match_labels={"team": "x"}, match_expressions=(has_tier,))) == ["a"]
    assert admitted(LabelSelector(match_expressions=(has_tier,))) == ["a"]
    assert admitted(LabelSelector(match_labels={"team": "nobody"})) == []


def test_a_snapshot_is_good_for_the_lease_that_follows_the_last_holder_it_has_seen() -> None:
    snapshot = Snapshot(ports_that_count([]))
    assert not snapshot.is_current(lease(8))
    snapshot.read_branches([automation("apps")])
    assert snapshot.is_current(lease(8))
    assert not snapshot.is_current(lease(9))


def test_a_branch_is_in_doubt_while_its_last_holder_has_left_commits() -> None:
    snapshot = Snapshot(ports_that_count([]))
    snapshot.read_branches([automation("apps")])
    assert snapshot.is_in_doubt("host/app#main")
    assert snapshot.is_in_doubt("a branch that was not read")


def lease(fence: int) -> Lease:
    return Lease(target="host/app#main", owner="worker", fence=fence, expires_at=NOW)
