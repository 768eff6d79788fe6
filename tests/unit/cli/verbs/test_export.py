"""``tagstream export`` and ``delete``."""

from __future__ import annotations

import re

from tagstream.domain.objects.model import NamespacedName
from tests.unit.cli.memory_ports import MemoryPorts, command
from tests.unit.cli.verbs.test_get import add

MANIFEST = """\
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata:
  name: app
  namespace: flux-system
spec:
  exclusionList:
  - ^.*\\.sig$
  - "1.10"
  image: ghcr.io/org/app
  interval: 1m
"""


def applied() -> MemoryPorts:
    ports = MemoryPorts()
    command("apply", "-f", "-", ports=ports, stdin=MANIFEST)
    command("reconcile", "image", "repository", "app", "--no-wait", ports=ports)
    return ports


def test_what_was_applied_is_exported() -> None:
    assert command("export", "image", "repository", "app", ports=applied()).out == MANIFEST + "\n"


def test_an_export_can_be_applied_again() -> None:
    ports = applied()
    out = command("export", "image", "repository", "--all", ports=ports).out
    assert command("apply", "-f", "-", ports=ports, stdin=out).out.split()[-1] == "unchanged"


def test_an_export_needs_a_name_or_all() -> None:
    assert command("export", "image", "repository", ports=applied()).err == "✗ name is required\n"


def test_deleting_asks_first() -> None:
    ports = applied()
    refused = command("delete", "image", "repository", "app", ports=ports, stdin="n\n")
    kept = ports.objects.get("ImageRepository", NamespacedName("flux-system", "app"))
    done = command("delete", "image", "repository", "app", ports=ports, stdin="y\n")
    assert refused.code == 1
    assert kept is not None
    assert done.code == 0
    assert ports.objects.stored == {}


def test_deleting_silently_does_not_ask() -> None:
    done = command("delete", "image", "repository", "app", "-s", ports=applied())
    assert done.err.splitlines() == [
        "► deleting image repository app in flux-system namespace",
        "✔ image repository deleted",
    ]


def test_everything_is_exported_in_the_order_in_which_it_can_be_applied() -> None:
    ports = MemoryPorts()
    for kind in ("Receiver", "ImagePolicy", "ImageRepository", "GitRepository"):
        add(ports, kind, "app", {}, a=1)
    add(ports, "ImagePolicy", "other", {}, "apps", a=1)

    def kinds(*words: str) -> list[str]:
        return re.findall(r"^kind: (\w+)", command("export", *words, ports=ports).out, re.MULTILINE)

    assert kinds("all") == ["GitRepository", "ImageRepository", "ImagePolicy", "Receiver"]
    assert kinds("all", "-A") == ["GitRepository", "ImageRepository", "ImagePolicy", "ImagePolicy", "Receiver"]
    assert kinds("image", "all") == ["ImageRepository", "ImagePolicy"]
    assert kinds("source", "all") == ["GitRepository"]
    assert command("export", "all", ports=MemoryPorts()).err == "✗ no objects found in flux-system namespace\n"
