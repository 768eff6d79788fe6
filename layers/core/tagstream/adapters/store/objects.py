"""Objects and their statuses in the table.

In: validated JSON documents. Out: StoredObject values. A status lives in an item of its own, so that writing it never
wakes the function that watches applied objects.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

from tagstream.adapters.store import keys
from tagstream.adapters.store.deliveries import close_paths
from tagstream.adapters.store.table import ABSENT, PRESENT, PUT_TRIES, Condition, Table, overtaken
from tagstream.domain.objects.image_name import InvalidImage, parse_image_name
from tagstream.domain.objects.model import REQUESTED_AT, NamespacedName
from tagstream.ports.objects import Document, StoredObject
from tagstream.ports.runtime import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoObjects:
    """ObjectStore on one table."""

    table: Table
    clock: Clock

    def list(self, kind: str, namespace: str | None = None) -> tuple[StoredObject, ...]:
        """Two queries: the objects and their statuses."""
        prefix = f"{namespace}/" if namespace else ""
        statuses = {
            keys.read_text(item, "sk"): keys.read_document(item)
            for item in self.table.query(keys.statuses(kind), prefix)
        }
        return tuple(
            _stored(kind, item, statuses.get(keys.read_text(item, "sk"), {}))
            for item in self.table.query(keys.objects(kind), prefix)
        )

    def get(self, kind: str, key: NamespacedName) -> StoredObject | None:
        """One batch read of the object and its status."""
        found = self.table.get_many([keys.key(keys.objects(kind), str(key)), keys.key(keys.statuses(kind), str(key))])
        by_partition = {keys.read_text(item, "pk"): item for item in found}
        item = by_partition.get(keys.objects(kind))
        if item is None:
            return None
        return _stored(kind, item, keys.read_document(by_partition.get(keys.statuses(kind), {})))

    def get_many(self, kind: str, names: Collection[NamespacedName]) -> tuple[StoredObject, ...]:
        """Fifty objects a call."""
        wanted = sorted(set(names))
        partitions = keys.objects(kind), keys.statuses(kind)
        found = self.table.get_many([keys.key(pk, str(key)) for key in wanted for pk in partitions])
        by_name = {(keys.read_text(item, "pk"), keys.read_text(item, "sk")): item for item in found}
        items = ((key, by_name.get((partitions[0], str(key)))) for key in wanted)
        return tuple(
            _stored(kind, item, keys.read_document(by_name.get((partitions[1], str(key)), {})))
            for key, item in items
            if item is not None
        )

    def put(self, document: Document) -> StoredObject:
        """Write unless nothing changed; conflicting writers are repeated from what is stored by then.

        Raises:
            RetryableError: StorageOperationFailed, five writers in a row were faster.
        """
        metadata = cast("Mapping[str, object]", document["metadata"])
        kind, key = str(document["kind"]), NamespacedName(str(metadata["namespace"]), str(metadata["name"]))
        for _ in range(PUT_TRIES):
            stored = self.get(kind, key)
            wanted = _merged(document, stored, keys.iso(self.clock.now().replace(microsecond=0)))
            if stored is not None and wanted == stored.document:
                return stored
            if self._write(kind, key, wanted, stored):
                self._index(kind, key, wanted, stored)
                status = stored.status if stored else {}
                return StoredObject(kind=kind, key=key, document=wanted, status=status)
        raise overtaken(f"{kind}/{key}")

    def annotate(self, kind: str, key: NamespacedName, annotations: Mapping[str, str]) -> bool:
        """Read, merge, write under the same condition as ``put``."""
        for _ in range(PUT_TRIES):
            stored = self.get(kind, key)
            if stored is None:
                return False
            wanted = copy.deepcopy(dict(stored.document))
            metadata = cast("dict[str, object]", wanted["metadata"])
            metadata["annotations"] = {**cast("dict[str, str]", metadata.get("annotations") or {}), **annotations}
            if self._write(kind, key, wanted, stored):
                return True
        raise overtaken(f"{kind}/{key}")

    def delete(self, kind: str, key: NamespacedName) -> bool:
        """The object, its status, its index entry, its last delivery, and the tags or selection derived from it."""
        stored = self.get(kind, key)
        if stored is None:
            return False
        self.table.delete(keys.key(keys.objects(kind), str(key)))
        derived = [keys.key(keys.statuses(kind), str(key)), keys.last_delivery(kind, key)]
        if kind == "ImageRepository":
            derived += [dict(item) for item in self.table.query(keys.tags(key))]
            canonical = _canonical(stored.document)
            derived += [keys.key(f"image#{canonical}", str(key))] if canonical else []
        if kind == "ImagePolicy":
            derived.append(keys.key(f"selection#{key.namespace}", key.name))
        if kind == "ImageUpdateAutomation":
            derived += [keys.key(f"run#{key.namespace}", key.name), keys.waiting(key)]
        if kind == "Receiver":
            close_paths(self.table, key)
        self.table.delete_many(derived)
        return True

    def put_status(self, kind: str, key: NamespacedName, status: Document) -> None:
        """Unconditional: one reconcile writes a status once, last."""
        item = keys.key(keys.statuses(kind), str(key)) | {"doc": keys.document(status)}
        if self.table.get(keys.key(keys.objects(kind), str(key)), consistent=True) is not None:
            self.table.put(item)

    def replace_status(self, stored: StoredObject, status: Document) -> bool:
        """A conditional put; a first status asks besides whether the object is still there."""
        where = keys.key(keys.statuses(stored.kind), str(stored.key))
        if stored.status:
            same = Condition(expression="doc = :doc", names={}, values={":doc": keys.document(stored.status)})
        elif self.table.get(keys.key(keys.objects(stored.kind), str(stored.key))) is not None:
            same = ABSENT
        else:
            return False
        return self.table.put(where | {"doc": keys.document(status)}, same)

    def _write(self, kind: str, key: NamespacedName, document: Document, stored: StoredObject | None) -> bool:
        item = keys.key(keys.objects(kind), str(key)) | {"t": keys.text(keys.OBJECT), "doc": keys.document(document)}
        if stored is None:
            return self.table.put(item, ABSENT)
        same = Condition(
            expression=f"{PRESENT.expression} AND doc = :doc",
            names={},
            values={":doc": keys.document(stored.document)},
        )
        return self.table.put(item, same)

    def _index(self, kind: str, key: NamespacedName, document: Document, stored: StoredObject | None) -> None:
        if kind != "ImageRepository":
            return
        now, before = _canonical(document), _canonical(stored.document) if stored else None
        if before and before != now:
            self.table.delete(keys.key(f"image#{before}", str(key)))
        if now:
            self.table.put(keys.key(f"image#{now}", str(key)))


def _stored(kind: str, item: keys.Item, status: Document) -> StoredObject:
    return StoredObject(
        kind=kind, key=keys.named(keys.read_text(item, "sk")), document=keys.read_document(item), status=status
    )


def _canonical(document: Document) -> str | None:
    spec = cast("Mapping[str, object]", document.get("spec") or {})
    try:
        return str(parse_image_name(str(spec.get("image", ""))).canonical)
    except InvalidImage:
        return None


def _merged(document: Document, stored: StoredObject | None, now: str) -> dict[str, object]:
    """The document with the metadata a server keeps: generation, creation time, and a pending reconcile request."""
    wanted = copy.deepcopy(dict(document))
    wanted.pop("status", None)
    metadata = cast("dict[str, object]", wanted["metadata"])
    if stored is None:
        metadata |= {"generation": 1, "creationTimestamp": now}
        return wanted
    before = cast("Mapping[str, object]", stored.document["metadata"])
    grown = int(wanted.get("spec") != stored.document.get("spec"))
    metadata["generation"] = int(cast("int", before.get("generation", 1))) + grown
    metadata["creationTimestamp"] = before.get("creationTimestamp", now)
    requested = cast("Mapping[str, str]", before.get("annotations") or {}).get(REQUESTED_AT)
    annotations = cast("dict[str, str]", metadata.get("annotations") or {})
    if requested and REQUESTED_AT not in annotations:
        metadata["annotations"] = {**annotations, REQUESTED_AT: requested}
    return wanted
