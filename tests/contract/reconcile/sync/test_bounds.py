"""A sync deletes, stores and tells nothing beyond what it may: prune, tenants, Secrets, objects that stay."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.mortal_ports import Life
from tests.contract.reconcile.sync.fleet import IMAGE, Fleet, policy, repository

SECRET = {"apiVersion": "v1", "kind": "Secret"}


def test_prune_deletes_what_vanished_and_nothing_else(fleet: Fleet) -> None:
    theirs = {"name": "theirs", "namespace": "apps"}
    spec = {"image": "registry.example/theirs", "interval": "5m"}
    fleet.ports.objects.put({"apiVersion": IMAGE, "kind": "ImageRepository", "metadata": theirs, "spec": spec})
    kept = repository("kept").replace(
        "namespace: apps}", "namespace: apps, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}"
    )
    fleet.commit({"fleet/kept.yaml": kept})
    fleet.sync()
    fleet.commit({"fleet/policy.yaml": None, "fleet/kept.yaml": None})
    fleet.sync()
    assert fleet.names() == ["ImageRepository/kept", "ImageRepository/theirs", "ImageRepository/web"]
    assert fleet.told()[-1][1] == "ImagePolicy/apps/web deleted"


def test_a_copy_with_the_labels_of_a_kustomization_is_neither_pruned_nor_drift(fleet: Fleet) -> None:
    fleet.sync()
    stored = fleet.get("ImagePolicy", "web")
    assert stored is not None
    copy: dict[str, Any] = json.loads(json.dumps(stored.document))
    copy["metadata"]["name"] = "copy"
    fleet.ports.objects.put(copy)
    fleet.sync()
    fleet.commit({"fleet/policy.yaml": None})
    fleet.sync()
    assert fleet.names() == ["ImageRepository/web", "ImagePolicy/copy"]
    assert [message for _, message in fleet.told()[1:]] == ["ImagePolicy/apps/web deleted"]


def test_an_object_of_another_namespace_is_refused_where_references_to_others_are(fleet: Fleet) -> None:
    provider = (
        "apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Provider\n"
        "metadata: {name: p, namespace: payments}\n"
        "spec: {type: generic, address: https://evil.example, secretRef: {name: prod-login}}\n"
    )
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system, namespace: flux-system}\n"
    own = policy("own").replace("namespace: apps", "namespace: flux-system")
    tenant = replace(fleet.ports, no_cross_namespace_refs=True)
    fleet.kustomization(path="tenant", serviceAccountName="tenant")
    fleet.commit({"tenant/own.yaml": own, "tenant/p.yaml": provider, "tenant/ns.yaml": namespace})
    fleet.sync(tenant)
    blocked = "cross-namespace references have been blocked"
    assert fleet.ready() == (
        "False",
        "BuildFailed",
        f"tenant/ns.yaml:1: can't apply 'Namespace flux-system/flux-system', {blocked}"
        f"; tenant/p.yaml:1: can't apply 'Provider payments/p', {blocked}",
    )
    assert [*fleet.ports.objects.list("Provider"), *fleet.ports.objects.list("Namespace"), *fleet.names()] == []
    fleet.commit({"tenant/p.yaml": None, "tenant/ns.yaml": None})
    fleet.sync(tenant)
    assert fleet.names() == ["ImagePolicy/own"]


def test_a_patch_that_makes_a_secret_of_an_object_stores_none(fleet: Fleet) -> None:
    to_secret = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in SECRET.items()]
    fleet.kustomization(patches=[{"patch": json.dumps(to_secret), "target": {"kind": "ImagePolicy"}}])
    fleet.sync()
    assert fleet.ready()[2].endswith("; not synced from Git: 1 Secret")
    assert fleet.names() == ["ImageRepository/web"]
    assert len(fleet.status()["inventory"]["entries"]) == 1


def annotated(name: str, note: str) -> str:
    written = f"namespace: apps, annotations: {{kustomize.toolkit.fluxcd.io/{note}}}}}"
    return repository(name).replace("namespace: apps}", written)


def assert_idle(fleet: Fleet) -> None:
    """A sync of the same commit neither fetches files nor writes."""
    life = Life()
    fleet.sync(life.ports(fleet.ports))
    assert {one.split(".")[1] for one in life.calls} & {
        "fetch",
        "files",
        "put",
        "put_statuses",
        "record",
    } == set()


@pytest.mark.parametrize("prune", [True, False])
def test_an_object_that_stays_is_no_reason_for_a_build_nor_for_an_event(fleet: Fleet, prune: bool) -> None:
    fleet.kustomization(prune=prune)
    fleet.commit({"fleet/kept.yaml": annotated("kept", "prune: disabled") if prune else repository("kept")})
    fleet.sync()
    revision = fleet.commit({"fleet/kept.yaml": None})
    fleet.sync()
    assert_idle(fleet)
    assert fleet.names() == ["ImageRepository/kept", "ImageRepository/web", "ImagePolicy/web"]
    assert fleet.told()[-1][1] == f"Applied revision: {revision}"


def test_an_object_of_somebody_else_that_is_left_alone_is_never_told_nor_pruned(fleet: Fleet) -> None:
    spec = {"image": "registry.example/theirs", "interval": "9m"}
    metadata = {"name": "theirs", "namespace": "apps"}
    fleet.ports.objects.put({"apiVersion": IMAGE, "kind": "ImageRepository", "metadata": metadata, "spec": spec})
    before = fleet.get("ImageRepository", "theirs")
    fleet.sync()
    revisions = [fleet.commit({"fleet/theirs.yaml": annotated("theirs", "ssa: IfNotPresent")})]
    fleet.sync()
    assert_idle(fleet)
    revisions.append(fleet.commit({"fleet/theirs.yaml": None}))
    fleet.sync()
    assert_idle(fleet)
    assert fleet.get("ImageRepository", "theirs") == before
    assert [message for _, message in fleet.told()[1:]] == [f"Applied revision: {one}" for one in revisions]
