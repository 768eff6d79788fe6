"""Repositories and their policies in a table of their own, whose calls and units are counted.

The table is the embedded AWS's, in a process of its own: its work is not in the CPU seconds of this one. It answers in
pages of at most 1 MB, as DynamoDB does.
"""

from __future__ import annotations

import gc
import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import boto3

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.registry.client import RegistryClient
from tagstream.adapters.store import keys
from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import Digest, NamespacedName
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedScan
from tagstream.ports.registry import TagListing
from tagstream.ports.schema import SCHEMA
from tagstream.reconcile import status
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.tick import tick
from tagstream.reconcile.scan.trigger import ScanTrigger
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tagstream.wiring import table_config
from tests.bench.fast_registry import is_plain
from tests.contract.counted_calls import CountingClient
from tests.contract.reconciling import Silent, ports_on
from tests.embedded.aws import REGION
from tests.embedded.table import create_table

TRIGGER = ScanTrigger(reason="bench", cause="bench")
LONG_S = 900.0
TEAMS = 20
PRODUCTS = ("payments", "checkout", "search", "identity", "fulfilment", "catalogue", "notifications", "reporting")
PARTS = ("api", "worker", "frontend", "migrations", "gateway", "scheduler", "exporter")
# A worker notes the times of as many objects at once.
NOTED_TOGETHER = 100
INTERVAL, SETTLING = timedelta(minutes=5), timedelta(minutes=3)
IMAGE_API = "image.toolkit.fluxcd.io/v1"


@dataclass
class MemoryRegistry:
    """Lists the same tags for every image; every tag has a digest."""

    tags: tuple[str, ...] = tuple(f"1.0.{number}" for number in range(100))

    def list_tags(self, _image: Any, _access: Any, _deadline_s: float) -> TagListing:
        return TagListing(tags=self.tags, requests=1)

    def digest(self, _image: Any, tag: str, _access: Any, _deadline_s: float) -> Digest:
        return Digest(f"sha256:{tag.encode().hex():0>64}")

    def grow(self) -> None:
        """Add a tag to every image."""
        self.tags = (*self.tags, f"1.1.{len(self.tags)}")


def fleet_keys(count: int) -> list[NamespacedName]:
    """Names as teams choose them: words, and parts that look like hashes, which hardly compress."""

    def team(number: int) -> str:
        return f"{PRODUCTS[number % len(PRODUCTS)]}-{_mixed(f'team {number}')[:6]}"

    def service(number: int) -> str:
        mixed = _mixed(f"service {number}")
        product, part = PRODUCTS[int(mixed[-2:], 16) % len(PRODUCTS)], PARTS[int(mixed[-4:-2], 16) % len(PARTS)]
        return f"{product}-{part}-{mixed[:8]}"

    return [NamespacedName(team(number % TEAMS), service(number)) for number in range(count)]


def _mixed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class MovedClock(SystemClock):
    """The machine's clock, some time on."""

    moved = timedelta()

    def now(self) -> datetime:
        return super().now() + self.moved


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took: seconds of this process's CPU, calls to the table and its units."""

    wall: float
    cpu: float
    calls: int
    read_units: float
    write_units: int


@dataclass
class Fleet:
    """``count`` ImageRepositories with an ImagePolicy each, in 20 namespaces.

    Without an ``address`` the registry answers from memory, so that nothing but the reconciling and the table is
    measured; with one, the repositories are those of fast_registry at that address, or all are its ``image``.
    """

    endpoint: str
    count: int
    address: str = ""
    digests: bool = False
    image: str = ""
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def __post_init__(self) -> None:
        self.client, self.table = counted_table(self.endpoint)
        registry: Any = RegistryClient() if self.address else self.registry
        self.clock = MovedClock()
        self.queue = Silent()
        agenda = DynamoAgenda(table=self.table, clock=self.clock)
        self.ports: Ports = replace(
            ports_on(self.table, self.queue), registry=registry, clock=self.clock, agenda=agenda
        )
        self.keys = fleet_keys(self.count)

    def applied(self) -> Fleet:
        """With all objects stored, written past the store's door to save the time of thousands of transactions."""
        items: list[Any] = []
        for number, key in enumerate(self.keys):
            at = self.address or "registry.example.com"
            image = {
                "image": f"{at}/bench/{self.image or f'r{number}'}",
                "interval": "5m",
                "insecure": bool(self.address) and is_plain(self.address),
            }
            policy: dict[str, Any] = {
                "imageRepositoryRef": {"name": key.name},
                "policy": {"semver": {"range": ">=0.0.0"}},
            }
            if self.digests:
                policy |= {"digestReflectionPolicy": "Always", "interval": "10m"}
            items += [stored_object("ImageRepository", key, image), stored_object("ImagePolicy", key, policy)]
            items.append({**keys.policies(key), "policies": {"SS": [str(key)]}})
        self.table.write_many(items)
        return self

    def scan(self) -> None:
        """Scan all repositories, whether they are due or not."""
        scan_repositories(self.keys, TRIGGER, time.monotonic() + LONG_S, self.ports)

    def check(self) -> None:
        """Fail unless all objects are ready: work that fails takes another time."""
        stored = [one for kind in ("ImageRepository", "ImagePolicy") for one in self.ports.objects.list(kind)]
        failed = [one for one in stored if not status.is_ready(one.status)]
        if failed:
            raise AssertionError(f"{len(failed)} objects are not ready: {failed[0].key} {failed[0].status}")

    def push(self) -> None:
        """Scan one repository."""
        scan_repositories(self.keys[:1], TRIGGER, time.monotonic() + LONG_S, self.ports)

    def evaluate(self) -> None:
        """Evaluate all policies."""
        evaluate_policies(self.keys, Cause(text="bench"), time.monotonic() + LONG_S, self.ports)

    def tick(self) -> None:
        """What happens once a minute."""
        tick(time.monotonic() + LONG_S, self.ports)

    def carry_out_messages(self) -> None:
        """What ticks have left to the queue, message by message."""
        for message in [one for one in self.queue.sent if isinstance(one, QueuedScan)]:
            scan_repositories(message.repositories, ScanTrigger.of(message), time.monotonic() + LONG_S, self.ports)

    def settled(self) -> Fleet:
        """With this version's first tick and the hourly look at everything behind it, and nothing due for a while.

        Workers have noted the times of a hundred objects after the other within the last minutes.
        """
        self.ports.schema.raise_to(SCHEMA)
        begun = self.clock.now() - SETTLING
        names = [ObjectName(kind=kind, key=key) for kind in ("ImageRepository", "ImagePolicy") for key in self.keys]
        self.ports.agenda.rewrite(dict.fromkeys(names, Times(last=begun, due=begun + INTERVAL)), begun)
        for start in range(0, len(names), NOTED_TOGETHER):
            noted_at = begun + SETTLING * (start + 1) / len(names)
            together = names[start : start + NOTED_TOGETHER]
            looked = {name: noted_at - timedelta(seconds=place % 7) for place, name in enumerate(together)}
            self.ports.agenda.note({name: Times(last=at, due=at + INTERVAL) for name, at in looked.items()}, noted_at)
        self.ports.agenda.read(folds=True)
        return self


def measured(client: CountingClient, work: Callable[[], object]) -> Cost:
    """What this work takes.

    The collector passes over what the benchmark holds: a look through it takes as long as hundreds of scans, and would
    hit whatever happens to be measured. What the work itself leaves is collected while it runs, as always.
    """
    gc.collect()
    gc.freeze()
    # The collector counts anew from what is left.
    gc.collect()
    try:
        return _measured(client, work)
    finally:
        gc.unfreeze()


def _measured(client: CountingClient, work: Callable[[], object]) -> Cost:
    client.reset()
    cpu, begun = time.process_time(), time.perf_counter()
    work()
    return Cost(
        time.perf_counter() - begun,
        time.process_time() - cpu,
        sum(client.calls.values()),
        client.read_units,
        client.write_units,
    )


def counted_table(endpoint: str) -> tuple[CountingClient, Any]:
    """A new table, and the client that counts what is asked of it."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=table_config(),
    )
    name = f"bench-{uuid.uuid4().hex}"
    create_table(client, name)
    counting = CountingClient(client)
    table: Any = Table(client=counting, name=name, clock=SystemClock())  # type: ignore[arg-type]
    return counting, table


def stored_object(
    kind: str,
    key: NamespacedName,
    spec: Mapping[str, Any],
    api: str = IMAGE_API,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The item of an object."""
    metadata: dict[str, Any] = {"namespace": key.namespace, "name": key.name, "generation": 1, "labels": labels or {}}
    metadata |= {"annotations": annotations} if annotations else {}
    document = {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}
    return {**keys.key(keys.objects(kind), str(key)), "doc": keys.document(document)}
