"""What the tests of reconciling share: ports on a real table, sample objects, and calls that reconcile them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.entropy import system_entropy
from tagstream.adapters.git.branch_push import BranchPush
from tagstream.adapters.git.marker_cache import WarmMarkers
from tagstream.adapters.git.remote import GitClient
from tagstream.adapters.git_hosts.commits import ApiCommits
from tagstream.adapters.git_hosts.hosts import KnownHosts
from tagstream.adapters.public_keys import read_public_keys
from tagstream.adapters.registry.client import RegistryClient
from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.adapters.store.deliveries import DynamoDeliveries
from tagstream.adapters.store.freezes import DynamoFreezes
from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.ledger import DynamoLedger
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.schema import DynamoSchema
from tagstream.adapters.store.selections import DynamoSelections
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.adapters.worker_threads import WorkerThreads
from tagstream.domain.objects.model import ImageRef, NamespacedName, Revision
from tagstream.domain.update.destination import repository_name
from tagstream.errors import RetryableError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tagstream.ports.freezes import StackCalendar
from tagstream.ports.notices import QueuedNotice
from tagstream.ports.queue import Queued, QueuedRun, QueuedScan
from tagstream.ports.secrets import SecretNotFound
from tagstream.ports.selections import Selection
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.trigger import ScanTrigger
from tagstream.reconcile.update.automations import run_automations
from tests.embedded.registry import Registry

APP = NamespacedName("ns", "app")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
TRIGGER = ScanTrigger(reason="interval", cause="schedule")
MOST_MESSAGES = 50
MARKED = b'image: app:v1.0.0 # {"$imagepolicy": "ns:app"}\n'


class NoNotifier:
    """The tests of the scan and update stages tell nobody."""

    def tell(self, notices: Sequence[QueuedNotice]) -> None:
        raise AssertionError(f"somebody is told: {notices}")


@dataclass
class Silent:
    """The log, metrics, secrets and queue of a test; it remembers messages, metrics, lines and correlation ids."""

    sent: list[Queued] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    secrets: dict[NamespacedName, Mapping[str, bytes]] = field(default_factory=dict)
    given_back: list[tuple[str, float]] = field(default_factory=list)
    hidden: list[Mapping[str, float]] = field(default_factory=list)
    correlated: list[str] = field(default_factory=list)
    synced: list[NamespacedName] = field(default_factory=list)
    broken: bool = False

    def send(self, requests: Sequence[Queued]) -> None:
        if self.broken:
            raise RetryableError("the queue is out of reach", reason="QueueOperationFailed")
        self.sent.extend(requests)

    def request(self, kustomizations: Collection[NamespacedName], cause: str) -> None:
        self.synced += sorted(kustomizations)

    def scans(self) -> list[QueuedScan]:
        """Return the scans that were asked for; a run among them fails the test."""
        assert not [one for one in self.sent if isinstance(one, QueuedRun)]
        return [one for one in self.sent if isinstance(one, QueuedScan)]

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        if key not in self.secrets:
            raise SecretNotFound(f'secrets "{key.name}" not found')
        return self.secrets[key]

    def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
        return self.get(key)

    def put(self, key: NamespacedName, data: Mapping[str, bytes]) -> None:
        self.secrets[key] = data

    def expire(self) -> None:
        """Nothing is remembered."""

    def hide(self, receipts: Mapping[str, float]) -> None:
        self.hidden.append(receipts)

    def give_back(self, receipt: str, after_s: float) -> None:
        self.given_back.append((receipt, after_s))

    def correlate(self, cause: str) -> None:
        self.correlated.append(cause)

    def add(self, name: str, value: float, controller: str) -> None:
        self.counted.append(f"{name} {controller}")

    def flush(self) -> None:
        """Nothing to write."""

    def info(self, message: str, **facts: object) -> None:
        self.lines.append(message)

    error = info

    def debug(self, message: str, **facts: object) -> None:
        """Not shown."""


def document(kind: str, group: str = "image.toolkit.fluxcd.io/v1", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "app", "namespace": "ns"}, "spec": spec}


def watched(ports: Ports, registry: Registry, semver: str = "1.x") -> None:
    ports.objects.put(document("ImageRepository", image=f"{registry.address}/app", interval="1m"))
    ports.objects.put(document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": semver}}))


def automated(ports: Ports, url: str, signing_key: Mapping[str, Any] | None = None, **push: str) -> None:
    source = document("GitRepository", "source.toolkit.fluxcd.io/v1", url=url, interval="1m")
    commit = {"author": {"email": "b@c"}} | ({"signingKey": signing_key} if signing_key else {})
    git_spec = {"checkout": {"ref": {"branch": "main"}}, "commit": commit, "push": push}
    ports.objects.put(source)
    ports.objects.put(
        document(
            "ImageUpdateAutomation", interval="1m", sourceRef={"kind": "GitRepository", "name": "app"}, git=git_spec
        )
    )


def looked_at(ports: Ports) -> Mapping[ObjectName, datetime]:
    """Return when each object was last reconciled."""
    return {name: one.last for name, one in ports.agenda.read().times.items() if one.last is not None}


def target_of(url: str, branch: str = "main") -> str:
    """Return the name of a branch's lease."""
    return f"{repository_name(url)}#{branch}"


def scan(ports: Ports, left_s: float = 30.0) -> frozenset[NamespacedName]:
    return scan_repositories([APP], TRIGGER, ports.clock.monotonic_s() + left_s, ports)


def run(ports: Ports, left_s: float = 30.0) -> None:
    run_automations([APP], "worker", ports.clock.monotonic_s() + left_s, ports)


def run_woken(keys: Sequence[NamespacedName], ports: Ports, owner: str = "worker", left_s: float = 60.0) -> list[float]:
    """Run automations, and run them again when a delayed message asks for it; return the delays.

    This does what the queue, the scan function and the stream do together.
    """
    queue, wanted = Silent(), keys
    delays: list[float] = []
    while len(delays) < MOST_MESSAGES:
        run_automations(wanted, owner, ports.clock.monotonic_s() + left_s, replace(ports, queue=queue))
        if not queue.sent:
            return delays
        message = queue.sent.pop(0)
        assert isinstance(message, QueuedRun)
        wanted = message.automations
        delays.append(message.delay_s)
        ports.clock.sleep(message.delay_s)
    raise AssertionError(f"{keys} wait without an end")


def reason(ports: Ports, kind: str) -> str:
    stored = ports.objects.get(kind, APP)
    assert stored is not None
    conditions: Any = stored.status["conditions"]
    return str(next(one["reason"] for one in conditions if one["type"] == "Ready"))


def message_of(ports: Ports, kind: str) -> str:
    """Return the message of the Ready condition."""
    stored = ports.objects.get(kind, APP)
    assert stored is not None
    conditions: Any = stored.status["conditions"]
    return str(next(one["message"] for one in conditions if one["type"] == "Ready"))


def selection(tag: str) -> Selection:
    return Selection(
        policy=APP,
        ref=ImageRef(name="app", tag=tag),
        previous=None,
        tags_revision=Revision("sha256:1"),
        policy_generation=1,
        selected_at=NOW,
        cause="test",
    )


def selected(ports: Ports) -> str:
    found = ports.selections.get(APP)
    return found.ref.tag if found else ""


def ports_on(table: Table, silent: Silent) -> Ports:
    """Make ports that are real, except for secrets, queue, log and metrics."""
    clock = SystemClock()
    return Ports(
        objects=DynamoObjects(table=table, clock=clock),
        agenda=DynamoAgenda(table=table, clock=clock),
        schema=DynamoSchema(table=table),
        tags=DynamoTags(table=table),
        selections=DynamoSelections(table=table),
        leases=DynamoLeases(table=table, clock=clock),
        freezes=DynamoFreezes(table=table, ledger=DynamoLedger(table=table, ttl_s=60)),
        stack_calendar=StackCalendar(),
        ledger=DynamoLedger(table=table, ttl_s=60),
        deliveries=DynamoDeliveries(table=table, clock=clock),
        secrets=silent,
        queue=silent,
        syncs=silent,
        notifier=NoNotifier(),
        registry=RegistryClient(),
        read_public_keys=read_public_keys,
        git=GitClient(),
        outlet=BranchPush(),
        git_hosts=KnownHosts(lambda access: access, clock),
        host_commits=ApiCommits(lambda access: access, clock),
        markers=WarmMarkers(),
        clock=clock,
        entropy=system_entropy,
        workers=WorkerThreads(),
        metrics=silent,
        log=silent,
    )


def emptied(table: Table) -> None:
    """Remove every item from the table."""
    for page in table.client.get_paginator("scan").paginate(TableName=table.name):
        table.delete_many(page["Items"])
