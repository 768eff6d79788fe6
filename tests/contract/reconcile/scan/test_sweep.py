"""The hourly look at every object loses nothing that happens while it reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.tick import tick
from tests.contract.reconciling import APP, TRIGGER, document, watched
from tests.embedded.registry import Registry


@dataclass
class Meanwhile:
    """Objects to which something happens just after a kind was listed."""

    inner: Any
    kind: str
    happens: Callable[[], object]
    is_over: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def list(self, kind: str, namespace: str | None = None) -> Any:
        found = self.inner.list(kind, namespace)
        if kind == self.kind and not self.is_over:
            self.is_over = True
            self.happens()
        return found


def sweep(ports: Ports, kind: str, meanwhile: Callable[[], object]) -> None:
    """Run the tick that looks at every object; something happens after it has listed a kind."""
    objects: Any = Meanwhile(ports.objects, kind, meanwhile)
    tick(time.monotonic() + 60, replace(ports, objects=objects))


def scanned(ports: Ports, key: NamespacedName) -> None:
    scan_repositories([key], TRIGGER, ports.clock.monotonic_s() + 30, ports)


@pytest.mark.parametrize("listed", ["ImageRepository", "Receiver"])
def test_a_repository_that_is_applied_and_scanned_during_a_sweep_stays_in_the_agenda(
    ports: Ports, registry: Registry, listed: str
) -> None:
    watched(ports, registry)
    new = document("ImageRepository", image=f"{registry.address}/app", interval="1m")

    def applied() -> None:
        ports.objects.put(new | {"metadata": {"name": "new", "namespace": "ns"}})
        scanned(ports, NamespacedName("ns", "new"))

    sweep(ports, listed, applied)
    times = ports.agenda.read().times
    assert times[ObjectName(kind="ImageRepository", key=NamespacedName("ns", "new"))].last is not None
    assert ObjectName(kind="ImageRepository", key=APP) in times


def test_an_automation_that_is_applied_during_a_sweep_stays_in_the_agenda(ports: Ports) -> None:
    automation = document("ImageUpdateAutomation", interval="1m", sourceRef={"kind": "GitRepository", "name": "app"})
    sweep(ports, "Receiver", lambda: ports.objects.put(automation))
    name = ObjectName(kind="ImageUpdateAutomation", key=APP)
    assert ports.agenda.read().times[name].due is not None
