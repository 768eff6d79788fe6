"""All ports that a function may touch, as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gocompat.entropy import Entropy
from tagstream.ports.agenda import AgendaStore
from tagstream.ports.commit_outlet import CommitOutlet
from tagstream.ports.freezes import FreezeStore, StackCalendar
from tagstream.ports.git import GitRemote, MarkerCache
from tagstream.ports.host_commits import HostCommits
from tagstream.ports.leases import LeaseStore
from tagstream.ports.ledger import Ledger
from tagstream.ports.notices import Courier, EventBus, Mailer, NoticeQueue, Notifier, Topics
from tagstream.ports.objects import ObjectStore
from tagstream.ports.pull_requests import GitHosts
from tagstream.ports.queue import ScanQueue
from tagstream.ports.registry import Registry
from tagstream.ports.runtime import Clock, Log, Metrics
from tagstream.ports.schema import SchemaStore
from tagstream.ports.secrets import Secrets
from tagstream.ports.selections import SelectionStore
from tagstream.ports.signatures import ReadPublicKeys
from tagstream.ports.syncs import SyncRequests
from tagstream.ports.tags import TagStore
from tagstream.ports.webhook import DeliveryStore
from tagstream.ports.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPorts:
    """What the webhook function may touch: nothing that is slow to import.

    ``no_cross_namespace_refs`` is the stack's switch that forbids references to objects of other namespaces.
    """

    deliveries: DeliveryStore
    objects: ObjectStore
    secrets: Secrets
    queue: ScanQueue
    ledger: Ledger
    issuer_keys: Callable[[str, bool], Mapping[str, object]]
    clock: Clock
    metrics: Metrics
    log: Log
    no_cross_namespace_refs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyPorts:
    """What the notify function may touch.

    ``bus`` is None where the stack puts no events on EventBridge. ``stack`` is its name. ``tags`` keeps the cool-downs
    of services that hang.
    """

    objects: ObjectStore
    ledger: Ledger
    tags: TagStore
    secrets: Secrets
    notices: NoticeQueue
    courier: Courier
    mailer: Mailer
    topics: Topics
    bus: EventBus | None
    clock: Clock
    metrics: Metrics
    log: Log
    stack: str
    no_cross_namespace_refs: bool = False


class GatePorts(Protocol):
    """What the gates of a policy are fed from."""

    @property
    def tags(self) -> TagStore:
        """Stored tags, first sightings and what is known of images."""

    @property
    def secrets(self) -> Secrets:
        """For the keys that must have signed an image."""

    @property
    def read_public_keys(self) -> ReadPublicKeys:
        """Reads such keys."""


class LookPorts(GatePorts, Protocol):
    """The ports of code that only reads a stack, such as the dashboard; it writes nothing."""

    @property
    def objects(self) -> ObjectStore:
        """Objects with their statuses."""

    @property
    def agenda(self) -> AgendaStore:
        """When objects were looked at, and when they are due."""

    @property
    def selections(self) -> SelectionStore:
        """What policies have selected."""

    @property
    def freezes(self) -> FreezeStore:
        """Freezes that people made."""

    @property
    def stack_calendar(self) -> StackCalendar:
        """The windows and freezes of the stack."""

    @property
    def ledger(self) -> Ledger:
        """What happened."""

    @property
    def deliveries(self) -> DeliveryStore:
        """The last deliveries."""

    @property
    def clock(self) -> Clock:
        """The time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardPorts:
    """What the dashboard's function may touch, which is what ``LookPorts`` asks for; ``stack`` is its name."""

    objects: ObjectStore
    agenda: AgendaStore
    tags: TagStore
    selections: SelectionStore
    freezes: FreezeStore
    stack_calendar: StackCalendar
    ledger: Ledger
    deliveries: DeliveryStore
    secrets: Secrets
    read_public_keys: ReadPublicKeys
    clock: Clock
    stack: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything the shell may touch; always the last argument.

    ``tells_event_bus`` says whether new ledger entries become events of EventBridge.
    ``no_cross_namespace_refs`` is the stack's switch that forbids references to objects of other namespaces.
    """

    objects: ObjectStore
    agenda: AgendaStore
    schema: SchemaStore
    tags: TagStore
    selections: SelectionStore
    leases: LeaseStore
    freezes: FreezeStore
    stack_calendar: StackCalendar
    ledger: Ledger
    deliveries: DeliveryStore
    secrets: Secrets
    queue: ScanQueue
    syncs: SyncRequests
    notifier: Notifier
    registry: Registry
    read_public_keys: ReadPublicKeys
    git: GitRemote
    outlet: CommitOutlet
    git_hosts: GitHosts
    host_commits: HostCommits
    markers: MarkerCache
    clock: Clock
    entropy: Entropy
    workers: Workers
    metrics: Metrics
    log: Log
    tells_event_bus: bool = False
    no_cross_namespace_refs: bool = False
