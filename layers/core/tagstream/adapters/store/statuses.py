"""Statuses in the table, also those that do not fit into an item.

The members that leave no room are kept in parts beside the status, and ``truncated`` names them in the item. If these
members have not changed, the parts stay and only the item is written. Readers put the members back; a version that
knows no parts, or a reader of lost parts, finds the status without them.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import ABSENT, Condition, GuardedPut, unchanged
from tagstream.adapters.store.parts import NO_PARTS, Parts, Reference, cut, reference_in, snapshot_name
from tagstream.adapters.store.table import Table, name_of
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.objects import Document, StoredObject
from tagstream.ports.runtime import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# An item holds 400 KB.
MAX_STATUS_BYTES = 390_000
TRUNCATED = "truncated"
# Of an item whose status has parts: which status it is, whatever compressed it.
DIGEST = "digest"
Known = Mapping[tuple[str, str], keys.Item]


@dataclass(frozen=True, slots=True)
class StatusWrite:
    """The item of a status, and the members that it has no room for."""

    item: keys.Item
    others: Mapping[str, object]
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statuses:
    """The statuses of objects on one table."""

    table: Table
    clock: Clock

    def read(self, item: keys.Item | None, known: Known | None = None) -> dict[str, object]:
        """The status in an item, whole: one read more if it has parts that are not among the ``known`` items."""
        if item is None or keys.PARTS not in item:
            return keys.read_document(item or {})
        found, body = self._parts(item).whole(item, reference_in, known)
        status = keys.read_document(found)
        others = keys.unpacked_document(body) if body is not None else {}
        if others:
            status.pop(TRUNCATED, None)
            status |= others
        return status

    def replace_each(self, changes: Sequence[tuple[StoredObject, Document]]) -> Sequence[bool | ImageAutomationError]:
        """Write each status if the stored one is still the one that was read; none must be stored before a first one.

        A status that has parts, or had some, is written alone; the others share their calls.
        """
        wanted = [status_write(stored.kind, stored.key, status) for stored, status in changes]
        short: dict[int, GuardedPut] = {}
        for place, ((stored, _), one) in enumerate(zip(changes, wanted, strict=True)):
            same = None if one.others else _still(stored.status)
            if same is not None:
                short[place] = GuardedPut(one.item, same)
        outcomes = dict(zip(short, self.table.put_each(list(short.values())), strict=True))
        return [
            outcomes.get(place) or self._replace_alone(stored, wanted[place], is_long=place not in short)
            for place, (stored, _) in enumerate(changes)
        ]

    def _replace_alone(
        self, stored: StoredObject, wanted: StatusWrite, *, is_long: bool
    ) -> bool | ImageAutomationError:
        try:
            found = self.table.get(keys.key(keys.statuses(stored.kind), str(stored.key)))
            if is_long:
                return self._replace_long(wanted, found, stored.status)
            if found is None or not keys.is_same(self.read(found), stored.status):
                return False
            # The same in other words, since another version of zlib compresses otherwise; or what nobody can read.
            return self.table.put(wanted.item, unchanged(found))
        except ImageAutomationError as error:
            return error

    def _replace_long(self, wanted: StatusWrite, found: keys.Item | None, before: Document) -> bool:
        if found is None:
            return not before and self._put_long(wanted, None, ABSENT, before)
        named = keys.PARTS in found
        is_same = keys.read_text(found, DIGEST) == _digest(before) if named else False
        if not is_same and not keys.is_same(self.read(found), before):
            return False
        same = unchanged(found)
        parts = f"{keys.PARTS} = :parts" if named else f"attribute_not_exists({keys.PARTS})"
        values: keys.Item = {":parts": found[keys.PARTS]} if named else {}
        condition = Condition(expression=f"{same.expression} AND {parts}", values=same.values | values)
        return self._put_long(wanted, found, condition, before)

    def put_long(self, wanted: StatusWrite, condition: Condition | None, read: Document) -> bool:
        """Write a status with parts over whatever is stored; ``read`` is the status that the writer has read."""
        found = self.table.get({"pk": wanted.item["pk"], "sk": wanted.item["sk"]})
        return self._put_long(wanted, found, condition, read)

    def _put_long(
        self, wanted: StatusWrite, before: keys.Item | None, condition: Condition | None, read: Document
    ) -> bool:
        if before is not None and _has_parts_of(wanted, before, read):
            names = {keys.PARTS: before[keys.PARTS], DIGEST: keys.text(wanted.digest)}
            if self.table.put(wanted.item | names, _with_parts(before, condition)):
                return True
        parts, now = self._parts(wanted.item), self.clock.now()
        body = zlib.compress(keys.document(wanted.others)["S"].encode()) if wanted.others else b""

        def put(named: Reference) -> Reference | None:
            names = {keys.PARTS: keys.text(str(named)), DIGEST: keys.text(wanted.digest)} if named.count else {}
            return reference_in(before or {}) or NO_PARTS if self.table.put(wanted.item | names, condition) else None

        if not parts.replace(cut(body), snapshot_name(now), put):
            return False
        parts.drop_left_behind(now)
        return True

    def names_of_parts(self, kind: str, key: NamespacedName) -> list[keys.Item]:
        """The parts of an object's status, also those that a writer left behind; one query."""
        return list(self.table.query(keys.statuses(kind), keys.status_parts(str(key))))

    def _parts(self, item: keys.Item) -> Parts:
        pk, sk = name_of(item)
        return Parts(table=self.table, pk=pk, prefix=keys.status_parts(sk))


def status_write(kind: str, key: NamespacedName, status: Document) -> StatusWrite:
    """A status as it is to be written: its largest members go into parts until the item has room for the others."""
    whole = {name: value for name, value in status.items() if name != TRUNCATED}
    where, packed = keys.key(keys.statuses(kind), str(key)), keys.packed_document(whole)
    if not _is_long(packed):
        return StatusWrite(where | {"doc": packed}, {})
    sizes = {name: len(keys.document({name: value})["S"]) for name, value in whole.items() if name != "conditions"}
    others: dict[str, object] = {}
    for largest in sorted(sizes, key=lambda name: -sizes[name]):
        others[largest] = whole[largest]
        kept = {name: value for name, value in whole.items() if name not in others}
        packed = keys.packed_document({**kept, TRUNCATED: list(others)})
        if not _is_long(packed):
            break
    return StatusWrite(where | {"doc": packed}, others, _digest(whole))


def _has_parts_of(wanted: StatusWrite, before: keys.Item, read: Document) -> bool:
    """Whether the parts that an item names hold what those of a wanted status would.

    Their reader has read them whole, so they are not lost.
    """
    if not wanted.others or keys.PARTS not in before or keys.read_text(before, DIGEST) != _digest(read):
        return False
    truncated = keys.read_document(before).get(TRUNCATED)
    if not isinstance(truncated, list) or set(truncated) != set(wanted.others):
        return False
    return keys.is_same({name: read.get(name) for name in wanted.others}, wanted.others)


def _with_parts(before: keys.Item, condition: Condition | None) -> Condition:
    """The condition of a writer who keeps the parts that an item names: it still names them."""
    same, values = f"{keys.PARTS} = :kept", {":kept": before[keys.PARTS]}
    if condition is None:
        return Condition(expression=same, values=values)
    return Condition(
        expression=f"{same} AND {condition.expression}", names=condition.names, values={**condition.values, **values}
    )


def _still(before: Document) -> Condition | None:
    """The condition that a status is the one that was read; None for one that has parts."""
    if not before:
        return ABSENT
    packed = keys.packed_document(before)
    if _is_long(packed):
        return None
    # One that an older version has stored, which did not compress statuses, is told by a read.
    return Condition(expression="doc = :packed", values={":packed": packed})


def _is_long(packed: AttributeValueTypeDef) -> bool:
    return len(packed.get("B", b"")) > MAX_STATUS_BYTES


def _digest(status: Document) -> str:
    return hashlib.sha256(keys.document(status)["S"].encode()).hexdigest()
