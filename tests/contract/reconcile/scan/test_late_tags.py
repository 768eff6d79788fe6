"""A registry may list a tag after it told of it: what deliveries named is looked for again, none is forgotten."""

from __future__ import annotations

import pytest

from tagstream.ports.bundle import Ports
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.settling import LATE_TAG_DELAYS_S
from tagstream.reconcile.scan.trigger import ScanTrigger
from tests.contract.reconciling import APP, NOW, Silent, watched
from tests.embedded.registry import Registry

PUSHED = ScanTrigger(reason="webhook", cause="delivery", received_at=NOW, expected_tags=("v1.29.0",))


def rescans(ports: Ports, silent: Silent, trigger: ScanTrigger) -> list[tuple[float, tuple[str, ...], int]]:
    scan_repositories([APP], trigger, ports.clock.monotonic_s() + 30, ports)
    return [(one.delay_s, one.expected_tags, one.attempt) for one in silent.sent]


def test_a_listed_tag_is_not_looked_for_again(ports: Ports, silent: Silent, registry: Registry) -> None:
    watched(ports, registry)
    assert rescans(ports, silent, PUSHED) == []


@pytest.mark.parametrize("attempt", range(len(LATE_TAG_DELAYS_S)))
def test_a_tag_that_is_not_listed_yet_is_looked_for_some_seconds_later(
    ports: Ports, silent: Silent, registry: Registry, attempt: int
) -> None:
    watched(ports, registry)
    late = ScanTrigger(reason="webhook", cause="d", received_at=NOW, expected_tags=("v1.30.0",), attempt=attempt)
    assert rescans(ports, silent, late) == [(LATE_TAG_DELAYS_S[attempt], ("v1.30.0",), attempt + 1)]


def test_a_tag_that_never_appears_is_given_up(ports: Ports, silent: Silent, registry: Registry) -> None:
    watched(ports, registry)
    late = ScanTrigger(reason="webhook", cause="d", received_at=NOW, expected_tags=("v1.30.0",), attempt=3)
    assert rescans(ports, silent, late) == []


def test_the_tag_of_a_delivery_that_joined_the_scan_is_looked_for_too(
    ports: Ports, silent: Silent, registry: Registry
) -> None:
    watched(ports, registry)
    ports.deliveries.join(APP, "delivery", {"v1.30.0"})
    assert rescans(ports, silent, PUSHED) == [(LATE_TAG_DELAYS_S[0], ("v1.29.0", "v1.30.0"), 1)]
