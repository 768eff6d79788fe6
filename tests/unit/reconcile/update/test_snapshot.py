"""What automations that are prepared together read is read once, however many they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from tagstream.domain.objects.model import (
    GitRef,
    ImageRef,
    ImageUpdateAutomation,
    LabelRequirement,
    LabelSelector,
    Metadata,
    NamespacedName,
    Revision,
    SourceRef,
)
from tagstream.domain.update.destination import Destination
from tagstream.ports.agenda import ObjectName
from tagstream.ports.leases import LastHolder, Lease
from tagstream.ports.objects import Document, StoredObject
from tagstream.ports.schema import LABELS
from tagstream.ports.selections import Selection
from tagstream.reconcile.update.selected import Selected
from tagstream.reconcile.update.snapshot import FEW_AUTOMATIONS, FEW_POLICIES, Snapshot
from tests.unit.domain.update.test_departure import NOW


def policy(namespace: str, name: str, **labels: str) -> StoredObject:
    metadata = {"namespace": namespace, "name": name, "labels": labels}
    spec = {"imageRepositoryRef": {"name": name}, "policy": {"alphabetical": {}}}
    document = {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy", "metadata": metadata, "spec": spec}
    return StoredObject(kind="ImagePolicy", key=NamespacedName(namespace, name), document=document, status={})


def automation(namespace: str, selector: LabelSelector | None = None, name: str = "all") -> ImageUpdateAutomation:
    key = NamespacedName(namespace, name)
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


SOURCE: Document = {
    "apiVersion": "source.toolkit.fluxcd.io/v1",
    "kind": "GitRepository",
    "metadata": {"namespace": "apps", "name": "all"},
    "spec": {"url": "https://host/app", "ref": {"branch": "main"}, "interval": "1h"},
}
MAIN = Destination(
    url="https://host/app", checkout=GitRef(branch="main"), push_branch="main", refspec="", rebuilds_branch=False
)


def selected(key: NamespacedName) -> Selection:
    return Selection(
        policy=key,
        ref=ImageRef(name=key.name, tag="1"),
        previous=None,
        tags_revision=Revision(""),
        policy_generation=1,
        selected_at=NOW,
        cause="",
    )


def ports_that_count(read: list[str], *, schema: int = LABELS, stale: NamespacedName | None = None) -> Any:
    """Ports that note what is read; the entries of ``stale`` say that it has every label."""
    stored: dict[NamespacedName, Any] = {one.key: one.document for one in POLICIES}

    def selections(namespace: str, *, may_lag: bool) -> dict[NamespacedName, Selection]:
        read.append(namespace)
        return {key: selected(key) for key in stored if key.namespace == namespace}

    def some_selections(policies: Collection[NamespacedName], *, may_lag: bool) -> dict[NamespacedName, Selection]:
        read.append("selections by name")
        return {key: selected(key) for key in policies}

    def documents_of(kind: str, *, may_lag: bool) -> dict[NamespacedName, Document]:
        read.append(kind)
        return stored

    def documents(names: Collection[ObjectName], *, may_lag: bool = False) -> dict[ObjectName, Document]:
        wanted = [name for name in names if name.kind == "ImagePolicy"]
        read.extend(["by name"] if wanted else [])
        sources = {name: SOURCE for name in names if name.kind == "GitRepository"}
        return sources | {name: stored[name.key] for name in wanted if name.key in stored}

    def labelled(namespace: str, label: tuple[str, str], most: int, *, may_lag: bool) -> list[NamespacedName] | None:
        read.append("=".join(label))
        own = [key for key in stored if key.namespace == namespace]
        found = [key for key in own if key == stale or label in stored[key]["metadata"]["labels"].items()]
        return found if len(found) <= most else None

    def last_holders(targets: Collection[str], *, may_lag: bool) -> dict[str, LastHolder]:
        return {one: LastHolder(fence=7, has_intents=True) for one in targets}

    def labelled_each(namespace: str, labels: Collection[tuple[str, str]], *, may_lag: bool) -> Any:
        read.append(f"labels of {namespace}")
        owns = {key: stored[key]["metadata"]["labels"].items() for key in stored if key.namespace == namespace}
        return {label: [key for key, own in owns.items() if label in own] for label in labels}

    return SimpleNamespace(
        objects=SimpleNamespace(
            documents_of=documents_of, documents=documents, labelled=labelled, labelled_each=labelled_each
        ),
        selections=SimpleNamespace(list=selections, get_many=some_selections),
        leases=SimpleNamespace(last_holders=last_holders),
        schema=SimpleNamespace(version=lambda: schema),
        clock=SimpleNamespace(monotonic_s=lambda: 0.0),
        log=None,
    )


def admitted(snapshot: Snapshot, selector: LabelSelector) -> list[str]:
    return sorted(key.name for key in snapshot.admitted(automation("apps", selector)))


def test_policies_and_selections_are_read_once_for_all_automations() -> None:
    read: list[str] = []
    snapshot = Snapshot(ports_that_count(read))
    for namespace in ("apps", "infra", "apps"):
        assert {key.namespace for key in snapshot.admitted(automation(namespace))} == {namespace}
        snapshot.look_up([one.key for one in POLICIES])
        assert all(one.key in snapshot.known_policies for one in POLICIES)
    assert read == ["apps", "by name", "infra"]


def test_automations_that_see_the_same_policies_share_what_is_made_of_them() -> None:
    snapshot = Snapshot(ports_that_count([]))
    one, other = (snapshot.admitted(automation("apps")) for _ in range(2))
    assert one.observed is other.observed


def test_many_policies_are_read_in_pages_of_all() -> None:
    read: list[str] = []
    snapshot = Snapshot(ports_that_count(read))
    missing = [NamespacedName("apps", f"missing-{number}") for number in range(FEW_POLICIES + 1)]
    snapshot.look_up([*missing, POLICIES[0].key])
    assert POLICIES[0].key in snapshot.known_policies
    assert missing[0] not in snapshot.known_policies
    assert read == ["ImagePolicy"]


def test_a_label_that_few_policies_have_is_looked_up_and_its_policies_are_read_by_name() -> None:
    read: list[str] = []
    snapshot = Snapshot(ports_that_count(read))
    assert admitted(snapshot, LabelSelector(match_labels={"team": "x", "tier": "web"})) == ["a"]
    assert read == ["team=x", "by name", "selections by name"]


def test_an_entry_of_a_label_that_a_policy_has_not_any_more_does_not_count() -> None:
    snapshot = Snapshot(ports_that_count([], stale=POLICIES[2].key))
    assert admitted(snapshot, LabelSelector(match_labels={"team": "x"})) == ["a", "b"]


def test_a_look_that_may_lag_believes_the_entries_of_a_single_label() -> None:
    read: list[str] = []
    snapshot = Snapshot(ports_that_count(read), may_lag=True)
    assert admitted(snapshot, LabelSelector(match_labels={"team": "x"})) == ["a", "b"]
    assert read == ["team=x", "selections by name"]


def test_many_automations_with_selectors_share_one_look_at_all_policies() -> None:
    read: list[str] = []
    snapshot = Snapshot(ports_that_count(read))
    selector = LabelSelector(match_labels={"team": "x"})
    automations = [automation("apps", selector, f"auto-{number}") for number in range(FEW_AUTOMATIONS + 1)]
    snapshot.read_branches(automations)
    for one in automations:
        assert sorted(key.name for key in snapshot.admitted(one)) == ["a", "b"]
    assert read == ["apps", "ImagePolicy"]


def test_looks_of_many_automations_that_may_lag_share_one_look_at_the_labels() -> None:
    read: list[str] = []
    snapshot = Snapshot(ports_that_count(read), may_lag=True)
    selector = LabelSelector(match_labels={"team": "x"})
    automations = [automation("apps", selector, f"auto-{number}") for number in range(FEW_AUTOMATIONS + 1)]
    snapshot.read_branches(automations)
    for one in automations:
        assert sorted(key.name for key in snapshot.admitted(one)) == ["a", "b"]
    assert read == ["labels of apps", "selections by name"]


def test_selections_of_many_automations_with_several_labels_are_read_in_one_call_and_no_policies() -> None:
    read: list[str] = []
    snapshot = Snapshot(ports_that_count(read), may_lag=True)
    selectors = [LabelSelector(match_labels={"team": "x"}), LabelSelector(match_labels={"team": "x", "tier": "web"})]
    automations = [automation("apps", selectors[number % 2], f"auto-{number}") for number in range(FEW_AUTOMATIONS + 1)]
    snapshot.read_branches(automations)
    snapshot.look_ahead(automations)
    assert read == ["labels of apps", "selections by name"]
    for number, one in enumerate(automations):
        assert sorted(key.name for key in snapshot.admitted(one)) == (["a"] if number % 2 else ["a", "b"])
    assert read == ["labels of apps", "selections by name"]


def test_what_the_last_run_has_seen_is_read_again_only_of_policies_that_it_has_not_seen() -> None:
    read: list[str] = []
    snapshot = Snapshot(ports_that_count(read), may_lag=True)
    a, b, c = (NamespacedName("apps", name) for name in "abc")
    one = automation("apps", LabelSelector(match_labels={"team": "x"}))
    assert set(snapshot.admitted(one, Selected({key: selected(key) for key in (a, b, c)}))) == {a, b}
    assert read == ["team=x"]
    assert set(snapshot.admitted(one, Selected({a: selected(a)}))) == {a, b}
    assert read == ["team=x", "team=x", "selections by name"]


def test_a_table_of_an_older_schema_has_no_labels_to_look_up() -> None:
    read: list[str] = []
    snapshot = Snapshot(ports_that_count(read, schema=LABELS - 1))
    assert admitted(snapshot, LabelSelector(match_labels={"team": "x"})) == ["a", "b"]
    assert read == ["apps", "ImagePolicy"]


def test_a_selector_admits_the_policies_of_its_own_namespace_that_have_the_labels() -> None:
    snapshot = Snapshot(ports_that_count([]))
    has_tier = LabelRequirement(key="tier", operator="Exists")
    assert admitted(snapshot, LabelSelector()) == ["a", "b", "c"]
    assert admitted(snapshot, LabelSelector(match_labels={"team": "x"})) == ["a", "b"]
    assert admitted(snapshot, LabelSelector(match_labels={"team": "x"}, match_expressions=(has_tier,))) == ["a"]
    assert admitted(snapshot, LabelSelector(match_expressions=(has_tier,))) == ["a"]
    assert admitted(snapshot, LabelSelector(match_labels={"team": "nobody"})) == []


def test_a_snapshot_is_good_for_the_lease_that_follows_the_last_holder_it_has_seen() -> None:
    snapshot = Snapshot(ports_that_count([]))
    assert not snapshot.is_current(lease(8))
    snapshot.read_branches([automation("apps")])
    assert snapshot.is_current(lease(8))
    assert not snapshot.is_current(lease(9))


def test_a_branch_is_in_doubt_while_its_last_holder_has_left_commits() -> None:
    snapshot = Snapshot(ports_that_count([]))
    snapshot.read_branches([automation("apps")])
    assert snapshot.is_in_doubt(MAIN)
    assert snapshot.is_in_doubt(MAIN.named("a branch that was not read"))


def test_of_a_look_that_may_lag_only_a_template_is_in_doubt_since_a_branch_shows_its_head() -> None:
    snapshot = Snapshot(ports_that_count([]), may_lag=True)
    snapshot.read_branches([automation("apps")])
    assert not snapshot.is_in_doubt(MAIN)
    assert snapshot.is_in_doubt(replace(MAIN, push_branch="images/{{ .Policy }}", is_template=True))


def lease(fence: int) -> Lease:
    return Lease(target="host/app#main", owner="worker", fence=fence, expires_at=NOW)
