"""Scans that a tick has no time for go to the queue, once, and digests and Receivers do not wait for them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import Digest, NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedScan
from tagstream.ports.registry import TagListing
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.tick import tick
from tests.contract.reconciling import TRIGGER, Silent, automated, document

SLOW = [NamespacedName("ns", f"slow-{number:02}") for number in range(20)]
QUICK = NamespacedName("ns", "quick")


class LaterClock(SystemClock):
    """The system's clock, some time ahead."""

    ahead = timedelta()

    def now(self) -> datetime:
        """Return the time that it pretends."""
        return super().now() + self.ahead


@dataclass
class Slow:
    """Lists of ``slow.example.com`` take longer than a tick has, once it ``is_slow``; all else is answered at once."""

    is_slow: bool = False
    lists: int = 0
    digests: int = 0

    def list_tags(self, image: Any, _access: Any, deadline_s: float) -> TagListing:
        if image.registry == "slow.example.com" and self.is_slow:
            self.lists += 1
            time.sleep(max(0.0, deadline_s - time.monotonic()))
            raise RetryableError("scan failed: context deadline exceeded", reason="ReadOperationFailed")
        return TagListing(tags=("1.0.0",), requests=1)

    def digest(self, *_: Any) -> Digest:
        self.digests += 1
        return Digest("sha256:" + "1" * 64)


def applied(
    ports: Ports, key: NamespacedName, kind: str, group: str = "image.toolkit.fluxcd.io/v1", **spec: Any
) -> None:
    metadata = {"name": key.name, "namespace": key.namespace}
    ports.objects.put(document(kind, group, **spec) | {"metadata": metadata})


def fleet(ports: Ports, table: Table, registry: Slow) -> tuple[Ports, LaterClock]:
    """Repositories of a slow registry, a policy that asks a quick one for its digest, and a Receiver; all looked at."""
    clock, listing = LaterClock(), registry
    found: Any = listing
    ports = replace(ports, registry=found, clock=clock, agenda=DynamoAgenda(table=table, clock=clock))
    for key in SLOW:
        applied(ports, key, "ImageRepository", image=f"slow.example.com/{key.name}", interval="1m")
    applied(ports, QUICK, "ImageRepository", image="quick.example.com/app", interval="1h")
    policy = {"imageRepositoryRef": {"name": "quick"}, "policy": {"semver": {"range": "1.x"}}}
    applied(ports, QUICK, "ImagePolicy", **policy, digestReflectionPolicy="Always", interval="1m")
    hook = {"type": "generic", "secretRef": {"name": "hook"}, "resources": [{"kind": "ImageRepository", "name": "*"}]}
    applied(ports, QUICK, "Receiver", "notification.toolkit.fluxcd.io/v1", **hook, interval="1m")
    scan_repositories([*SLOW, QUICK], TRIGGER, time.monotonic() + 60, ports)
    tick(time.monotonic() + 60, ports)
    return ports, clock


def test_scans_that_fill_a_tick_go_to_the_queue_once_and_hold_up_neither_digests_nor_receivers(
    ports: Ports, table: Table, silent: Silent
) -> None:
    registry = Slow()
    silent.secrets[NamespacedName("ns", "hook")] = {"token": b"first-token-of-the-receiver"}
    ports, clock = fleet(ports, table, registry)
    paths = ports.deliveries.paths(QUICK)
    silent.secrets[NamespacedName("ns", "hook")] = {"token": b"other-token-of-the-receiver"}
    silent.sent.clear()
    registry.is_slow, registry.digests, clock.ahead = True, 0, timedelta(minutes=2)
    tick(time.monotonic() + 5, ports)
    assert registry.digests > 0
    assert ports.deliveries.paths(QUICK) != paths
    queued = [key for one in silent.sent if isinstance(one, QueuedScan) for key in one.repositories]
    assert sorted(queued) == SLOW
    statuses = [one.status["conditions"] for one in ports.objects.get_many("ImageRepository", SLOW)]
    assert all(one[0]["status"] == "True" for one in statuses), "what a tick cut short has not failed"  # type: ignore[index]

    lists, clock.ahead = registry.lists, timedelta(minutes=3)
    tick(time.monotonic() + 5, ports)
    assert registry.lists == lists, "they wait in the queue, and are not due as well"

    clock.ahead = timedelta(minutes=7)
    times = ports.agenda.read().times
    dues = [times[ObjectName(kind="ImageRepository", key=key)].due for key in SLOW]
    assert all(one is not None and one < clock.now() for one in dues), "the queue may lose them"


def test_a_run_that_the_table_has_no_room_for_does_not_keep_a_tick_from_its_scans(ports: Ports, silent: Silent) -> None:
    class Full:
        """Selections whose table takes no request for a run."""

        def __getattr__(self, name: str) -> Any:
            return getattr(ports.selections, name)

        def request_run(self, *_: object) -> None:
            raise RetryableError("failed to write an item in the table", reason="StorageOperationFailed")

    found: Any = Slow()
    full: Any = Full()
    automated(ports, "http://127.0.0.1:1/app.git")
    applied(ports, QUICK, "ImageRepository", image="quick.example.com/app", interval="1h")
    tick(time.monotonic() + 60, replace(ports, registry=found, selections=full))
    assert ports.tags.state(QUICK) is not None
    assert "run not asked for" in silent.lines
