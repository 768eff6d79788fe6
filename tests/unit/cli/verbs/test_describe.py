"""``tagstream describe`` shows all that is known of an object on one page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tagstream.domain.objects.model import ImageRef, NamespacedName, Revision
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.selections import Selection, Waiting
from tagstream.ports.webhook import LastDelivery
from tests.unit.cli.memory_ports import NOW, MemoryPorts, command
from tests.unit.cli.verbs.test_get import READY, add, stored

APP = NamespacedName("flux-system", "app")
COMMIT = "89abcdef" * 5


def section(out: str, title: str) -> list[str]:
    """The lines below a title."""
    lines = out.partition(f"{title}:\n")[2].splitlines()
    return [line.strip() for line in lines[: next((at for at, one in enumerate(lines) if one[:1] != " "), len(lines))]]


def entry(kind: str, key: NamespacedName, reason: str, **facts: object) -> LedgerEntry:
    return LedgerEntry(
        at=NOW - timedelta(minutes=10),
        kind=kind,
        key=key,
        severity="info",
        reason=reason,
        message=f"message of {reason}",
        cause="d-1",
        facts=facts,
    )


def fleet() -> MemoryPorts:
    scan = {"scanTime": "2026-01-02T03:00:05Z", "tagCount": 2}
    ports = stored(
        "ImageRepository", "app", {"conditions": [READY], "lastScanResult": scan}, image="ghcr.io/a/app", interval="1m"
    )
    add(
        ports,
        "ImagePolicy",
        "app",
        {"conditions": [READY], "latestRef": {"name": "ghcr.io/a/app", "tag": "1.1.0"}},
        imageRepositoryRef={"name": "app"},
        policy={"semver": {"range": "1.x"}},
    )
    add(ports, "ImageUpdateAutomation", "apps", {"conditions": [READY | {"message": "repository up-to-date"}]})
    ports.tags.lists[APP] = ("1.0.0", "1.1.0")
    ports.agenda.times[ObjectName(kind="ImageRepository", key=APP)] = Times(
        last=NOW - timedelta(minutes=2), due=NOW + timedelta(minutes=3)
    )
    ports.ledger.record(
        [
            entry("Receiver", NamespacedName("flux-system", "quay"), "Push", repositories=[str(APP)], tags=["1.1.0"]),
            entry(
                "ImageUpdateAutomation",
                NamespacedName("flux-system", "apps"),
                "Succeeded",
                commit=COMMIT,
                branch="main",
                selections=[{"policy": str(APP), "tag": "1.1.0"}],
            ),
            entry("ImagePolicy", APP, "Selected"),
        ]
    )
    return ports


def test_the_head_has_labels_annotations_and_whether_it_is_suspended() -> None:
    ports = fleet()
    command("suspend", "image", "repository", "app", ports=ports)
    out = command("describe", "image", "repository", "app", ports=ports).out
    assert out.startswith(
        "Name:         app\nNamespace:    flux-system\nKind:         ImageRepository (image.toolkit.fluxcd.io/v1)\n"
        "Generation:   2\nSuspended:    True\nLabels:       <none>\nAnnotations:  tagstream.dev/suspended="
    )


def test_spec_and_status_are_whole() -> None:
    out = command("describe", "image", "repository", "app", ports=fleet()).out
    assert section(out, "Spec") == ["image: ghcr.io/a/app", "interval: 1m"]
    assert section(out, "Status")[0] == f"Ready: True (Succeeded, since 0s): {READY['message']}"
    assert "tagCount: 2" in section(out, "Status")


def test_a_repository_has_its_scans_and_the_deliveries_that_named_it() -> None:
    out = command("describe", "image", "repository", "app", ports=fleet()).out
    assert section(out, "Scans") == ["last 2m ago", "next 2026-01-02T03:07:05Z"]
    assert section(out, "Deliveries") == ["10m ago by Receiver quay: 1.1.0 (id d-1)"]


def test_a_policy_has_what_it_selects_what_its_gates_say_and_the_commits_that_set_it() -> None:
    ports = fleet()
    ref = ImageRef(name="ghcr.io/a/app", tag="1.1.0")
    ports.selections.selected[APP] = Selection(
        policy=APP,
        ref=ref,
        previous=replace(ref, tag="1.0.0"),
        tags_revision=Revision("sha256:0"),
        policy_generation=1,
        selected_at=NOW - timedelta(hours=1),
        cause="d-1",
    )
    command("hold", "policy", "app", "--reason", "incident", "--no-wait", ports=ports)
    out = command("describe", "image", "policy", "app", ports=ports).out
    assert section(out, "Selection")[:2] == ["selected ghcr.io/a/app:1.1.0 60m ago (cause d-1)", "before 1.0.0"]
    assert "incident" in " ".join(section(out, "Selection"))
    assert section(out, "Commits") == ["10m ago 89abcdef to main by ImageUpdateAutomation apps"]


def test_a_policy_that_can_select_nothing_says_why() -> None:
    ports = fleet()
    ports.tags.lists[APP] = ("2.0.0",)
    out = command("describe", "image", "policy", "app", ports=ports).out
    assert section(out, "Selection") == ["unable to determine latest version from provided list"]
    ports.tags.lists.clear()
    out = command("describe", "image", "policy", "app", ports=ports).out
    assert section(out, "Selection")[0].startswith("cannot be evaluated: no tags of ImageRepository/flux-system/app")


def failed(ports: MemoryPorts, kind: str, name: str, message: str, **spec: object) -> None:
    add(ports, kind, name, {"conditions": [READY | {"status": "False", "message": message}]}, **spec)


def test_a_failure_has_advice_that_names_the_field_and_its_value() -> None:
    ports = fleet()
    source = {"kind": "GitRepository", "name": "apps"}
    add(ports, "GitRepository", "apps", {}, url="https://example.com/a.git", secretRef={"name": "login"})
    failed(ports, "ImageUpdateAutomation", "apps", "authentication required: HTTP status 401", sourceRef=source)
    out = command("describe", "image", "update", "apps", ports=ports).out
    assert section(out, "Advice") == [
        "the host of 'https://example.com/a.git' refuses the login in Secret/flux-system/login (spec.secretRef.name of"
        " GitRepository/flux-system/apps)"
    ]


def test_a_policy_without_tags_has_the_failure_of_its_repository() -> None:
    ports = fleet()
    ports.tags.lists.clear()
    failed(ports, "ImageRepository", "app", "scan failed: connection refused", image="ghcr.io/a/app", interval="1m")
    spec = {"imageRepositoryRef": {"name": "app"}, "policy": {"semver": {"range": "1.x"}}}
    failed(ports, "ImagePolicy", "app", "no tags in database", **spec)
    out = command("describe", "image", "policy", "app", ports=ports).out
    (line,) = section(out, "Advice")
    assert line.startswith("ImageRepository/flux-system/app is not ready: scan failed: connection refused (spec.image")


def test_a_policy_whose_range_admits_nothing_has_the_advice_of_explain() -> None:
    ports = fleet()
    spec = {"imageRepositoryRef": {"name": "app"}, "policy": {"semver": {"range": ">=5.0.0"}}}
    failed(ports, "ImagePolicy", "app", "unable to determine latest version from provided list", **spec)
    out = command("describe", "image", "policy", "app", ports=ports).out
    assert section(out, "Advice") == [
        "spec.policy.semver.range: '>=5.0.0' admits none of the 2 versions; the highest is 1.1.0"
    ]


def test_a_suspended_object_says_by_whom_and_what_ends_it() -> None:
    ports = fleet()
    command("suspend", "image", "update", "apps", "--reason", "incident 17", ports=ports)
    out = command("describe", "image", "update", "apps", ports=ports).out
    (line,) = section(out, "Advice")
    assert line.startswith("suspended by ")
    assert line.endswith(": incident 17; tagstream resume ends it")


def test_an_alert_names_a_provider_that_is_not_there_and_a_provider_has_the_failures_of_its_alerts() -> None:
    ports = stored("Alert", "chat", {}, providerRef={"name": "slack"})
    out = command("describe", "alert", "chat", ports=ports).out
    assert section(out, "Status") == ["none: it is read when it is used"]
    assert section(out, "Advice") == ["spec.providerRef.name 'slack': there is no such Provider, so nobody is told"]
    add(ports, "Provider", "slack", {}, type="slack")
    alert = NamespacedName("flux-system", "chat")
    ports.ledger.record([entry("Alert", alert, "NotificationDelayed", provider="flux-system/slack")])
    out = command("describe", "alert-provider", "slack", ports=ports).out
    assert "message of NotificationDelayed" in out.partition("Events:\n")[2]


def test_a_refused_delivery_has_no_id_and_names_the_secret() -> None:
    ports = stored("Receiver", "quay", {"conditions": [READY]}, type="quay", secretRef={"name": "token"})
    last = LastDelivery(at=NOW, sender="quay", delivery_id="", result="refused: token")
    ports.deliveries.deliveries["Receiver"] = {NamespacedName("flux-system", "quay"): last}
    out = command("describe", "receiver", "quay", ports=ports).out
    assert section(out, "Deliveries") == ["0s ago quay: refused: token"]
    assert "Secret/flux-system/token" in section(out, "Advice")[0]


def test_an_automation_has_why_it_waits_its_commits_and_its_events() -> None:
    ports = fleet()
    key = NamespacedName("flux-system", "apps")
    ports.selections.waits[key] = Waiting(since=NOW, until=NOW + timedelta(minutes=5), reason="until it is quiet")
    out = command("describe", "image", "update", "apps", ports=ports).out
    assert section(out, "Waits") == ["until it is quiet (2026-01-02T03:09:05Z)"]
    assert section(out, "Commits") == ["10m ago 89abcdef to main by ImageUpdateAutomation apps"]
    assert "message of Succeeded" in out.partition("Events:\n")[2]


def test_a_receiver_has_its_last_delivery() -> None:
    ports = stored("Receiver", "quay", {"conditions": [READY]})
    last = LastDelivery(at=NOW - timedelta(minutes=2), sender="quay", delivery_id="d-1", result="asked for a scan")
    ports.deliveries.deliveries["Receiver"] = {NamespacedName("flux-system", "quay"): last}
    out = command("describe", "receiver", "quay", ports=ports).out
    assert section(out, "Deliveries") == ["2m ago quay: asked for a scan (id d-1)"]
    assert out.endswith("Events: none within 24h\n")


def test_an_object_that_is_not_there_is_a_failure() -> None:
    assert command("describe", "source", "git", "x", ports=MemoryPorts()).code == 1
