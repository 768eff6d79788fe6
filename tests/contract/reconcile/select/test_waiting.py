"""A gate that lets a tag through later: the tick evaluates the policy again at that time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.domain.select.choice import Answer, Candidate, Go, Situation, Wait
from tagstream.domain.select.gates import GATES
from tagstream.ports.bundle import Ports
from tagstream.reconcile import handlers
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.reconciling import APP, message_of, reason, scan, selected, watched
from tests.embedded.registry import Registry
from tests.embedded.single_writes import put_selection, put_status

AGE = timedelta(hours=1)
TICK = {"tagstream": "tick"}


def an_hour_old(candidate: Candidate, situation: Situation) -> Answer:
    """A gate that lets a tag through an hour after a scan first listed it."""
    seen = situation.first_seen(candidate.tag)
    current = situation.current
    assert seen is not None, "every stored tag has been seen"
    if (current is not None and current.tag == candidate.tag) or situation.now >= seen + AGE:
        return Go()
    return Wait(
        reason="TooYoung",
        message=f"{candidate.tag} waits until {seen + AGE:%H:%M}",
        verdict="too young",
        until=seen + AGE,
    )


class Later(SystemClock):
    """The same clock, some time later."""

    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        """Shifted."""
        return super().now() + self.by


def later(ports: Ports, by: timedelta) -> Ports:
    return replace(ports, clock=Later(by))


def evaluate(ports: Ports) -> None:
    evaluate_policies([APP], Cause(text="test"), ports.clock.monotonic_s() + 30, ports, (*GATES, an_hour_old))


def without_scans(ports: Ports) -> None:
    """Suspend the repository, so that a tick evaluates policies by their own time only."""
    stored = ports.objects.get("ImageRepository", APP)
    assert stored is not None
    spec = {**stored.document["spec"], "suspend": True}  # type: ignore[dict-item]
    ports.objects.put({**stored.document, "spec": spec})


@pytest.fixture
def waiting(ports: Ports, registry: Registry) -> Ports:
    """``v1.29.0`` is selected, and the newer ``v1.30.0`` waits."""
    watched(ports, registry)
    scan(ports)
    registry.add_tags("app", ["v1.30.0"])
    put_status(ports.objects, "ImagePolicy", APP, {})
    stored = ports.selections.get(APP)
    scan(ports)
    # The scan selected with the product's own gates; the selection before it is put back.
    assert stored is not None and selected(ports) == "v1.30.0"
    put_selection(ports.selections, stored, ports.selections.get(APP))
    evaluate(ports)
    without_scans(ports)
    return ports


def test_a_tag_that_waits_is_told_while_the_current_one_stays(waiting: Ports) -> None:
    assert selected(waiting) == "v1.29.0"
    assert reason(waiting, "ImagePolicy") == "Succeeded"
    assert "; v1.30.0 waits until " in message_of(waiting, "ImagePolicy")
    now = waiting.clock.now()
    entries = waiting.ledger.read(now - AGE, now + AGE)
    assert any("v1.30.0 waits until" in one.message for one in entries)


def test_the_tick_selects_it_at_its_time_and_not_before(waiting: Ports) -> None:
    handlers.scan(TICK, 60_000, later(waiting, AGE - timedelta(minutes=1)))
    assert selected(waiting) == "v1.29.0"
    handlers.scan(TICK, 60_000, later(waiting, AGE))
    assert selected(waiting) == "v1.30.0"
    assert "waits" not in message_of(waiting, "ImagePolicy")


def test_a_gate_that_still_waits_at_its_time_is_asked_again_later(waiting: Ports) -> None:
    evaluate(later(waiting, AGE - timedelta(minutes=1)))
    assert selected(waiting) == "v1.29.0"
    evaluate(later(waiting, AGE + timedelta(seconds=1)))
    assert selected(waiting) == "v1.30.0"


def test_a_scan_with_another_new_tag_forgets_nobody_that_waits(waiting: Ports, registry: Registry) -> None:
    registry.add_tags("app", ["v1.28.1"])
    stored = waiting.objects.get("ImageRepository", APP)
    assert stored is not None
    waiting.objects.put({**stored.document, "spec": {**stored.document["spec"], "suspend": False}})  # type: ignore[dict-item]
    scan(waiting)
    assert selected(waiting) == "v1.30.0", "all tags are looked at, and the product has no gate that waits"


def test_without_a_selection_the_policy_is_not_ready_until_a_tag_may_go(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    stored = ports.objects.get("ImagePolicy", APP)
    assert stored is not None
    ports.objects.put({**stored.document, "spec": {**stored.document["spec"], "suspend": True}})  # type: ignore[dict-item]
    scan(ports)
    ports.objects.put(stored.document)
    evaluate(ports)
    without_scans(ports)
    assert ports.selections.get(APP) is None
    assert reason(ports, "ImagePolicy") == "TooYoung"
    assert message_of(ports, "ImagePolicy").startswith("v1.29.0 waits until ")
    handlers.scan(TICK, 60_000, later(ports, AGE - timedelta(minutes=1)))
    assert ports.selections.get(APP) is None
    handlers.scan(TICK, 60_000, later(ports, AGE + timedelta(minutes=1)))
    assert selected(ports) == "v1.29.0"
