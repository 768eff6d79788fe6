"""Whoever changes an object that Git keeps learns that it will be put back."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import NamespacedName
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import MemoryPorts, command
from tests.unit.cli.verbs.test_get import add

REPOSITORY = """
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {{name: web, namespace: flux-system}}
spec: {{image: ghcr.io/org/web, interval: {interval}}}
"""
WARNING = (
    "Warning: ImageRepository/flux-system/web is kept in Git by Kustomization/flux-system/fleet, which puts it back:"
    " commit the change there, or suspend the Kustomization first"
)
CHANGES = (
    "apply -f -",
    "apply -f - --dry-run",
    "annotate image repository web team=a",
    "delete image repository web -s",
    "create image repository web --image=ghcr.io/org/web --interval=9m --timeout=0s",
)


def kept(**kustomization: object) -> MemoryPorts:
    """A stack with an object that has the labels of a Kustomization, and the Kustomization."""
    ports = MemoryPorts()
    owner = {"kustomize.toolkit.fluxcd.io/name": "fleet", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    metadata = {"name": "web", "namespace": "flux-system", "labels": owner}
    spec = {"image": "ghcr.io/org/web", "interval": "7m"}
    version = "image.toolkit.fluxcd.io/v1"
    ports.objects.put({"apiVersion": version, "kind": "ImageRepository", "metadata": metadata, "spec": spec})
    synced = {"inventory": {"entries": [{"id": "flux-system_web_image.toolkit.fluxcd.io_ImageRepository", "v": "v1"}]}}
    add(ports, "Kustomization", "fleet", synced, **kustomization)
    return ports


def warned(words: str, ports: MemoryPorts) -> bool:
    return WARNING in command(*words.split(), ports=ports, stdin=REPOSITORY.format(interval="9m")).err


@pytest.mark.parametrize("words", CHANGES)
def test_a_change_of_an_object_that_git_keeps_is_warned_of(words: str) -> None:
    assert warned(words, kept())


@pytest.mark.parametrize("words", CHANGES)
def test_nobody_is_warned_while_the_kustomization_is_suspended(words: str) -> None:
    assert not warned(words, kept(suspend=True))


def test_the_labels_of_a_kustomization_that_is_not_here_mean_nothing() -> None:
    ports = kept()
    command("delete", "kustomization", "fleet", "-s", ports=ports)
    assert not warned("annotate image repository web team=a", ports)


def test_a_copy_that_no_sync_has_stored_is_changed_without_a_warning() -> None:
    ports = kept()
    put_status(ports.objects, "Kustomization", NamespacedName("flux-system", "fleet"), {"inventory": {"entries": []}})
    assert not warned("annotate image repository web team=a", ports)
