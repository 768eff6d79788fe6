"""Calls and units of the table for scans, digests, ticks and pushes, and how they grow with the number of objects.

The registry answers from memory, so that nothing but the table is measured; the table is the embedded one.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import Digest, NamespacedName
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import TagListing
from tagstream.reconcile.scan.repositories import ScanTrigger, scan_repositories
from tagstream.reconcile.scan.tick import tick
from tagstream.reconcile.select.policies import Cause, evaluate_policies
from tests.contract.counted_calls import CountingClient
from tests.contract.reconciling import Silent, ports_on
from tests.embedded.aws import REGION, running

MANY = 1_000
SMALL, LARGE = 250, 1_000
IDLE = 5_000
WORST_EXPONENT = 1.15
TRIGGER = ScanTrigger(reason="bench", cause="bench")


@dataclass
class MemoryRegistry:
    """Lists the same tags for every image; every tag has a digest."""

    tags: tuple[str, ...] = tuple(f"1.0.{number}" for number in range(100))

    def list_tags(self, _image: Any, _access: Any, _deadline_s: float) -> TagListing:
        return TagListing(tags=self.tags, requests=1)

    def digest(self, _image: Any, tag: str, _access: Any, _deadline_s: float) -> Digest:
        return Digest(f"sha256:{tag.encode().hex():0>64}")


class MovedClock(SystemClock):
    """The machine's clock, some time on."""

    moved = timedelta()

    def now(self) -> datetime:
        return super().now() + self.moved


@dataclass
class Bench:
    """A table of its own with ``count`` repositories, a policy each."""

    endpoint: str
    count: int
    digests: bool = False
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        client = boto3.client(
            "dynamodb",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(max_pool_connections=100, parameter_validation=False),
        )
        name = f"bench-{uuid.uuid4().hex}"
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        self.client = CountingClient(client)
        table: Any = Table(client=self.client, name=name, clock=SystemClock())  # type: ignore[arg-type]
        registry: Any = self.registry
        self.clock = MovedClock()
        self.agenda = DynamoAgenda(table=table, clock=self.clock)
        self.ports: Ports = replace(ports_on(table, Silent()), registry=registry, clock=self.clock, agenda=self.agenda)
        self.keys = [NamespacedName(f"team-{number % 20:02}", f"service-{number:05}") for number in range(self.count)]
        self.table = table

    def applied(self) -> Bench:
        """With all objects stored, written past the store's door to save the time of a thousand transactions."""
        from tagstream.adapters.store import keys

        items: list[Any] = []
        for key in self.keys:
            metadata = {"namespace": key.namespace, "name": key.name, "generation": 1}
            image = {"image": f"registry.example.com/team/{key.name}", "interval": "5m"}
            policy: dict[str, Any] = {
                "imageRepositoryRef": {"name": key.name},
                "policy": {"semver": {"range": ">=0.0.0"}},
            }
            if self.digests:
                policy |= {"digestReflectionPolicy": "Always", "interval": "10m"}
            for kind, spec in (("ImageRepository", image), ("ImagePolicy", policy)):
                api = "image.toolkit.fluxcd.io/v1"
                document = {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}
                items.append(keys.key(keys.objects(kind), str(key)) | {"doc": keys.document(document)})
            items.append(keys.policies(key) | {"policies": {"SS": [str(key)]}})
        self.table.write_many(items)
        return self

    def measured(self, work: Callable[[], object]) -> tuple[float, CountingClient]:
        """Seconds, and what was counted."""
        self.client.reset()
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun, self.client

    def scan(self) -> None:
        scan_repositories(self.keys, TRIGGER, time.monotonic() + 600, self.ports)

    def evaluate(self) -> None:
        evaluate_policies(self.keys, Cause(text="bench"), time.monotonic() + 600, self.ports)

    def tick(self) -> None:
        tick(time.monotonic() + 600, self.ports)


def rows() -> Iterator[tuple[str, str, str]]:
    """Calls and units for a thousand objects, and the exponents of growth."""
    with running() as aws:
        bench = Bench(aws.endpoint, MANY).applied()
        yield _row("first scan", MANY, "repository", 5, bench.measured(bench.scan))
        bench.registry.tags = (*bench.registry.tags, "1.1.0")
        yield _row("changed scan", MANY, "repository", 5, bench.measured(bench.scan))
        yield _row("unchanged scan", MANY, "repository", 1, bench.measured(bench.scan))
        digests = Bench(aws.endpoint, MANY, digests=True).applied()
        digests.scan()
        yield _row("digest Always, unchanged", MANY, "policy", 1, digests.measured(digests.evaluate))
        idle = Bench(aws.endpoint, IDLE).applied()
        idle.tick()
        idle.client.reset()
        _all_scanned(idle)
        idle.tick()
        _, counted = idle.measured(idle.tick)
        yield f"idle tick, {IDLE} repositories: read units", str(counted.read_units), "50"
        one = idle.keys[0]
        idle.registry.tags = (*idle.registry.tags, "1.1.0")
        _, counted = idle.measured(lambda: scan_repositories([one], TRIGGER, time.monotonic() + 60, idle.ports))
        yield f"one push among {IDLE} policies: read units", str(counted.read_units), "10"
        yield from _growth(aws.endpoint)


def _all_scanned(bench: Bench) -> None:
    soon = Times(last=bench.clock.now(), due=bench.clock.now() + timedelta(minutes=5))
    names = [ObjectName(kind=kind, key=key) for key in bench.keys for kind in ("ImageRepository", "ImagePolicy")]
    for start in range(0, len(names), 50):
        bench.agenda.note(dict.fromkeys(names[start : start + 50], soon))


def _row(what: str, count: int, each: str, most: int, measured: tuple[float, CountingClient]) -> tuple[str, str, str]:
    seconds, counted = measured
    calls = sum(counted.calls.values()) / count
    units = f"{counted.read_units / count:.2f} read, {counted.write_units / count:.2f} write units"
    return f"{what}, {count}: calls a {each}", f"{calls:.2f} ({units}, {seconds:.1f} s)", str(most)


def _growth(endpoint: str) -> Iterator[tuple[str, str, str]]:
    small, large = (Bench(endpoint, count).applied() for count in (SMALL, LARGE))
    for what, act in (("first scan", Bench.scan), ("unchanged scan", Bench.scan)):
        cpu, units = [], []
        for bench in (small, large):
            begun = time.process_time()
            _, counted = bench.measured(partial(act, bench))
            cpu.append(time.process_time() - begun)
            units.append(counted.read_units)
        found = f"{_exponent(cpu):.2f} of CPU, {_exponent(units):.2f} of read units"
        yield f"{what}: growth from {SMALL} to {LARGE}", found, f"{WORST_EXPONENT}"


def _exponent(found: Sequence[float]) -> float:
    return math.log(found[1] / found[0]) / math.log(LARGE / SMALL)
