"""Ports that keep everything in dictionaries, for tests of what the command line prints and in which order.

A method that the command line must not call is ``not_called``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from tagstream import __version__
from tagstream.adapters.worker_threads import WorkerThreads
from tagstream.cli.console import Console
from tagstream.cli.dry_stack import sources_among, writers_among
from tagstream.cli.entry import INTERRUPTED, Stack, run
from tagstream.domain.calendar.hand_freeze import HandFreeze
from tagstream.domain.objects.annotations import annotated
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.agenda import Agenda, ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.freezes import StackCalendar
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import Document, StoredObject
from tagstream.ports.operations import Alarm, DeadLetter, Operations
from tagstream.ports.schema import SCHEMA
from tagstream.ports.secrets import SecretNotFound
from tagstream.ports.selections import Selection, Waiting
from tagstream.ports.webhook import LastDelivery
from tests.unit.cli.memory_tags import MemoryTags, not_called

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _metadata(document: Document) -> Mapping[str, Any]:
    metadata = document["metadata"]
    assert isinstance(metadata, Mapping)
    return metadata


@dataclass
class MemoryObjects:
    """ObjectStore; ``writes`` lists what was put, in order."""

    stored: dict[tuple[str, NamespacedName], StoredObject] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    on_annotate: Callable[[str, NamespacedName, Mapping[str, str | None]], object] | None = None
    policies_of = delete_derived = reindex = put_index_right = not_called

    def list(self, kind: str, namespace: str | None = None) -> tuple[StoredObject, ...]:
        """Sorted by namespace and name."""
        found = [one for (known, _), one in self.stored.items() if known == kind]
        return tuple(sorted((one for one in found if namespace in (None, one.key.namespace)), key=lambda one: one.key))

    def get(self, kind: str, key: NamespacedName) -> StoredObject | None:
        """One."""
        return self.stored.get((kind, key))

    def put(self, document: Document) -> StoredObject:
        """Create or replace; a changed spec is a new generation."""
        metadata = _metadata(document)
        kind, key = str(document["kind"]), NamespacedName(metadata["namespace"], metadata["name"])
        before = self.stored.get((kind, key))
        self.writes.append(f"{kind}/{key}")
        generation = _metadata(before.document)["generation"] if before else 0
        if before is None or before.document.get("spec") != document.get("spec"):
            generation += 1
        written = {**document, "metadata": {**metadata, "generation": generation}}
        status = before.status if before else {}
        self.stored[kind, key] = StoredObject(kind=kind, key=key, document=written, status=status)
        return self.stored[kind, key]

    def annotate(
        self,
        kind: str,
        key: NamespacedName,
        annotations: Mapping[str, str | None],
        expected: Mapping[str, str | None] = MappingProxyType({}),
    ) -> bool:
        """Merge annotations."""
        one = self.stored.get((kind, key))
        if one is None:
            return False
        self.put(annotated(one.document, annotations))
        if self.on_annotate:
            self.on_annotate(kind, key, annotations)
        return True

    def delete(self, kind: str, key: NamespacedName) -> bool:
        """Remove."""
        return self.stored.pop((kind, key), None) is not None

    def labelled(
        self, namespace: str, label: tuple[str, str], most: int, *, may_lag: bool = False
    ) -> Collection[NamespacedName] | None:
        """All of the namespace: a reader looks at the labels themselves."""
        return [one.key for one in self.list("ImagePolicy", namespace)]

    def labelled_each(self, namespace: str, labels: Collection[tuple[str, str]], *, may_lag: bool = False) -> None:
        """Each label is looked up alone."""

    def sources_of(self, repository: str, *, may_lag: bool = False) -> Mapping[NamespacedName, str]:
        """Those that their documents name."""
        return sources_among(self.list("GitRepository"), repository)

    def writers_of(
        self, key: str, sources: Collection[NamespacedName], *, may_lag: bool = False
    ) -> Collection[tuple[NamespacedName, NamespacedName]]:
        """Those that their documents name."""
        return writers_among(self.list("ImageUpdateAutomation"), key, sources)

    def documents(self, names: Collection[ObjectName], *, may_lag: bool = False) -> Mapping[ObjectName, Document]:
        """Those that exist."""
        found = {name: self.get(name.kind, name.key) for name in names}
        return {name: one.document for name, one in found.items() if one is not None}

    def documents_of(self, kind: str, *, may_lag: bool = False) -> Mapping[NamespacedName, Document]:
        """All of a kind, in the order of names."""
        return {one.key: one.document for one in self.list(kind)}

    def get_many(
        self, kind: str, names: Collection[NamespacedName], total: int | None = 0, *, may_lag: bool = False
    ) -> tuple[StoredObject, ...]:
        """Those that exist, sorted by name."""
        found = (self.get(kind, name) for name in sorted(set(names)))
        return tuple(one for one in found if one is not None)

    def replace_status(self, stored: StoredObject, status: Document) -> bool:
        """Replace the status if it is still the one that was read."""
        if self.stored.get((stored.kind, stored.key)) != stored:
            return False
        self.put_statuses([(stored, status)])
        return True

    def replace_statuses(self, changes: Sequence[tuple[StoredObject, Document]]) -> Sequence[bool]:
        """Replace those that are still the ones that were read."""
        return [self.replace_status(stored, status) for stored, status in changes]

    def put_statuses(self, changes: Sequence[tuple[StoredObject, Document]]) -> Sequence[ImageAutomationError | None]:
        """Replace the statuses."""
        for read, status in changes:
            where = (read.kind, read.key)
            self.stored[where] = replace(self.stored[where], status=status)
        return [None] * len(changes)


@dataclass
class MemorySecrets:
    """Secrets."""

    data: dict[NamespacedName, Mapping[str, bytes]] = field(default_factory=dict)
    renewed = not_called

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The members."""
        if key not in self.data:
            raise SecretNotFound(f'secrets "{key.name}" not found')
        return self.data[key]

    def put(self, key: NamespacedName, data: Mapping[str, bytes]) -> None:
        """Create or replace."""
        self.data[key] = data

    def expire(self) -> None:
        """Nothing is remembered."""


@dataclass
class MemoryDeliveries:
    """The part of DeliveryStore that publishing needs."""

    published: dict[NamespacedName, tuple[str, ...]] = field(default_factory=dict)
    deliveries: dict[str, dict[NamespacedName, LastDelivery]] = field(default_factory=dict)
    target = paths = repositories = coalesce = put_last_delivery = put_refusal = reopen = confirm = not_called
    join = joined_tags = delivery_settled = settle_delivery = not_called

    def put_targets(
        self, paths: Sequence[str], receiver: NamespacedName, expected: Sequence[str] | None = None
    ) -> bool:
        """Replace a Receiver's paths; the command line expects none."""
        assert expected is None
        self.published[receiver] = tuple(paths)
        return True

    def last_deliveries(self, kind: str) -> Mapping[NamespacedName, LastDelivery]:
        """Kept in ``deliveries``."""
        return self.deliveries.get(kind, {})


@dataclass
class MemorySelections:
    """The part of SelectionStore that the command line needs."""

    selected: dict[NamespacedName, Selection] = field(default_factory=dict)
    runs: list[tuple[NamespacedName, str]] = field(default_factory=list)
    waits: dict[NamespacedName, Waiting] = field(default_factory=dict)
    put_each = put_waiting = get_with_lists = not_called

    def list(self, namespace: str, *, may_lag: bool = False) -> Mapping[NamespacedName, Selection]:
        """Of a namespace."""
        return {key: one for key, one in self.selected.items() if key.namespace == namespace}

    def waiting(self, automation: NamespacedName) -> Waiting | None:
        """Kept in ``waits``."""
        return self.waits.get(automation)

    def get(self, key: NamespacedName) -> Selection | None:
        """One."""
        return self.selected.get(key)

    def get_many(
        self, policies: Collection[NamespacedName], *, may_lag: bool = False
    ) -> Mapping[NamespacedName, Selection]:
        """Those of some policies."""
        return {key: self.selected[key] for key in policies if key in self.selected}

    def request_run(self, automation: NamespacedName, reason: str, now: datetime) -> None:
        """Kept in ``runs``."""
        self.runs.append((automation, reason))


@dataclass
class MemoryAgenda:
    """The part of AgendaStore that the command line needs."""

    times: dict[ObjectName, Times] = field(default_factory=dict)
    swept_at: datetime | None = NOW
    forget = rewrite = not_called

    def read(self, *, folds: bool = False) -> Agenda:
        """Kept in ``times``."""
        return Agenda(times=self.times, swept_at=self.swept_at)

    def note(self, times: Mapping[ObjectName, Times], as_of: datetime | None = None) -> None:
        """Kept in ``times``."""
        self.times |= times


@dataclass
class MemorySchema:
    """SchemaStore of a table that the stack's functions have marked."""

    marked: int = SCHEMA
    raise_to = not_called

    def version(self) -> int:
        """Kept in ``marked``."""
        return self.marked


@dataclass
class MemoryLedger:
    """Ledger."""

    entries: list[LedgerEntry] = field(default_factory=list)

    def record(self, entries: Sequence[LedgerEntry]) -> None:
        """Append."""
        self.entries += entries

    by_ids = not_called

    def read(self, since: datetime, until: datetime) -> tuple[LedgerEntry, ...]:
        """Of a period."""
        return tuple(one for one in self.entries if since <= one.at <= until)


@dataclass
class SteppingClock:
    """Time that goes on only while somebody sleeps; one of ``turns`` happens at each sleep."""

    passed_s: float = 0.0
    turns: list[Callable[[], object]] = field(default_factory=list)

    def now(self) -> datetime:
        """Aware UTC."""
        return NOW + timedelta(seconds=self.passed_s)

    def monotonic_s(self) -> float:
        """Seconds slept."""
        return self.passed_s

    def sleep(self, seconds: float) -> None:
        """Pass."""
        self.passed_s += seconds
        if self.turns:
            turn = self.turns.pop(0)
            turn()


def interrupt() -> NoReturn:
    """Press ^C: the last of a clock's turns."""
    raise KeyboardInterrupt


class NoLeases:
    """The command line writes to no branch."""

    acquire = holder = take_over = renew = last_holders = release = not_called
    put_intent = intents = is_held = clear_intents = not_called


class NoQueue:
    """The command line asks for scans and runs through the stored objects."""

    send = hide = give_back = request = not_called
    send = hide = give_back = tell = not_called


class NoRegistry:
    """The command line talks to no registry."""

    list_tags = digest = platforms = created = labels = images = scan_findings = signatures = not_called


class NoGit:
    """The command line reads a folder; it opens no repository and sends no commit."""

    open = signer = send = of = commit = not_called


class NoMarkers:
    """The command line remembers no blob."""

    is_marked = learn = not_called


class NoTelemetry:
    """The command line prints; it writes neither log nor metrics."""

    add = flush = correlate = info = debug = error = not_called


@dataclass
class MemoryFreezes:
    """FreezeStore; ``recorded`` is what the ledger got with a change; what is ``broken`` cannot be read."""

    broken: bool = False
    stored: tuple[HandFreeze, ...] = ()
    recorded: list[LedgerEntry] = field(default_factory=list)

    def read(self) -> tuple[HandFreeze, ...]:
        """All."""
        if self.broken:
            raise ImageAutomationError("freezes cannot be read", reason="StorageOperationFailed")
        return self.stored

    def give_up(self, entries: Sequence[LedgerEntry]) -> bool:
        """If they cannot be read."""
        was_broken, self.broken = self.broken, False
        self.recorded += entries if was_broken else ()
        return was_broken

    def replace(
        self, before: Sequence[HandFreeze], after: Sequence[HandFreeze], entries: Sequence[LedgerEntry]
    ) -> bool:
        """If nobody changed them."""
        if self.stored != tuple(before):
            return False
        self.stored = tuple(after)
        self.recorded += entries
        return True


@dataclass
class MemoryOperations:
    """Operations; ``refused`` names the calls that AWS refuses, ``actions`` lists what was done to dead letters."""

    secrets: MemorySecrets
    told_version: str = __version__
    ticking: bool = True
    ringing: tuple[Alarm, ...] = ()
    letters: list[DeadLetter] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def _ask(self, name: str) -> None:
        if name in self.refused:
            raise RetryableError(f"{name} is not authorized", reason="Failure")

    def version(self) -> str:
        """As told."""
        return self.told_version

    def is_ticking(self) -> bool:
        """As set."""
        self._ask("is_ticking")
        return self.ticking

    def alarms(self) -> Sequence[Alarm]:
        """As set."""
        self._ask("alarms")
        return self.ringing

    def dead_letter_count(self, queue: str) -> int:
        """Of ``letters``."""
        self._ask("dead_letter_count")
        return len(self.dead_letters(queue))

    def dead_letters(self, queue: str) -> Sequence[DeadLetter]:
        """Of ``letters``."""
        return [one for one in self.letters if one.queue == queue]

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Listed."""
        self.actions += [f"give back {one.receipt}" for one in letters]

    def drop(self, letter: DeadLetter) -> None:
        """Listed."""
        self.letters.remove(letter)
        self.actions.append(f"drop {letter.receipt}")

    def resend(self, letter: DeadLetter) -> None:
        """Listed."""
        self.actions.append(f"resend {letter.receipt}")

    def secret_names(self, namespace: str | None) -> Sequence[NamespacedName]:
        """Those of ``secrets``."""
        self._ask("secret_names")
        return sorted(one for one in self.secrets.data if namespace in (None, one.namespace))

    def delete_secret(self, key: NamespacedName, *, at_once: bool) -> bool:
        """One of ``secrets``."""
        self.actions.append("delete at once" if at_once else "delete")
        return self.secrets.data.pop(key, None) is not None

    def may_write_secrets(self) -> bool:
        """Unless it is refused."""
        return "may_write_secrets" not in self.refused

    def may_write_table(self) -> bool:
        """Unless it is refused."""
        return "may_write_table" not in self.refused

    def webhook_answers(self) -> str:
        """It does."""
        self._ask("webhook_answers")
        return "405 Method Not Allowed"


@dataclass
class MemoryPorts:
    """The fakes of one test; ``log_lines`` are what the functions logged, the last member is the stack's switch."""

    objects: MemoryObjects = field(default_factory=MemoryObjects)
    secrets: MemorySecrets = field(default_factory=MemorySecrets)
    deliveries: MemoryDeliveries = field(default_factory=MemoryDeliveries)
    selections: MemorySelections = field(default_factory=MemorySelections)
    agenda: MemoryAgenda = field(default_factory=MemoryAgenda)
    schema: MemorySchema = field(default_factory=MemorySchema)
    tags: MemoryTags = field(init=False)
    log_lines: list[Mapping[str, object]] = field(default_factory=list)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    freezes: MemoryFreezes = field(default_factory=MemoryFreezes)
    stack_calendar: StackCalendar = field(default_factory=StackCalendar)
    clock: SteppingClock = field(default_factory=SteppingClock)
    no_cross_namespace_refs: bool = False
    operations: MemoryOperations = field(init=False)

    def __post_init__(self) -> None:
        self.tags = MemoryTags(self.objects.get, NOW)
        self.operations = MemoryOperations(self.secrets)

    def bundle(self) -> Ports:
        """What the command line gets; mypy checks here that every fake is the port that it stands for."""
        return Ports(
            objects=self.objects,
            agenda=self.agenda,
            schema=self.schema,
            tags=self.tags,
            selections=self.selections,
            leases=NoLeases(),
            freezes=self.freezes,
            stack_calendar=self.stack_calendar,
            ledger=self.ledger,
            deliveries=self.deliveries,
            secrets=self.secrets,
            queue=NoQueue(),
            syncs=NoQueue(),
            notifier=NoQueue(),
            registry=NoRegistry(),
            read_public_keys=not_called,
            git=NoGit(),
            outlet=NoGit(),
            git_hosts=NoGit(),
            host_commits=NoGit(),
            markers=NoMarkers(),
            clock=self.clock,
            entropy=not_called,
            workers=WorkerThreads(),
            metrics=NoTelemetry(),
            log=NoTelemetry(),
            no_cross_namespace_refs=self.no_cross_namespace_refs,
        )


@dataclass
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def command(
    *argv: str | Path,
    ports: MemoryPorts | Ports | None = None,
    stdin: str = "",
    width: int = 0,
    environ: Mapping[str, str] = MappingProxyType({}),
    operations: Operations | None = None,
) -> Outcome:
    """Run a command; without ports it must not ask for any.

    Args:
        argv: the arguments.
        ports: of the stack.
        stdin: what the command can read.
        width: the columns of the terminal on which it runs; 0 for none.
        environ: environment variables that the command line reads itself.
        operations: of the stack, where the ports are no fakes.
    """
    out, err = (Screen(), Screen()) if width else (io.StringIO(), io.StringIO())

    def connect(stack: str) -> Ports:
        assert ports is not None, "an offline command asked for the stack"
        return ports.bundle() if isinstance(ports, MemoryPorts) else ports

    def read_logs(stack: str, since: datetime, until: datetime) -> Sequence[Mapping[str, object]]:
        assert isinstance(ports, MemoryPorts), "a command without fakes asked for logs"
        return ports.log_lines

    def operate(stack: str) -> Operations:
        if operations is not None:
            return operations
        assert isinstance(ports, MemoryPorts), "a command without fakes asked for operations"
        return ports.operations

    stack = Stack(
        connect=connect,
        base_url=lambda name: f"https://{name}.example/",
        read_logs=read_logs,
        who=lambda: "arn:aws:iam::1:user/ann",
        operate=operate,
    )
    console = Console(out=out, err=err, width=width)
    try:
        code = run([str(one) for one in argv], console, io.StringIO(stdin), stack, environ)
    except KeyboardInterrupt:
        code = INTERRUPTED
    return Outcome(code=code, out=out.getvalue(), err=err.getvalue())
