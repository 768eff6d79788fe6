"""What long work notes in the agenda at its end never outweighs what others have noted meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.image_name import ImageName
from tagstream.domain.objects.model import Digest, NamespacedName, Receiver
from tagstream.errors import RetryableError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import TagListing
from tagstream.reconcile.receive.paths import publish_receiver, refresh_receivers
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.trigger import ScanTrigger
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tagstream.reconcile.stored_objects import parse_stored
from tests.contract.reconciling import APP, NOW, TRIGGER, Silent, document, ports_on
from tests.contract.set_clock import SetClock

SLOW = NamespacedName("ns", "slow")
LONG_S = 65.0


def nothing() -> None:
    """Nobody else does anything."""


@dataclass
class Registry:
    """Lists one tag of each image; the slow one and digests take a minute, in which ``meanwhile`` happens."""

    clock: SetClock
    meanwhile: Callable[[], None] = field(default=nothing)
    error: RetryableError | None = None

    def list_tags(self, image: ImageName, *_: Any) -> TagListing:
        if str(image.canonical).endswith("/slow"):
            self._wait()
        elif self.error is not None:
            raise self.error
        return TagListing(tags=("1.0.0",), requests=1)

    def digest(self, *_: Any) -> Digest:
        self._wait()
        return Digest(f"sha256:{0:064}")

    def _wait(self) -> None:
        happens, self.meanwhile = self.meanwhile, nothing
        if happens is not nothing:
            happens()
            self.clock.sleep(LONG_S)


@dataclass
class Secrets:
    """The token of a Receiver, which takes a minute, in which ``meanwhile`` happens."""

    clock: SetClock
    meanwhile: Callable[[], None] = field(default=nothing)

    def get(self, _: NamespacedName) -> Mapping[str, bytes]:
        return {"token": b"a-token-of-the-receiver"}

    def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
        self.meanwhile()
        self.clock.sleep(LONG_S)
        return self.get(key)


def put(ports: Ports, key: NamespacedName, interval: str) -> None:
    stored = document("ImageRepository", image=f"registry.example/{key.name}", interval=interval, timeout="5m")
    ports.objects.put({**stored, "metadata": {"name": key.name, "namespace": key.namespace}})


def due_in_s(ports: Ports, clock: SetClock, kind: str = "ImageRepository") -> float:
    at = ports.agenda.read().times[ObjectName(kind=kind, key=APP)].due
    assert at is not None
    return (at - clock.now()).total_seconds()


def begun(table: Table, silent: Silent) -> tuple[Ports, SetClock, Registry]:
    clock = SetClock(NOW)
    registry: Any = Registry(clock)
    ports = replace(
        ports_on(table, silent),
        clock=clock,
        objects=DynamoObjects(table=table, clock=clock),
        agenda=DynamoAgenda(table=table, clock=clock),
        registry=registry,
    )
    for key in (APP, SLOW):
        put(ports, key, "10h")
    scan(ports, APP, SLOW)
    clock.sleep(600.0)
    return ports, clock, registry


def scan(ports: Ports, *names: NamespacedName, trigger: ScanTrigger = TRIGGER) -> None:
    scan_repositories(names, trigger, ports.clock.monotonic_s() + 300.0, ports, workers=1)


def test_a_retry_that_another_worker_noted_stays(table: Table, silent: Silent) -> None:
    ports, clock, registry = begun(table, silent)

    def fails() -> None:
        registry.error = RetryableError("no answer", reason="ReadOperationFailed")
        scan(ports, APP, trigger=ScanTrigger(reason="webhook", cause="delivery"))

    registry.meanwhile = fails
    scan(ports, APP, SLOW)
    assert due_in_s(ports, clock) < 600.0


def test_a_shorter_interval_that_another_worker_noted_stays(table: Table, silent: Silent) -> None:
    ports, clock, registry = begun(table, silent)

    def changes() -> None:
        put(ports, APP, "1m")
        scan(ports, APP, trigger=ScanTrigger(reason="object changed", cause="apply"))

    registry.meanwhile = changes
    scan(ports, APP, SLOW)
    assert due_in_s(ports, clock) < 600.0


def evaluate(ports: Ports) -> None:
    evaluate_policies([APP], Cause(text="schedule"), ports.clock.monotonic_s() + 300.0, ports)


def test_a_shorter_interval_of_a_policy_that_another_worker_noted_stays(table: Table, silent: Silent) -> None:
    ports, clock, registry = begun(table, silent)

    def put_policy(interval: str) -> None:
        spec: dict[str, Any] = {"imageRepositoryRef": {"name": "app"}, "policy": {"alphabetical": {}}}
        ports.objects.put(document("ImagePolicy", **spec, digestReflectionPolicy="Always", interval=interval))

    def changes() -> None:
        put_policy("1m")
        evaluate(ports)

    put_policy("10h")
    evaluate(ports)
    clock.sleep(600.0)
    registry.meanwhile = changes
    evaluate(ports)
    assert due_in_s(ports, clock, "ImagePolicy") < 600.0


def test_a_shorter_interval_of_a_receiver_that_another_worker_noted_stays(table: Table, silent: Silent) -> None:
    ports, clock, _ = begun(table, silent)
    secrets: Any = Secrets(clock)
    ports = replace(ports, secrets=secrets)

    def publish(interval: str) -> None:
        resources = [{"kind": "ImageRepository", "name": "app"}]
        group, spec = "notification.toolkit.fluxcd.io/v1", {"type": "generic", "secretRef": {"name": "app"}}
        receiver = document("Receiver", group, **spec, interval=interval, resources=resources)
        publish_receiver(ports.objects.put(receiver), ports)

    publish("10h")
    stored = ports.objects.get("Receiver", APP)
    assert stored is not None
    secrets.meanwhile = lambda: publish("1m")
    refresh_receivers([(stored, parse_stored(stored, Receiver))], clock.monotonic_s() + 300.0, ports)
    assert due_in_s(ports, clock, "Receiver") < 600.0
