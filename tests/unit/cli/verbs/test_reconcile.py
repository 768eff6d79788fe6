"""``tagstream reconcile`` asks and waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tagstream.domain.objects.model import REQUESTED_AT, NamespacedName
from tests.unit.cli.memory_ports import MemoryPorts, command

KEY = NamespacedName("flux-system", "app")


def ready(status: str, message: str = "m") -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": status, "message": message}]}


def answering(kind: str, status: Mapping[str, object], **spec: object) -> MemoryPorts:
    """Ports whose object is reconciled with this status as soon as it is asked for."""
    ports = MemoryPorts()
    metadata = {"name": "app", "namespace": "flux-system"}
    ports.objects.put({"kind": kind, "metadata": metadata, "spec": spec})

    def handle(kind: str, key: NamespacedName, annotations: Mapping[str, str]) -> None:
        ports.objects.put_status(kind, key, {**status, "lastHandledReconcileAt": annotations[REQUESTED_AT]})

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
    assert (done.code, done.err.splitlines()) == (
        0,
        [
            f"► annotating {kind} app in flux-system namespace",
            f"✔ {kind} annotated",
            f"◎ waiting for {kind} reconciliation",
            f"✔ {last}",
        ],
    )


def test_a_failed_reconcile_ends_with_its_message() -> None:
    done = command("reconcile", "image", "policy", "app", ports=answering("ImagePolicy", ready("False", "no tags")))
    assert (done.code, done.err.splitlines()[-1]) == (1, "✗ ImagePolicy reconciliation failed: no tags")


def test_a_reconcile_that_does_not_come_ends_with_the_timeout() -> None:
    ports = answering("ImagePolicy", {})
    ports.objects.on_annotate = None
    done = command("reconcile", "image", "policy", "app", "--timeout", "10s", ports=ports)
    assert (done.code, done.err.splitlines()[-1]) == (1, "✗ ImagePolicy 'app' was not reconciled within 10 s")
    assert ports.clock.passed_s >= 10


def test_without_waiting_only_the_annotation_is_written() -> None:
    ports = answering("ImagePolicy", {})
    ports.objects.on_annotate = None
    assert command("reconcile", "image", "policy", "app", "--no-wait", ports=ports).code == 0
    assert REQUESTED_AT in ports.objects.stored["ImagePolicy", KEY].document["metadata"]["annotations"]  # type: ignore[index]


def test_a_suspended_object_is_not_reconciled() -> None:
    done = command("reconcile", "image", "policy", "app", ports=answering("ImagePolicy", {}, suspend=True))
    assert (done.code, done.err) == (1, "✗ resource is suspended\n")


def test_an_object_that_does_not_exist_is_an_error() -> None:
    done = command("reconcile", "image", "update", "gone", ports=MemoryPorts())
    assert (done.code, done.err) == (1, "✗ ImageUpdateAutomation 'gone' not found in flux-system namespace\n")
