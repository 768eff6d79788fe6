"""``tagstream reconcile`` asks and waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tagstream.domain.objects.model import REQUESTED_AT, NamespacedName
from tagstream.ports.ledger import LedgerEntry
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import NOW, MemoryPorts, command

KEY = NamespacedName("flux-system", "app")


def ready(status: str, message: str = "m") -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": status, "message": message}]}


def answering(kind: str, status: Mapping[str, object], **spec: object) -> MemoryPorts:
    """Ports whose object is reconciled with this status as soon as it is asked for."""
    ports = MemoryPorts()
    metadata = {"name": "app", "namespace": "flux-system"}
    ports.objects.put({"kind": kind, "metadata": metadata, "spec": spec})

    def handle(kind: str, key: NamespacedName, annotations: Mapping[str, str]) -> None:
        put_status(ports.objects, kind, key, {**status, "lastHandledReconcileAt": annotations[REQUESTED_AT]})

    ports.objects.on_annotate = handle
    return ports


@pytest.mark.parametrize(
    ("word", "kind", "status", "last"),
    [
        ("repository", "ImageRepository", {"lastScanResult": {"tagCount": 7}}, "scan fetched 7 tags"),
        ("policy", "ImagePolicy", {"latestRef": {"name": "a/b", "tag": "1", "digest": "sha256:d"}},
         "selected ref a/b:1@sha256:d"),
        ("update", "ImageUpdateAutomation", {}, "repository up-to-date"),
    ],
)  # fmt: skip
def test_the_outcome_is_told_as_flux_tells_it(word: str, kind: str, status: dict[str, object], last: str) -> None:
    done = command(
        "reconcile", "image", word, "app", ports=answering(kind, ready("True", "repository up-to-date") | status)
    )
    assert done.code == 0
    assert done.err.splitlines() == [
        f"► annotating {kind} app in flux-system namespace",
        f"✔ {kind} annotated",
        f"◎ waiting for {kind} reconciliation",
        f"✔ {last}",
    ]


def test_a_failed_reconcile_ends_with_its_message() -> None:
    done = command("reconcile", "image", "policy", "app", ports=answering("ImagePolicy", ready("False", "no tags")))
    assert done.code == 1
    assert done.err.splitlines()[-1] == "✗ ImagePolicy reconciliation failed: no tags"


def test_a_reconcile_that_does_not_come_ends_with_the_timeout() -> None:
    ports = answering("ImagePolicy", {})
    ports.objects.on_annotate = None
    done = command("reconcile", "image", "policy", "app", "--timeout", "10s", ports=ports)
    assert done.code == 1
    assert done.err.splitlines()[-1] == "✗ ImagePolicy 'app' was not reconciled within 10 s"
    assert ports.clock.passed_s >= 10


def test_without_waiting_only_the_annotation_is_written() -> None:
    ports = answering("ImagePolicy", {})
    ports.objects.on_annotate = None
    assert command("reconcile", "image", "policy", "app", "--no-wait", ports=ports).code == 0
    assert REQUESTED_AT in ports.objects.stored["ImagePolicy", KEY].document["metadata"]["annotations"]  # type: ignore[index]


def test_a_suspended_object_is_not_reconciled() -> None:
    done = command("reconcile", "image", "policy", "app", ports=answering("ImagePolicy", {}, suspend=True))
    assert done.code == 1
    assert done.err == "✗ resource is suspended\n"


def test_a_kustomization_of_a_suspended_git_repository_is_not_waited_for() -> None:
    reference = {"kind": "GitRepository", "name": "fleet"}
    ports = answering("Kustomization", ready("True"), sourceRef=reference)
    metadata = {"name": "fleet", "namespace": "flux-system"}
    ports.objects.put({"kind": "GitRepository", "metadata": metadata, "spec": {"suspend": True}})
    done = command("reconcile", "kustomization", "app", ports=ports)
    assert done.code == 1
    assert done.err == "✗ source is suspended: GitRepository/flux-system/fleet\n"


def test_an_object_that_does_not_exist_is_an_error() -> None:
    done = command("reconcile", "image", "update", "gone", ports=MemoryPorts())
    assert done.code == 1
    assert done.err == "✗ ImageUpdateAutomation 'gone' not found in flux-system namespace\n"


def test_an_update_that_pushed_names_its_commit() -> None:
    pushed = {"lastPushCommit": "c0ffee", "lastPushTime": "2026-01-02T03:04:05Z"}
    done = command(
        "reconcile", "image", "update", "app", ports=answering("ImageUpdateAutomation", ready("True") | pushed)
    )
    assert done.err.splitlines()[-1] == "✔ committed c0ffee"


def test_an_update_that_pushed_nothing_new_names_no_commit() -> None:
    pushed = {"lastPushCommit": "c0ffee", "lastPushTime": "2026-01-01T00:00:00Z"}
    done = command(
        "reconcile", "image", "update", "app", ports=answering("ImageUpdateAutomation", ready("True") | pushed)
    )
    assert "c0ffee" not in done.err


def test_a_scan_that_changed_a_selection_names_the_commit_that_follows() -> None:
    ports = answering("ImageRepository", ready("True"))
    selected = {"repository": "flux-system/app", "tag": "2"}
    committed = {"commit": "c0ffee", "selections": [{"policy": "flux-system/web", "tag": "2"}]}
    for kind, name, facts in (("ImagePolicy", "web", selected), ("ImageUpdateAutomation", "apps", committed)):
        entry = LedgerEntry(
            at=NOW,
            kind=kind,
            key=NamespacedName("flux-system", name),
            severity="info",
            reason="Succeeded",
            message="m",
            facts=facts,
        )
        ports.ledger.record([entry])
    done = command("reconcile", "image", "repository", "app", ports=ports)
    assert done.err.splitlines()[-1] == "✔ committed c0ffee by ImageUpdateAutomation apps"


def test_a_selection_without_a_commit_is_not_waited_for_longer_than_the_timeout() -> None:
    ports = answering("ImagePolicy", ready("True"))
    selected = LedgerEntry(
        at=NOW, kind="ImagePolicy", key=KEY, severity="info", reason="Succeeded", message="m", facts={"tag": "2"}
    )
    ports.ledger.record([selected])
    done = command("reconcile", "image", "policy", "app", "--timeout=3s", ports=ports)
    assert done.err.splitlines()[-1] == "► no commit yet; tagstream events shows what follows"
    assert ports.clock.passed_s <= 4


def test_a_git_repository_is_reconciled_with_all_that_reads_it() -> None:
    source = {"kind": "GitRepository", "name": "app"}
    ports = answering("ImageUpdateAutomation", ready("True", "repository up-to-date"), sourceRef=source)
    other = {"name": "other", "namespace": "flux-system"}
    kept = {"kind": "GitRepository", "name": "other"}
    for kind, metadata, spec in (
        ("GitRepository", {**other, "name": "app"}, {}),
        ("GitRepository", other, {}),
        (
            "Kustomization",
            {"name": "fleet", "namespace": "apps"},
            {"sourceRef": {**source, "namespace": "flux-system"}},
        ),
        ("ImageUpdateAutomation", other, {"sourceRef": kept, "suspend": True}),
    ):
        ports.objects.put({"kind": kind, "metadata": metadata, "spec": spec})
    done = command("reconcile", "source", "git", "app", ports=ports)
    assert done.code == 0
    assert done.err.splitlines() == [
        "► annotating Kustomization fleet in apps namespace",
        "✔ Kustomization annotated",
        "◎ waiting for Kustomization reconciliation",
        "✔ repository up-to-date",
        "► annotating ImageUpdateAutomation app in flux-system namespace",
        "✔ ImageUpdateAutomation annotated",
        "◎ waiting for ImageUpdateAutomation reconciliation",
        "✔ repository up-to-date",
    ]
    assert "nothing to do" in command("reconcile", "source", "git", "other", ports=ports).err


def test_a_failure_of_one_reader_of_a_git_repository_does_not_keep_it_from_the_next() -> None:
    source = {"kind": "GitRepository", "name": "app"}
    ports = answering("ImageUpdateAutomation", ready("False", "no such branch"), sourceRef=source)
    for kind, name in (("GitRepository", "app"), ("ImageUpdateAutomation", "web")):
        spec = {"sourceRef": source} if kind != "GitRepository" else {}
        ports.objects.put({"kind": kind, "metadata": {"name": name, "namespace": "flux-system"}, "spec": spec})
    done = command("reconcile", "source", "git", "app", ports=ports)
    assert done.code == 1
    assert done.err.count("✗ ImageUpdateAutomation reconciliation failed: no such branch") == 2
