"""``tagstream bootstrap``: a GitRepository and a Kustomization, stored or printed."""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.domain.objects.manifest import read_documents
from tagstream.domain.objects.model import REQUESTED_AT, NamespacedName
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import MemoryPorts, command

FLAGS = ("--url=https://git.example/fleet", "--branch=main", "--path=clusters/prod")


def test_both_objects_are_printed_for_a_commit() -> None:
    done = command("bootstrap", *FLAGS, "--secret-ref=login", "--export")
    found = [one.value for one in read_documents(done.out.encode(), "out")]
    assert done.code == 0
    assert [(one["kind"], one["spec"]) for one in found if isinstance(one, dict)] == [
        (
            "GitRepository",
            {
                "url": "https://git.example/fleet",
                "interval": "1m0s",
                "ref": {"branch": "main"},
                "secretRef": {"name": "login"},
            },
        ),
        (
            "Kustomization",
            {
                "interval": "10m0s",
                "path": "clusters/prod",
                "prune": True,
                "sourceRef": {"kind": "GitRepository", "name": "fleet"},
            },
        ),
    ]


def test_both_objects_are_stored_and_the_first_sync_is_waited_for() -> None:
    ports = MemoryPorts()
    done = command("--timeout=1s", "bootstrap", *FLAGS, ports=ports)
    assert ports.objects.writes == ["GitRepository/flux-system/fleet", "Kustomization/flux-system/fleet"]
    assert done.code == 1
    assert "waiting for Kustomization" in done.err


def test_a_bootstrap_again_waits_for_a_sync_of_its_own() -> None:
    ports = MemoryPorts()
    command("--timeout=1s", "bootstrap", *FLAGS, ports=ports)
    key = NamespacedName("flux-system", "fleet")
    old = {"type": "Ready", "status": "False", "message": "no such branch", "observedGeneration": 1}
    put_status(ports.objects, "Kustomization", key, {"conditions": [old], "observedGeneration": 1})

    def sync(kind: str, key: NamespacedName, annotations: Mapping[str, str | None]) -> None:
        ready = {"type": "Ready", "status": "True", "message": "Applied revision: main@sha1:0"}
        answered = {"conditions": [ready], "lastHandledReconcileAt": annotations[REQUESTED_AT]}
        put_status(ports.objects, kind, key, answered)

    ports.objects.on_annotate = sync
    done = command("--timeout=1s", "bootstrap", *FLAGS, ports=ports)
    assert (done.code, done.err.splitlines()[-1]) == (0, "✔ Applied revision: main@sha1:0")


def test_a_flag_that_is_missing_is_named() -> None:
    done = command("bootstrap", "--url=https://git.example/fleet", "--branch=main", ports=MemoryPorts())
    assert (done.code, done.err) == (1, "✗ --path is required\n")


def test_a_deleted_kustomization_takes_what_it_owns_with_it() -> None:
    ports = MemoryPorts()
    command("--timeout=1s", "bootstrap", *FLAGS, ports=ports)
    owner = {"kustomize.toolkit.fluxcd.io/name": "fleet", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    for name, labels in (("owned", owner), ("mine", {})):
        metadata = {"name": name, "namespace": "apps", "labels": labels}
        spec = {"image": "registry.example/a", "interval": "5m"}
        version = "image.toolkit.fluxcd.io/v1"
        ports.objects.put({"apiVersion": version, "kind": "ImageRepository", "metadata": metadata, "spec": spec})
    entry = {"id": "apps_owned_image.toolkit.fluxcd.io_ImageRepository", "v": "v1"}
    fleet = NamespacedName("flux-system", "fleet")
    put_status(ports.objects, "Kustomization", fleet, {"inventory": {"entries": [entry]}})
    done = command("delete", "kustomization", "fleet", "--silent", ports=ports)
    assert done.code == 0
    assert "ImageRepository/apps/owned deleted" in done.err
    assert [one.key for one in ports.objects.list("ImageRepository")] == [NamespacedName("apps", "mine")]
    assert ports.objects.list("Kustomization") == ()
