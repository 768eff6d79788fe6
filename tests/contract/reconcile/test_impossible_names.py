"""An object may refer to one that cannot exist, because no name is that long: it alone fails, and says so."""

from __future__ import annotations

from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.scan.tick import tick
from tagstream.reconcile.update.automations import run_automations
from tests.contract.reconciling import APP, automated, document, message_of, reason

LONG = "x" * 3_000
OTHER = NamespacedName("ns", "other")


def test_a_policy_of_a_repository_that_cannot_exist_reports_that_there_is_none(ports: Ports) -> None:
    ports.objects.put(document("ImagePolicy", imageRepositoryRef={"name": LONG}, policy={"alphabetical": {}}))
    tick(ports.clock.monotonic_s() + 30, ports)
    assert reason(ports, "ImagePolicy") == "DependencyNotReady"
    assert LONG in message_of(ports, "ImagePolicy")


@pytest.mark.parametrize("name", [LONG, "x" * 1_030])
def test_an_automation_of_a_source_that_cannot_exist_stops_no_other(ports: Ports, name: str) -> None:
    automated(ports, "https://127.0.0.1:1/fleet.git")
    applied = ports.objects.get("ImageUpdateAutomation", APP)
    assert applied is not None
    spec: Any = {**applied.document}["spec"]
    other = document("ImageUpdateAutomation", **{**spec, "sourceRef": {"kind": "GitRepository", "name": name}})
    ports.objects.put(other | {"metadata": {"namespace": OTHER.namespace, "name": OTHER.name}})
    run_automations([APP, OTHER], "worker", ports.clock.monotonic_s() + 30, ports)
    stored = {one.key: one.status for one in ports.objects.list("ImageUpdateAutomation")}
    assert name in str(stored[OTHER])
    assert "127.0.0.1:1" in message_of(ports, "ImageUpdateAutomation")
