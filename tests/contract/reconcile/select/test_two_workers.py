"""Two workers that evaluate a policy at the same time: one stores its selection first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.reconciling import APP, reason, scan, selected, watched
from tests.embedded.registry import Registry
from tests.embedded.single_writes import put_selection


@dataclass
class Racing:
    """The selections of a worker that another one overtakes just before it stores its own."""

    inner: Any
    other: Callable[[], object]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def put_each(self, changes: Any) -> Any:
        self.other()
        return self.inner.put_each(changes)


def evaluate(ports: Ports) -> None:
    evaluate_policies([APP], Cause(text="test"), ports.clock.monotonic_s() + 30, ports)


def overtaken(ports: Ports, other: Callable[[], object]) -> None:
    """Evaluate a policy that another worker evaluates meanwhile."""
    racing: Any = Racing(ports.selections, other)
    evaluate(replace(ports, selections=racing))


def chosen(ports: Ports, name: NamespacedName, tag: str) -> None:
    current = ports.selections.get(name)
    assert current is not None
    put_selection(ports.selections, replace(current, ref=replace(current.ref, tag=tag)), current)


def entries(ports: Ports) -> list[str]:
    now = ports.clock.now()
    return [one.message for one in ports.ledger.read(now - timedelta(days=1), now) if one.kind == "ImagePolicy"]


def begun(ports: Ports, registry: Registry) -> None:
    """A policy that has selected, and whose range now admits a newer tag."""
    watched(ports, registry, semver="<1.10.0")
    scan(ports)
    assert selected(ports) == "v1.9.0"
    watched(ports, registry, semver="1.x")


def test_a_worker_that_selected_the_same_as_another_is_content(ports: Ports, registry: Registry) -> None:
    begun(ports, registry)
    overtaken(ports, lambda: evaluate(ports))
    assert selected(ports) == "v1.29.0"
    assert reason(ports, "ImagePolicy") == "Succeeded"
    assert len([one for one in entries(ports) if "v1.29.0" in one]) == 1


def test_a_worker_that_selected_something_else_selects_again_at_once(ports: Ports, registry: Registry) -> None:
    begun(ports, registry)
    overtaken(ports, lambda: chosen(ports, APP, "v1.20.0"))
    assert selected(ports) == "v1.29.0"
    assert reason(ports, "ImagePolicy") == "Succeeded"
