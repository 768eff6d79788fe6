"""Reflecting tags on a real table and a real registry: who may refer to what, digests, requests, events, status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.reconciling import APP, document, reason, scan, selected, watched
from tests.embedded.registry import Registry

OTHER = NamespacedName("tenant", "app")
REQUESTED = "reconcile.fluxcd.io/requestedAt"


def status(ports: Ports, kind: str, key: NamespacedName = APP) -> Mapping[str, Any]:
    stored = ports.objects.get(kind, key)
    assert stored is not None
    return stored.status


def message(ports: Ports, kind: str, key: NamespacedName = APP) -> str:
    return str(next(one["message"] for one in status(ports, kind, key)["conditions"] if one["type"] == "Ready"))


def evaluate(ports: Ports, key: NamespacedName = APP) -> None:
    evaluate_policies([key], Cause(text="test"), ports.clock.monotonic_s() + 30, ports)


def repository(ports: Ports, registry: Registry, **spec: Any) -> None:
    ports.objects.put(document("ImageRepository", image=f"{registry.address}/app", interval="1m", **spec))


def policy(ports: Ports, **spec: Any) -> None:
    ports.objects.put(
        document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}}, **spec)
    )


def tenant(ports: Ports, labels: Mapping[str, str]) -> None:
    """A policy in another namespace that refers to the repository."""
    # Stored as apply stores it: a Namespace stands in itself.
    metadata = {"name": "tenant", "namespace": "tenant", "labels": dict(labels)}
    ports.objects.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    foreign = document(
        "ImagePolicy", imageRepositoryRef={"name": "app", "namespace": "ns"}, policy={"semver": {"range": "1.x"}}
    )
    ports.objects.put({**foreign, "metadata": {"name": "app", "namespace": "tenant"}})


@pytest.mark.parametrize(
    ("access_from", "expected"),
    [
        (
            None,
            "access denied: 'ns/app' can't be accessed due to missing ACL labels on 'accessFrom'",
        ),
        (
            [{"matchLabels": {"team": "blue"}}],
            "access denied: 'ns/app' can't be accessed due to ACL labels mismatch on namespace 'tenant'",
        ),
        ([{"matchLabels": {"team": "blue"}}, {"matchLabels": {"team": "red"}}], "Latest image tag for"),
        ([{"matchLabels": {"kubernetes.io/metadata.name": "tenant"}}], "Latest image tag for"),
        ([{}], "Latest image tag for"),
    ],
)
def test_a_policy_of_another_namespace_needs_access(
    ports: Ports, registry: Registry, access_from: list[Any] | None, expected: str
) -> None:
    access = {} if access_from is None else {"accessFrom": {"namespaceSelectors": access_from}}
    repository(ports, registry, **access)
    tenant(ports, {"team": "red"})
    scan(ports)
    assert message(ports, "ImagePolicy", OTHER).startswith(expected)


def test_a_policy_of_another_namespace_is_refused_where_such_references_are_blocked(
    ports: Ports, registry: Registry
) -> None:
    ports = replace(ports, no_cross_namespace_refs=True)
    repository(ports, registry, accessFrom={"namespaceSelectors": [{}]})
    tenant(ports, {})
    policy(ports)
    scan(ports)
    assert reason_of(ports, OTHER) == "AccessDenied"
    assert message(ports, "ImagePolicy", OTHER) == (
        "cannot access 'ImageRepository/ns/app', cross-namespace references have been blocked"
    )
    assert ports.selections.get(OTHER) is None
    # A policy beside its repository is selected for as ever.
    assert selected(ports) == "v1.29.0"


def test_access_that_was_taken_back_keeps_the_last_selection(ports: Ports, registry: Registry) -> None:
    repository(ports, registry, accessFrom={"namespaceSelectors": [{"matchLabels": {"team": "red"}}]})
    tenant(ports, {"team": "red"})
    scan(ports)
    repository(ports, registry)
    evaluate(ports, OTHER)
    found = ports.selections.get(OTHER)
    assert reason_of(ports, OTHER) == "AccessDenied"
    assert (found and found.ref.tag) == "v1.29.0"


def reason_of(ports: Ports, key: NamespacedName) -> str:
    return str(next(one["reason"] for one in status(ports, "ImagePolicy", key)["conditions"] if one["type"] == "Ready"))


def test_a_handled_request_is_named_in_the_status_of_repository_and_policy(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    scan(ports)
    for kind in ("ImageRepository", "ImagePolicy"):
        ports.objects.annotate(kind, APP, {REQUESTED: "2026-01-01T00:00:00Z"})
    scan(ports)
    evaluate(ports)
    handled = [status(ports, kind)["lastHandledReconcileAt"] for kind in ("ImageRepository", "ImagePolicy")]
    assert handled == ["2026-01-01T00:00:00Z"] * 2


def test_a_newer_tag_is_reported_with_the_one_before(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    scan(ports)
    registry.add_tags("app", ["v1.30.0"])
    scan(ports)
    image = f"{registry.address}/app"
    assert status(ports, "ImagePolicy")["latestRef"] == {"name": image, "tag": "v1.30.0"}
    assert status(ports, "ImagePolicy")["observedPreviousRef"] == {"name": image, "tag": "v1.29.0"}
    assert (
        message(ports, "ImagePolicy")
        == f"Latest image tag for {image} resolved to v1.30.0 (previously {image}:v1.29.0)"
    )


def test_only_what_is_new_becomes_an_event(ports: Ports, registry: Registry) -> None:
    begin = datetime.now(UTC) - timedelta(minutes=1)
    watched(ports, registry)
    for _ in range(3):
        scan(ports)
    repository(ports, registry, exclusionList=["("])
    for _ in range(3):
        scan(ports)
    repository(ports, registry)
    for _ in range(3):
        scan(ports)
    events = [(one.kind, one.reason) for one in ports.ledger.read(begin, datetime.now(UTC))]
    assert sorted(events) == [
        ("ImagePolicy", "Succeeded"),
        ("ImageRepository", "ReadOperationFailed"),
        ("ImageRepository", "Succeeded"),
        ("ImageRepository", "Succeeded"),
    ]


def test_a_suspended_repository_and_a_suspended_policy_are_left_alone(ports: Ports, registry: Registry) -> None:
    repository(ports, registry, suspend=True)
    policy(ports)
    assert scan(ports) == frozenset()
    repository(ports, registry)
    policy(ports, suspend=True)
    assert scan(ports) == frozenset()
    assert selected(ports) == ""


def test_excluded_tags_are_never_selected(ports: Ports, registry: Registry) -> None:
    repository(ports, registry, exclusionList=[r"^v1\.29\.", r"^v1\.28\."])
    policy(ports)
    scan(ports)
    result = status(ports, "ImageRepository")
    assert selected(ports) == "v1.27.0"
    assert result["lastScanResult"]["tagCount"] == 28
    assert result["observedExclusionList"] == [r"^v1\.29\.", r"^v1\.28\."]


@pytest.mark.parametrize(
    ("reflection", "moved"),
    [
        ({}, ("", "")),
        ({"digestReflectionPolicy": "IfNotPresent"}, ("first", "first")),
        ({"digestReflectionPolicy": "Always", "interval": "10m"}, ("first", "second")),
    ],
)
def test_a_tag_that_moves_is_seen_by_always_only(
    ports: Ports, registry: Registry, reflection: Mapping[str, str], moved: tuple[str, str]
) -> None:
    digests = {"": ""}
    digests[registry.add_tags("app", ["v1.29.0"], b'{"first":1}')] = "first"
    repository(ports, registry)
    policy(ports, **reflection)
    scan(ports)
    before = digest(ports)
    digests[registry.add_tags("app", ["v1.29.0"], b'{"second":2}')] = "second"
    evaluate(ports)
    assert (digests[before], digests[digest(ports)]) == moved


def digest(ports: Ports) -> str:
    found = ports.selections.get(APP)
    assert found is not None
    return found.ref.digest


def test_a_digest_that_cannot_be_read_keeps_the_last_one(ports: Ports, registry: Registry) -> None:
    repository(ports, registry)
    policy(ports, digestReflectionPolicy="Always", interval="10m")
    scan(ports)
    before = digest(ports)
    del registry.repositories["app"].tags["v1.29.0"]
    evaluate(ports)
    assert reason(ports, "ImagePolicy") == "Failed"
    assert digest(ports) == before


def test_without_reflection_the_digest_is_dropped(ports: Ports, registry: Registry) -> None:
    repository(ports, registry)
    policy(ports, digestReflectionPolicy="IfNotPresent")
    scan(ports)
    assert digest(ports)
    policy(ports, digestReflectionPolicy="Never")
    evaluate(ports)
    assert digest(ports) == ""
