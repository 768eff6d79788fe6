"""A stack that is only read: its writes stay in memory, so that a verb can ask what would happen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast

from tagstream.domain.objects.annotations import OWN, annotated, annotations_of
from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import (
    CanonicalImage,
    Digest,
    GitRepository,
    ImageUpdateAutomation,
    NamespacedName,
)
from tagstream.domain.update.destination import repository_name
from tagstream.domain.update.writer_key import checkout_key, writer_key
from tagstream.errors import ImageAutomationError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import Document, ObjectStore, StoredObject
from tagstream.ports.secrets import Secrets
from tagstream.ports.selections import Selection, SelectionStore, Waiting
from tagstream.ports.tags import ImageFact, TagStore
from tagstream.reconcile import status

READS: Mapping[str, frozenset[str]] = {
    "objects": frozenset(
        {
            "get",
            "get_many",
            "documents",
            "documents_of",
            "labelled",
            "labelled_each",
            "sources_of",
            "writers_of",
            "list",
        }
    ),
    "selections": frozenset({"get", "get_many", "list", "waiting"}),
    "tags": frozenset({"state", "states", "tags", "names", "sightings", "image_fact", "creation_times", "cool_down"}),
    "leases": frozenset({"last_holders"}),
    "freezes": frozenset({"read"}),
    "agenda": frozenset({"read"}),
    "schema": frozenset({"version"}),
    "ledger": frozenset({"read"}),
    "secrets": frozenset({"get", "renewed"}),
    "registry": frozenset({"digest", "platforms", "created", "labels", "signatures", "images", "scan_findings"}),
    "git": frozenset({"open", "signer"}),
    "deliveries": frozenset(),
    "queue": frozenset(),
    "syncs": frozenset(),
    "notifier": frozenset(),
    "outlet": frozenset(),
    "git_hosts": frozenset({"of"}),
    "host_commits": frozenset(),
    "workers": frozenset({"carry_out"}),
}
"""The calls that a dry stack lets through. Any other one is a mistake of ours, and fails."""
PARTS: Mapping[str, frozenset[str]] = {
    "git.open": frozenset(
        {
            *("refs", "refresh", "default_branch", "descends", "history", "resolve", "fetch", "files", "read", "tree"),
            # A commit stays in memory until it is pushed.
            *("commit", "close"),
        }
    ),
    "git_hosts.of": frozenset({"limits", "newest", "read"}),
}
"""The same for a Git session and for the requests of a repository, by the call that returns them."""
IGNORED: Mapping[str, frozenset[str]] = {
    "agenda": frozenset({"note"}),
    "ledger": frozenset({"record"}),
}
"""What evaluating a policy writes besides; nobody reads it here."""


class WriteRefused(AssertionError):
    """A verb that must only read has tried to write."""


@dataclass(frozen=True, slots=True)
class _ReadOnly:
    """A port, or what one of its calls has returned, of which only reading calls exist."""

    inner: Any
    name: str

    def __getattr__(self, member: str) -> Any:
        called = f"{self.name}.{member}"
        if called in PARTS:
            return lambda *arguments: _ReadOnly(getattr(self.inner, member)(*arguments), called)
        if member in (PARTS[self.name] if self.name in PARTS else READS[self.name]):
            return getattr(self.inner, member)
        if member in IGNORED.get(self.name, ()):
            return lambda *arguments, **options: None
        raise WriteRefused(f"{self.name}.{member}")


@dataclass(slots=True)
class DryObjects:
    """Objects with some replaced, and the statuses that are written meanwhile.

    Args:
        inner: the stack's.
        replaced: objects that count instead of those of the stack, by kind and name.
    """

    inner: ObjectStore
    replaced: dict[ObjectName, StoredObject] = field(default_factory=dict)

    def get(self, kind: str, key: NamespacedName) -> StoredObject | None:
        """One object."""
        return self.replaced.get(ObjectName(kind=kind, key=key)) or self.inner.get(kind, key)

    def get_many(
        self, kind: str, names: Collection[NamespacedName], total: int | None = 0, *, may_lag: bool = False
    ) -> tuple[StoredObject, ...]:
        """Those that exist, sorted by name."""
        return self._with(kind, self.inner.get_many(kind, names, total, may_lag=may_lag), set(names))

    def list(self, kind: str, namespace: str | None = None) -> tuple[StoredObject, ...]:
        """All of a kind, sorted by name."""
        here = {one.key for one in self.replaced if one.kind == kind and namespace in (None, one.key.namespace)}
        return self._with(kind, self.inner.list(kind, namespace), here)

    def documents(self, names: Collection[ObjectName], *, may_lag: bool = False) -> Mapping[ObjectName, Document]:
        """The documents of those that exist."""
        own = {name: self.replaced[name].document for name in names if name in self.replaced}
        return {**self.inner.documents([name for name in names if name not in own], may_lag=may_lag), **own}

    def labelled(
        self, namespace: str, label: tuple[str, str], most: int, *, may_lag: bool = False
    ) -> Collection[NamespacedName] | None:
        """Those of the stack, and all that are replaced: whoever asks looks at the labels themselves."""
        found = self.inner.labelled(namespace, label, most, may_lag=may_lag)
        own = (one.key for one in self.replaced if one.kind == "ImagePolicy" and one.key.namespace == namespace)
        return None if found is None else {*found, *own}

    def labelled_each(
        self, namespace: str, labels: Collection[tuple[str, str]], *, may_lag: bool = False
    ) -> Mapping[tuple[str, str], Collection[NamespacedName] | None] | None:
        """Each label is looked up alone, as ``labelled``."""
        return None

    def sources_of(self, repository: str, *, may_lag: bool = False) -> Mapping[NamespacedName, str]:
        """Those of the stack, and those that are replaced as they are now."""
        return {
            **self.inner.sources_of(repository, may_lag=may_lag),
            **sources_among(self.replaced.values(), repository),
        }

    def writers_of(
        self, key: str, sources: Collection[NamespacedName], *, may_lag: bool = False
    ) -> Collection[tuple[NamespacedName, NamespacedName]]:
        """Those of the stack, and those that are replaced as they are now."""
        found = self.inner.writers_of(key, sources, may_lag=may_lag)
        return {*found, *writers_among(self.replaced.values(), key, sources)}

    def documents_of(self, kind: str, *, may_lag: bool = False) -> Mapping[NamespacedName, Document]:
        """The documents of all of a kind, in the order of names."""
        own = {name.key: one.document for name, one in self.replaced.items() if name.kind == kind}
        return dict(sorted({**self.inner.documents_of(kind, may_lag=may_lag), **own}.items()))

    def put_statuses(self, changes: Sequence[tuple[StoredObject, Document]]) -> Sequence[ImageAutomationError | None]:
        """Kept in memory."""
        for read, new in changes:
            stored = self.get(read.kind, read.key)
            if stored is not None:
                self.replaced[ObjectName(kind=read.kind, key=read.key)] = replace(stored, status=new)
        return [None] * len(changes)

    def replace_statuses(self, changes: Sequence[tuple[StoredObject, Document]]) -> Sequence[bool]:
        """Kept in memory, over the status that was read or any other one: nobody else writes here."""
        self.put_statuses(changes)
        return [True] * len(changes)

    def annotate(
        self,
        kind: str,
        key: NamespacedName,
        annotations: Mapping[str, str | None],
        expected: Mapping[str, str | None] = MappingProxyType({}),
    ) -> bool:
        """Kept in memory."""
        stored = self.get(kind, key)
        if stored is None:
            return False
        document = annotated(stored.document, annotations)
        self.replaced[ObjectName(kind=kind, key=key)] = replace(stored, document=document)
        return True

    def _with(
        self, kind: str, stored: Iterable[StoredObject], wanted: Collection[NamespacedName]
    ) -> tuple[StoredObject, ...]:
        found = {one.key: one for one in stored}
        found |= {one.key: own for one, own in self.replaced.items() if one.kind == kind and one.key in wanted}
        return tuple(found[key] for key in sorted(found))


def sources_among(objects: Iterable[StoredObject], repository: str) -> Mapping[NamespacedName, str]:
    """What ``ObjectStore.sources_of`` finds among these objects."""
    sources = ((key, one) for key, one in _parsed(objects) if isinstance(one, GitRepository))
    return {key: checkout_key(one) for key, one in sources if repository_name(one.url) == repository}


def writers_among(
    objects: Iterable[StoredObject], key: str, sources: Collection[NamespacedName]
) -> Collection[tuple[NamespacedName, NamespacedName]]:
    """What ``ObjectStore.writers_of`` finds among these objects."""
    automations = ((name, one) for name, one in _parsed(objects) if isinstance(one, ImageUpdateAutomation))
    found = [(one.source.key, name) for name, one in automations if writer_key(one) == key]
    return [one for one in found if one[0] in sources]


def _parsed(objects: Iterable[StoredObject]) -> Iterator[tuple[NamespacedName, object]]:
    return ((one.key, parse_object(one.document, one.key.namespace).value) for one in objects)


@dataclass(slots=True)
class DrySelections:
    """Selections, and those that are made meanwhile."""

    inner: SelectionStore
    made: dict[NamespacedName, Selection] = field(default_factory=dict)

    def get(self, key: NamespacedName) -> Selection | None:
        """A policy's selection."""
        return self.made.get(key) or self.inner.get(key)

    def get_many(
        self, policies: Collection[NamespacedName], *, may_lag: bool = False
    ) -> Mapping[NamespacedName, Selection]:
        """The selections of policies."""
        own = {key: self.made[key] for key in policies if key in self.made}
        return {**self.inner.get_many([key for key in policies if key not in own], may_lag=may_lag), **own}

    def list(self, namespace: str, *, may_lag: bool = False) -> Mapping[NamespacedName, Selection]:
        """All selections of a namespace."""
        own = {key: one for key, one in self.made.items() if key.namespace == namespace}
        return {**self.inner.list(namespace, may_lag=may_lag), **own}

    def waiting(self, automation: NamespacedName) -> Waiting | None:
        """Since when an automation waits for the end of a burst."""
        return self.inner.waiting(automation)

    def put_each(self, changes: Sequence[tuple[Selection, Selection | None]]) -> Sequence[bool]:
        """Kept in memory."""
        self.made |= {selection.policy: selection for selection, _ in changes}
        return [True] * len(changes)


@dataclass(slots=True)
class DryTags:
    """Tags; a digest that was never seen before counts as seen now, and is not recorded."""

    inner: TagStore

    def first_seen(self, key: NamespacedName, tag: str, digest: Digest, now: datetime) -> datetime:
        """When this tag was first seen with this digest."""
        return self.inner.sightings(key, tag).get(digest, now)

    def put_image_fact(self, key: NamespacedName, digest: Digest, kind: str, fact: ImageFact) -> None:
        """Not kept."""

    def put_cool_down(self, host: str, until: datetime) -> None:
        """Not kept."""

    def put_creation_times(
        self, key: NamespacedName, image: CanonicalImage, times: Mapping[str, datetime | None], now: datetime
    ) -> None:
        """Not kept."""

    def __getattr__(self, member: str) -> Any:
        return getattr(_ReadOnly(self.inner, "tags"), member)


@dataclass(frozen=True, slots=True)
class DrySecrets:
    """The secrets of the stack, some of them replaced.

    Args:
        inner: the stack's.
        given: secrets that count instead, by name; they never print.
    """

    inner: Secrets
    given: Mapping[NamespacedName, Mapping[str, bytes]] = field(default_factory=dict, repr=False)

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The secret's members."""
        return self.given[key] if key in self.given else self.inner.get(key)

    def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The secret's members as they are now."""
        return self.given[key] if key in self.given else self.inner.renewed(key)

    def __getattr__(self, member: str) -> Any:
        return getattr(_ReadOnly(self.inner, "secrets"), member)


@dataclass(frozen=True, slots=True)
class _Quiet:
    """Neither metrics nor log."""

    def __getattr__(self, member: str) -> Any:
        return lambda *arguments, **options: None


@dataclass(frozen=True, slots=True)
class ClockAt:
    """The clock of the machine, but for the time that it shows."""

    inner: Any
    at: datetime

    def now(self) -> datetime:
        """The time that was asked for."""
        return self.at

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        found: float = self.inner.monotonic_s()
        return found

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.inner.sleep(seconds)


def dry_ports(
    ports: Ports,
    documents: Iterable[Document],
    at: datetime,
    secrets: Mapping[NamespacedName, Mapping[str, bytes]] = MappingProxyType({}),
) -> Ports:
    """The ports of a stack that is only read.

    Args:
        ports: of the stack.
        documents: objects that count instead of those of the stack.
        at: what the clock shows (aware UTC).
        secrets: that count instead of those of the stack.
    """
    names = [name for name in READS if name not in ("objects", "selections", "tags", "secrets")]
    closed: dict[str, Any] = {name: _ReadOnly(getattr(ports, name), name) for name in names}
    objects = DryObjects(_as_objects(ports))
    for document in documents:
        stored = _as_stored(document, objects)
        objects.replaced[ObjectName(kind=stored.kind, key=stored.key)] = stored
    quiet: Any = _Quiet()
    written: dict[str, Any] = {
        "objects": objects,
        "selections": DrySelections(cast("SelectionStore", _ReadOnly(ports.selections, "selections"))),
        "tags": DryTags(ports.tags),
        "secrets": DrySecrets(ports.secrets, secrets),
        "clock": ClockAt(ports.clock, at),
    }
    return replace(ports, **closed, **written, metrics=quiet, log=quiet)


def _as_objects(ports: Ports) -> ObjectStore:
    return cast("ObjectStore", _ReadOnly(ports.objects, "objects"))


def _as_stored(document: Document, objects: DryObjects) -> StoredObject:
    """A document as ``apply`` would store it: its generation grows when its spec changes."""
    metadata = cast("Mapping[str, object]", document["metadata"])
    kind, key = str(document["kind"]), NamespacedName(str(metadata["namespace"]), str(metadata["name"]))
    before = objects.get(kind, key)
    generation = 1
    if before is not None:
        generation = status.generation(before) + int(before.document.get("spec") != document.get("spec"))
    kept = annotations_of(before.document) if before is not None else {}
    annotations = {**annotations_of(document), **{name: kept[name] for name in OWN if name in kept}}
    wanted = {**document, "metadata": {**metadata, "annotations": annotations, "generation": generation}}
    return StoredObject(kind=kind, key=key, document=wanted, status=before.status if before else {})
