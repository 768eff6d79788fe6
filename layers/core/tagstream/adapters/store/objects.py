"""Objects and their statuses in the table.

A status lives in an item of its own, so that writing it never wakes the function that watches applied objects. What is
derived from an object (indexes, the agenda) changes with it in one transaction, and goes with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import cast

from tagstream.adapters.store import keys
from tagstream.adapters.store.agenda import change_note
from tagstream.adapters.store.conditions import ABSENT, PRESENT, UNCONDITIONAL, Condition, GuardedPut, unchanged
from tagstream.adapters.store.deliveries import close_paths, closing_paths
from tagstream.adapters.store.key_index import KeyIndex
from tagstream.adapters.store.label_index import LabelIndex
from tagstream.adapters.store.policy_index import PolicyIndex
from tagstream.adapters.store.server_metadata import with_server_metadata
from tagstream.adapters.store.statuses import Statuses, StatusWrite, status_write
from tagstream.adapters.store.table import PUT_TRIES, TRANSACTION, Action, Table, chunks, name_of
from tagstream.adapters.store.table_errors import overtaken
from tagstream.adapters.store.tag_state import tag_state_key
from tagstream.adapters.store.writer_index import WriterIndex
from tagstream.domain.objects.annotations import annotated, annotations_of
from tagstream.domain.objects.image_name import InvalidImage, parse_image_name
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.objects.object_name import is_full_name
from tagstream.errors import ImageAutomationError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.objects import Document, StoredObject
from tagstream.ports.runtime import Clock

# A read by name is rounded up to 4 KB, a page of a query is not: all objects cost as much as a sixth of them by name.
READ_ALL_FROM = 6
# So many are looked for side by side when nobody knows how many there are.
MANY = 10
# So many policies of a few repositories are a good part of all policies, however many there are.
MANY_POLICIES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoObjects:
    """ObjectStore on one table."""

    table: Table
    clock: Clock

    @property
    def statuses(self) -> Statuses:
        """Their statuses."""
        return Statuses(table=self.table, clock=self.clock)

    @property
    def policy_index(self) -> PolicyIndex:
        """Which policies refer to a repository."""
        return PolicyIndex(table=self.table)

    @property
    def label_index(self) -> LabelIndex:
        """Which policies have a label."""
        return LabelIndex(table=self.table)

    @property
    def writer_index(self) -> WriterIndex:
        """Which automations push to a branch."""
        return WriterIndex(table=self.table)

    @property
    def image_entries(self) -> KeyIndex:
        """Which ImageRepositories are of an image."""
        return KeyIndex(table=self.table, kind="ImageRepository", entries=_image_entries, owner=_named_by)

    @property
    def key_indexes(self) -> Mapping[str, KeyIndex]:
        """The indexes whose entries are nothing but their keys, by the kind of the objects."""
        writers, labels, images = self.writer_index, self.label_index.entries, self.image_entries
        return {one.kind: one for one in (images, labels, writers.sources, writers.writers)}

    def get(self, kind: str, key: NamespacedName) -> StoredObject | None:
        """The object and its status in one call, which threads that ask at the same time share."""
        return self._read(kind, key)[0]

    def _read(
        self, kind: str, key: NamespacedName, repository: NamespacedName | None = None
    ) -> tuple[StoredObject | None, keys.Item]:
        """The object, and the index of the repository that it is about to refer to; one call."""
        where = [keys.key(partition(kind), str(key)) for partition in (keys.objects, keys.statuses)]
        where += [keys.policies(repository)] if repository is not None else []
        item, status, *index = self.table.reads.ask({name_of(one): one for one in where})
        stored = None if item is None else _stored(kind, item, self.statuses.read(status))
        return stored, (index[0] if index else None) or {}

    def get_many(
        self, kind: str, names: Collection[NamespacedName], total: int | None = 0, *, may_lag: bool = False
    ) -> tuple[StoredObject, ...]:
        """Fifty objects a call, or all of them in pages of 1 MB."""
        wanted = sorted(set(names))
        partitions = keys.objects(kind), keys.statuses(kind)
        # One by name is one call and costs no more than a page of each partition.
        if len(wanted) > 1 and len(wanted) * READ_ALL_FROM > (total or 0) > 0:
            found = [item for pk in partitions for item in self.table.query(pk, may_lag=may_lag)]
        elif total is None and len(wanted) >= MANY:
            sort_keys = list(map(str, wanted))
            found = [item for pk in partitions for item in self.table.get_near(pk, sort_keys, READ_ALL_FROM)]
        else:
            named = [keys.key(pk, str(key)) for key in wanted for pk in partitions]
            found = self.table.get_many(named, may_lag=may_lag)
        by_name, read_status = {name_of(item): item for item in found}, self.statuses.read
        statuses = {key: read_status(by_name.get((partitions[1], str(key))), by_name) for key in wanted}
        items = ((key, by_name.get((partitions[0], str(key)))) for key in wanted)
        return tuple(_stored(kind, item, statuses[key]) for key, item in items if item is not None)

    def documents(self, names: Collection[ObjectName], *, may_lag: bool = False) -> Mapping[ObjectName, Document]:
        """A hundred documents a call."""
        wanted = {(keys.objects(one.kind), str(one.key)): one for one in names}
        found = self.table.get_many([keys.key(pk, sk) for pk, sk in sorted(wanted)], may_lag=may_lag)
        return {wanted[name_of(item)]: keys.read_document(item) for item in found}

    def documents_of(self, kind: str, *, may_lag: bool = False) -> Mapping[NamespacedName, Document]:
        """One query."""
        found = self.table.query(keys.objects(kind), may_lag=may_lag)
        return {keys.named(keys.read_text(item, "sk")): keys.read_document(item) for item in found}

    def labelled(
        self, namespace: str, label: tuple[str, str], most: int, *, may_lag: bool = False
    ) -> Collection[NamespacedName] | None:
        """One query, of a few entries that have nothing but their keys."""
        return self.label_index.names(namespace, label, most, may_lag=may_lag)

    def labelled_each(
        self, namespace: str, labels: Collection[tuple[str, str]], *, may_lag: bool = False
    ) -> Mapping[tuple[str, str], Collection[NamespacedName] | None] | None:
        """One query of the namespace's entries, which ends when there are too many."""
        return self.label_index.names_each(namespace, labels, may_lag=may_lag)

    def sources_of(self, repository: str, *, may_lag: bool = False) -> Mapping[NamespacedName, str]:
        """One query, of entries that have nothing but their keys."""
        return self.writer_index.sources_of(repository, may_lag=may_lag)

    def writers_of(
        self, key: str, sources: Collection[NamespacedName], *, may_lag: bool = False
    ) -> Collection[tuple[NamespacedName, NamespacedName]]:
        """A query of such entries for each GitRepository, or one for all."""
        return self.writer_index.writers_of(key, sources, may_lag=may_lag)

    def policies_of(self, *repositories: NamespacedName) -> tuple[StoredObject, ...]:
        """One read of the indexes, one of the policies; many policies are read with all others, in pages."""
        names = self.policy_index.names(repositories)
        if names is None or len(names) > MANY_POLICIES:
            found = self.list("ImagePolicy")
        else:
            found = self.get_many("ImagePolicy", names) if names else ()
        return tuple(one for one in found if _repository(one.key, one.document) in repositories)

    def put(self, document: Document) -> StoredObject:
        """Write unless nothing changed; conflicting writers are repeated from what is stored by then.

        Raises:
            RetryableError: StorageOperationFailed, five writers in a row were faster.
        """
        metadata = cast("Mapping[str, object]", document["metadata"])
        kind, key = str(document["kind"]), NamespacedName(str(metadata["namespace"]), str(metadata["name"]))
        repository = _repository(key, document) if kind == "ImagePolicy" else None
        for attempt in range(PUT_TRIES):
            stored, index = self._read(kind, key, repository)
            now = keys.iso(self.clock.now().replace(microsecond=0))
            wanted = with_server_metadata(document, stored.document if stored else None, now)
            if stored is not None and keys.is_same(wanted, stored.document):
                self.reindex([stored])
                return stored
            adds: Sequence[Action] = ()
            if repository is not None:
                index = self.policy_index.spread(repository, index, partial(self._referring_to, repository))
                adds = self.policy_index.adding(repository, key, index)
            written = self._write(kind, key, wanted, stored, adds)
            if written is not None:
                former = _repository(key, stored.document) if stored and kind == "ImagePolicy" else None
                if former is not None and former != repository:
                    self.policy_index.drop_unused(former)
                return _stored(kind, written, stored.status if stored else {})
            self.table.back_off(attempt)
        raise overtaken(f"{kind}/{key}")

    def annotate(
        self,
        kind: str,
        key: NamespacedName,
        annotations: Mapping[str, str | None],
        expected: Mapping[str, str | None] = MappingProxyType({}),
    ) -> bool:
        """Read, merge, write under the same condition as ``put``."""
        for attempt in range(PUT_TRIES):
            stored = self.get(kind, key)
            if stored is None:
                return False
            before = annotations_of(stored.document)
            if any(before.get(name) != value for name, value in expected.items()):
                return False
            if self._write(kind, key, annotated(stored.document, annotations), stored) is not None:
                return True
            self.table.back_off(attempt)
        raise overtaken(f"{kind}/{key}")

    def delete(self, kind: str, key: NamespacedName) -> bool:
        """The object, its index entries and what a new one of its name would believe; then the rest of what is derived.

        Raises:
            RetryableError: StorageOperationFailed, five writers in a row were faster.
        """
        where = keys.key(keys.objects(kind), str(key))
        for attempt in range(PUT_TRIES):
            found = self.table.get(where)
            if found is None:
                return False
            before = keys.read_document(found)
            # The note has the tick look again: it removes what is left if this worker dies before the end.
            others = [self.table.putting(self._note(kind, key)), *self._index_changes(kind, key, None, before)]
            if self.table.remove(where, unchanged(found), [*others, *self._believed(kind, key)]):
                self._drop_rest(kind, key, before)
                return True
            self.table.back_off(attempt)
        raise overtaken(f"{kind}/{key}")

    def _believed(self, kind: str, key: NamespacedName) -> list[Action]:
        """The actions that remove what a new object of this name would take for its own."""
        state = _state(kind, key)
        if kind == "ImageRepository":
            state += [tag_state_key(key), keys.creation_times(key), keys.key(keys.pending(key))]
        paths = closing_paths(self.table, key) if kind == "Receiver" else []
        return [*(self.table.deleting(one) for one in state), *paths]

    def _drop_rest(self, kind: str, key: NamespacedName, before: Document) -> None:
        self.delete_derived(kind, key)
        if kind != "ImagePolicy":
            return
        self.label_index.drop_others(key, None, before)
        repository = _repository(key, before)
        if repository is not None:
            self.policy_index.drop_unused(repository)

    def _referring_to(self, repository: NamespacedName) -> Sequence[NamespacedName]:
        """The policies that refer to a repository, by looking at all of them."""
        documents = self.documents_of("ImagePolicy")
        return [key for key, document in documents.items() if _repository(key, document) == repository]

    def delete_derived(self, kind: str, key: NamespacedName) -> None:
        """Remove what is left of an object that is gone; nothing happens when there is such an object.

        A new object of the same name may be applied at any moment. So what has a name that the new one's state would
        have goes in transactions in which the object is still missing. Parts have names that nobody uses again. They
        are looked up before the object is, and so belong to none that is there.

        Raises:
            RetryableError: StorageOperationFailed, five writers in a row were faster.
        """
        where = keys.key(keys.objects(kind), str(key))
        for attempt in range(PUT_TRIES):
            state, parts = self._left_of(kind, key)
            if self.table.get(where) is not None:
                return
            is_closed = kind != "Receiver" or close_paths(self.table, key, self.table.deleting(where, ABSENT))
            if is_closed and self._drop_state(where, state):
                break
            self.table.back_off(attempt)
        else:
            raise overtaken(f"{kind}/{key}")
        self.table.delete_many(parts)
        if kind == "ImageRepository":
            self.policy_index.drop_unused(key)
            self.policy_index.drop_unused_rows(key)

    def _left_of(self, kind: str, key: NamespacedName) -> tuple[list[keys.Item], list[keys.Item]]:
        """The keys of what is left of an object, and apart from them those of parts."""
        runs = [keys.run(key)] if kind == "ImageUpdateAutomation" else []
        found = [*self.table.get_many([*_state(kind, key), *runs]), *self.statuses.names_of_parts(kind, key)]
        if kind == "ImageRepository":
            for partition in (keys.tags(key), keys.sightings(key), keys.pending(key)):
                found += self.table.query(partition)
        prefixes = (keys.CHUNKS, keys.CREATED_PARTS, keys.status_parts(str(key)))
        names = [keys.key(*name_of(item)) for item in found]
        are_parts = [keys.read_text(name, "sk").startswith(prefixes) for name in names]
        state = [name for name, is_part in zip(names, are_parts, strict=True) if not is_part]
        return state, [name for name, is_part in zip(names, are_parts, strict=True) if is_part]

    def _drop_state(self, where: keys.Item, state: Sequence[keys.Item]) -> bool:
        """Remove items as long as the object is missing; False when it is there, or another writer was faster."""
        missing = self.table.deleting(where, ABSENT)
        return all(
            self.table.remove(first, UNCONDITIONAL, [missing, *(self.table.deleting(one) for one in others)])
            for first, *others in chunks(state, TRANSACTION - 1)
        )

    def put_statuses(self, changes: Sequence[tuple[StoredObject, Document]]) -> list[ImageAutomationError | None]:
        """Later statuses share transactions, first ones and notes share batches. A time to retry goes into the agenda.

        One reconcile writes a status once, last. A status with parts is written alone.
        """
        writes = [status_write(stored.kind, stored.key, status) for stored, status in changes]
        there = self._still_there([stored for stored, _ in changes if not stored.status])
        later = [place for place, (stored, _) in enumerate(changes) if stored.status and not writes[place].others]
        outcomes = self.table.put_each([GuardedPut(writes[place].item, PRESENT) for place in later])
        done: dict[int, bool | ImageAutomationError] = dict(zip(later, outcomes, strict=True))
        items: list[tuple[int, keys.Item]] = []
        for place, (stored, status) in enumerate(changes):
            is_there, one = (stored.kind, stored.key) in there, writes[place]
            if one.others and (stored.status or is_there):
                done[place] = self._put_long(stored, one)
            elif is_there:
                items.append((place, one.item))
                done[place] = True
            if done.get(place) is True:
                items += [(place, note) for note in self._status_notes(stored.kind, stored.key, status)]
        failures = {place: outcome for place, outcome in done.items() if isinstance(outcome, ImageAutomationError)}
        answers = self.table.write_each([item for _, item in items])
        for (place, _), answer in zip(items, answers, strict=True):
            if answer is not None:
                failures.setdefault(place, answer)
        return [failures.get(place) for place in range(len(changes))]

    def _put_long(self, stored: StoredObject, wanted: StatusWrite) -> bool | ImageAutomationError:
        try:
            return self.statuses.put_long(wanted, PRESENT if stored.status else None, stored.status)
        except ImageAutomationError as error:
            return error

    def _still_there(self, stored: Sequence[StoredObject]) -> frozenset[tuple[str, NamespacedName]]:
        """Which of these objects are not deleted."""
        names = {(keys.objects(one.kind), str(one.key)): (one.kind, one.key) for one in stored}
        return frozenset(names[name_of(item)] for item in self.table.get_many([keys.key(*name) for name in names]))

    def replace_status(self, stored: StoredObject, status: Document) -> bool:
        """As ``replace_statuses``, for one."""
        (outcome,) = self.replace_statuses([(stored, status)])
        if isinstance(outcome, ImageAutomationError):
            raise outcome
        return outcome

    def replace_statuses(
        self, changes: Sequence[tuple[StoredObject, Document]]
    ) -> Sequence[bool | ImageAutomationError]:
        """Conditional puts, which share their calls; a first status asks besides whether the object is still there."""
        first = [stored for stored, _ in changes if not stored.status]
        there = self._still_there(first) if first else frozenset()
        left = {
            place: (stored, status)
            for place, (stored, status) in enumerate(changes)
            if stored.status or (stored.kind, stored.key) in there
        }
        outcomes = dict(zip(left, self.statuses.replace_each(list(left.values())), strict=True))
        notes = [
            (place, note)
            for place, (stored, status) in left.items()
            if outcomes[place] is True
            for note in self._status_notes(stored.kind, stored.key, status)
        ]
        for (place, _), failure in zip(notes, self.table.write_each([note for _, note in notes]), strict=True):
            if failure is not None:
                outcomes[place] = failure
        return [outcomes.get(place, False) for place in range(len(changes))]

    def _status_notes(self, kind: str, key: NamespacedName, status: Document) -> Sequence[keys.Item]:
        retry_at = _retry_at(status)
        return [] if retry_at is None else [change_note(ObjectName(kind=kind, key=key), retry_at, self.clock.now())]

    def reindex(self, stored: Iterable[StoredObject]) -> None:
        """Write what is missing of the index entries of these objects; a hundred entries are read in a call.

        A version before this one may have died between an object and its entries.
        """
        listed = list(stored)
        self._index_policies([one for one in listed if one.kind == "ImagePolicy"])
        for kind, index in self.key_indexes.items():
            index.add_missing(one for one in listed if one.kind == kind)

    def _index_policies(self, policies: Sequence[StoredObject]) -> None:
        wanted: dict[NamespacedName, set[str]] = {}
        for one in policies:
            repository = _repository(one.key, one.document)
            if repository is not None:
                wanted.setdefault(repository, set()).add(str(one.key))
        self.policy_index.add_missing(wanted)

    def put_index_right(self, objects: Collection[StoredObject]) -> None:
        """One query for each partition of entries, while they are few."""
        for kind, index in self.key_indexes.items():
            index.put_right([one for one in objects if one.kind == kind])

    def _write(
        self,
        kind: str,
        key: NamespacedName,
        document: Document,
        stored: StoredObject | None,
        adds: Sequence[Action] = (),
    ) -> keys.Item | None:
        """The object with a note for the tick, and its index entries; ``adds`` are those of a policy's repository.

        Returns:
            The item of the object; None if another writer was faster.
        """
        before = stored.document if stored else None
        if kind == "ImagePolicy":
            self.label_index.put_others(key, document, before)
        item = keys.key(keys.objects(kind), str(key)) | {
            "t": keys.text(keys.OBJECT),
            "doc": keys.document(document),
            "at": keys.number(keys.epoch(self.clock.now())),
        }
        others = [self.table.putting(self._note(kind, key)), *adds, *self._index_changes(kind, key, document, before)]
        is_written = self.table.replace(item, _same(stored), others)
        if not is_written:
            found = self.table.get({"pk": item["pk"], "sk": item["sk"]})
            if not before or found is None or not keys.is_same(keys.read_document(found), before):
                return None
            # What is stored says the same in other words: those of another version, or of a person.
            is_written = self.table.replace(item, unchanged(found), others)
        if is_written and kind == "ImagePolicy":
            self.label_index.drop_others(key, document, before)
        return item if is_written else None

    def _note(self, kind: str, key: NamespacedName) -> keys.Item:
        now = self.clock.now()
        return change_note(ObjectName(kind=kind, key=key), now, now)

    def _index_changes(
        self, kind: str, key: NamespacedName, document: Document | None, before: Document | None
    ) -> list[Action]:
        """What a change of an object changes in the indexes, but for the policy that it adds to a repository."""
        if kind == "ImagePolicy":
            new, old = _repository(key, document), _repository(key, before)
            removed = self.policy_index.removing(old, key) if old and old != new else []
            return removed + self.label_index.changing(key, document, before)
        index = self.key_indexes.get(kind)
        return index.changing(key, document, before) if index else []

    def list(self, kind: str, namespace: str | None = None) -> tuple[StoredObject, ...]:
        """Two queries: the objects and their statuses."""
        prefix = f"{namespace}/" if namespace else ""
        statuses = {name_of(item): item for item in self.table.query(keys.statuses(kind), prefix)}
        partition, read_status = keys.statuses(kind), self.statuses.read
        return tuple(
            _stored(kind, item, read_status(statuses.get((partition, name_of(item)[1])), statuses))
            for item in self.table.query(keys.objects(kind), prefix)
        )


def _state(kind: str, key: NamespacedName) -> list[keys.Item]:
    """The keys of the items that tell what became of an object, but for the tags of a repository."""
    state = [keys.key(keys.statuses(kind), str(key)), keys.last_delivery(kind, key)]
    if kind == "ImagePolicy":
        state.append(keys.selection(key))
    if kind == "ImageUpdateAutomation":
        state.append(keys.waiting(key))
    return state


def _same(stored: StoredObject | None) -> Condition:
    if stored is None:
        return ABSENT
    if not stored.document:
        # What is stored cannot be read: it is replaced, not respected for ever.
        return PRESENT
    return Condition(expression=f"{PRESENT.expression} AND doc = :doc", values={":doc": keys.document(stored.document)})


def _retry_at(status: Document) -> datetime | None:
    """When the tick has to look at an object because of its status: a back-off is over, or a gate's wait."""
    ours = status.get("tagstream")
    named = [ours.get(name) for name in ("retryAt", "waitUntil")] if isinstance(ours, Mapping) else []
    return min((at for one in named if (at := _time(one)) is not None), default=None)


def _time(stored: object) -> datetime | None:
    """A time in a status; None for what is none, because a status may keep members that an older one had."""
    try:
        return keys.from_iso(stored).astimezone(UTC) if isinstance(stored, str) else None
    except (ValueError, OverflowError):
        return None


def _stored(kind: str, item: keys.Item, status: Document) -> StoredObject:
    return StoredObject(
        kind=kind,
        key=keys.named(keys.read_text(item, "sk")),
        document=keys.read_document(item),
        status=status,
        changed_at=keys.moment(keys.read_number(item, "at")) if "at" in item else None,
    )


def _image_entries(key: NamespacedName, document: Document | None) -> list[keys.Item]:
    """That of the canonical image name; none for an image that has none."""
    try:
        return [keys.image(str(parse_image_name(str(_spec(document).get("image", ""))).canonical), key)]
    except InvalidImage:
        return []


def _named_by(entry: keys.Item) -> NamespacedName:
    return keys.named(keys.read_text(entry, "sk"))


def _repository(policy: NamespacedName, document: Document | None) -> NamespacedName | None:
    """The ImageRepository that a policy refers to; None if its name is one that no object can have."""
    ref = _spec(document).get("imageRepositoryRef")
    if not isinstance(ref, Mapping):
        return None
    found = NamespacedName(str(ref.get("namespace") or policy.namespace), str(ref.get("name", "")))
    return found if is_full_name(found.namespace, found.name) else None


def _spec(document: Document | None) -> Mapping[str, object]:
    spec = (document or {}).get("spec")
    return cast("Mapping[str, object]", spec) if isinstance(spec, Mapping) else {}
