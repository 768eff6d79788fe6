"""A list that lost most of its tags is not believed, also where it was stored a while before it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from tagstream.domain.objects.model import Digest
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import TagListing
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconciling import APP, Silent, document, reason, scan, selected
from tests.contract.skipping_clock import SkippingClock

LEFT_S = 30.0
POLICIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "digest": {"digestReflectionPolicy": "IfNotPresent"},
    "gate": {"control": {"minimumAge": "1s"}},
}
HELD = ("1.0.39", "SuspiciousTagDrop")


@dataclass
class Shrinking:
    """A registry that lists 40 tags first; a listing may take long."""

    clock: SkippingClock
    tags: tuple[str, ...] = tuple(f"1.0.{number}" for number in range(40))
    takes_s: float = 0.0

    def list_tags(self, *_: Any) -> TagListing:
        self.clock.sleep(self.takes_s)
        return TagListing(tags=self.tags, requests=1)

    def digest(self, *_: Any) -> Digest:
        return Digest(f"sha256:{0:064}")

    def shrink(self) -> None:
        self.tags = ("1.0.0", "1.0.1", "2.0.0")


@pytest.fixture(params=sorted(POLICIES))
def selecting(request: pytest.FixtureRequest, ports: Ports) -> Ports:
    """A policy of each sort that has selected from 40 tags, of which three are left."""
    clock = SkippingClock()
    registry: Any = Shrinking(clock)
    found = replace(ports, registry=registry, clock=clock)
    found.objects.put(document("ImageRepository", image="registry.example.com/app", interval="1m"))
    spec = {"imageRepositoryRef": {"name": "app"}, "policy": {"semver": {"range": ">=1.0.0"}}}
    found.objects.put(document("ImagePolicy", **spec))
    scan(found)
    assert selected(found) == "1.0.39"
    found.objects.put(document("ImagePolicy", **spec, **POLICIES[request.param]))
    clock.sleep(60)
    evaluate_policies([APP], Cause(text="apply"), clock.monotonic_s() + LEFT_S, found)
    registry.shrink()
    return found


def outcome(ports: Ports) -> tuple[str, str]:
    return selected(ports), reason(ports, "ImagePolicy")


def killed_before_the_evaluation(ports: Ports) -> None:
    """A scan whose worker dies as soon as the new list is stored."""

    class Dies(Life):
        def call(self, name: str, method: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
            if name == "tags.put":
                self.ends_at = len(self.calls) + 1
            return super().call(name, method, arguments, options)

    with pytest.raises(Killed):
        scan(Dies().ports(ports), LEFT_S)
    state = ports.tags.state(APP)
    assert state is not None
    assert state.tag_count == 3


def test_a_list_that_was_stored_at_the_deadline_is_held_by_the_scan_that_comes_again(
    selecting: Ports, silent: Silent
) -> None:
    registry: Any = selecting.registry
    registry.takes_s = LEFT_S + 1
    scan(selecting, LEFT_S)
    assert selected(selecting) == "1.0.39"
    assert [one.repositories for one in silent.scans()] == [(APP,)]
    registry.takes_s = 0.0
    scan(selecting, LEFT_S)
    assert outcome(selecting) == HELD


def test_a_list_whose_worker_died_before_it_was_evaluated_is_held_by_the_scan_that_comes_again(
    selecting: Ports,
) -> None:
    killed_before_the_evaluation(selecting)
    scan(selecting, LEFT_S)
    assert outcome(selecting) == HELD


def test_a_list_whose_worker_died_is_held_by_an_evaluation_that_no_scan_led_to(selecting: Ports) -> None:
    killed_before_the_evaluation(selecting)
    evaluate_policies([APP], Cause(text="apply"), selecting.clock.monotonic_s() + LEFT_S, selecting)
    assert outcome(selecting) == HELD


def test_a_list_that_shrinks_and_changes_again_before_it_is_evaluated_is_held(selecting: Ports) -> None:
    killed_before_the_evaluation(selecting)
    registry: Any = selecting.registry
    registry.tags = (*registry.tags, "2.0.1")
    scan(selecting, LEFT_S)
    assert outcome(selecting) == HELD
