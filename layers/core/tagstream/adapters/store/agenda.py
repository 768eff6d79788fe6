"""What is due when, for the tick: one compressed item for everything, and notes of what changed since.

A tick reads this partition instead of all objects. Whoever changes when an object is due writes a small note, without
a condition, so that nobody waits for another; the tick folds notes into the page now and then. A note is only believed
over what is older, so it does no harm when it is read twice.
"""

from __future__ import annotations

import json
import secrets
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import ABSENT, Condition
from tagstream.adapters.store.table import Table, chunks
from tagstream.ports.agenda import Agenda, ObjectName, Times
from tagstream.ports.runtime import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

PARTITION = "agenda"
PAGE = "page#"
FIRST_PAGE = "page#000"
NOTE = "note#"
ROWS_A_NOTE = 2_000
ROWS_A_PAGE = 10_000
# An item holds 400 KB with its other attributes.
MOST_BYTES = 390_000
# Reading notes costs as much as reading a page of their size; folding them costs writing the page.
NOTES_KEPT = 64
# A change of an object outlives what a reconcile, begun before it, notes at its end.
CHANGE_AHEAD = timedelta(seconds=60)
# Clocks of workers differ by seconds. What names a later time than this is of a clock that was wrong.
MOST_AHEAD = CHANGE_AHEAD + timedelta(minutes=4)
# What a datetime can say. There are thousands of rows, so none is made only to find out.
FIRST_MOMENT = datetime.min.replace(tzinfo=UTC).timestamp()
LAST_MOMENT = datetime.max.replace(microsecond=0, tzinfo=UTC).timestamp()
UNREADABLE = (KeyError, TypeError, ValueError, IndexError, OSError, OverflowError, RecursionError, zlib.error)


@dataclass(frozen=True, slots=True)
class _Row:
    """When an object is due, as of ``at``; times are seconds since 1970."""

    at: float
    last: float | None
    due: float | None
    is_gone: bool = False


Rows = dict[ObjectName, _Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoAgenda:
    """AgendaStore on one table."""

    table: Table
    clock: Clock

    def read(self, *, folds: bool = False) -> Agenda:
        """One query. Who only looks may have no right to write, so that folding is for the tick."""
        rows, stored = self._rows()
        notes = [item for item in stored if keys.read_text(item, "sk").startswith(NOTE)]
        swept = [keys.read_number(item, "sweptAt") for item in stored]
        swept_at = max((at for at in swept if at <= self._latest()), default=0.0)
        if folds and len(notes) > NOTES_KEPT:
            self._fold(rows, stored, swept_at)
        return _agenda(rows, keys.moment(swept_at) if swept_at else None)

    def note(self, times: Mapping[ObjectName, Times], as_of: datetime | None = None) -> None:
        """One small write for two thousand names."""
        at = as_of or self.clock.now()
        rows = {name: _Row(keys.epoch(at), _epoch(one.last), _epoch(one.due)) for name, one in times.items()}
        self.table.write_many(note_items(rows, at))

    def forget(self, names: Iterable[ObjectName]) -> None:
        """A note that says so."""
        at = self.clock.now()
        self.table.write_many(note_items({name: _Row(keys.epoch(at), None, None, is_gone=True) for name in names}, at))

    def rewrite(self, times: Mapping[ObjectName, Times], as_of: datetime) -> Agenda:
        """Fold in what was found by looking at every object; what was noted meanwhile stays."""
        rows, stored = self._rows()
        found = {name: _seen(one, rows.get(name), as_of) for name, one in times.items()}
        # One that is due and was not found is deleted, and a tick still has to remove what is left of it.
        others = {name: row for name, row in rows.items() if name not in times and _is_kept(row, as_of)}
        self._fold(found | others, stored, keys.epoch(as_of))
        if not any(keys.read_text(item, "sk").startswith(PAGE) for item in stored):
            # A version that had no agenda kept the times of last scans here.
            self.table.delete_many(list(self.table.query("scans")))
        return _agenda(found | others, as_of)

    def _latest(self) -> float:
        """The latest time, in seconds since 1970, that a worker whose clock is right may have written."""
        return keys.epoch(self.clock.now() + MOST_AHEAD)

    def _rows(self) -> tuple[Rows, list[keys.Item]]:
        """All rows, the newest of each name, and the items they are in, oldest notes first."""
        stored = list(self.table.query(PARTITION))
        rows: Rows = {}
        latest, now = self._latest(), keys.epoch(self.clock.now())
        # Pages first: a note counts more than a row of a page that is of the same moment.
        for item in sorted(stored, key=lambda one: keys.read_text(one, "sk").startswith(NOTE)):
            for name, read in _unpacked(item):
                row = _believed(read, latest, now)
                before = rows.get(name)
                if before is None:
                    rows[name] = row
                    continue
                newest = row if row.at >= before.at else before
                # When an object was looked at stays true whatever changed meanwhile.
                looked = [one for one in (before.last, row.last) if one is not None]
                rows[name] = replace(newest, last=max(looked, default=None))
        return rows, stored

    def _fold(self, rows: Rows, stored: Sequence[keys.Item], swept_at: float) -> None:
        """Write the pages anew, unless another tick did meanwhile, and remove what they hold now.

        Only the first page has a condition, and it is written last. The others have names of their own: whoever is
        overtaken leaves none of another's pages changed, and rows that are read twice do no harm.
        """
        # The objects of one name lie side by side, so that the name costs almost nothing from the second time on.
        ordered = sorted(rows.items(), key=lambda one: (one[0].key, one[0].kind))
        kept = [(name, row) for name, row in ordered if not row.is_gone]
        version = secrets.token_hex(8)
        packs = list(_packs(kept, ROWS_A_PAGE)) or [_packed(())]
        others = [
            keys.key(PARTITION, f"{PAGE}{number:03d}#{version}") | {"rows": pack}
            for number, pack in enumerate(packs[1:], start=1)
        ]
        first = keys.key(PARTITION, FIRST_PAGE) | {
            "rows": packs[0],
            "sweptAt": keys.number(swept_at),
            "version": keys.text(version),
        }
        before = {keys.read_text(item, "sk"): item for item in stored}
        self.table.write_many(others)
        if self.table.put(first, _unchanged_page(before.get(FIRST_PAGE))):
            self.table.delete_many([item for name, item in before.items() if name != FIRST_PAGE])
        else:
            self.table.delete_many(others)


def _unchanged_page(before: keys.Item | None) -> Condition:
    if before is None:
        return ABSENT
    return Condition(expression="version = :version", values={":version": keys.text(keys.read_text(before, "version"))})


def change_note(name: ObjectName, due: datetime, at: datetime) -> keys.Item:
    """The note that an object changed and is due at a time; it goes into the write of the change itself."""
    ahead = at + CHANGE_AHEAD
    (item,) = note_items({name: _Row(keys.epoch(ahead), None, keys.epoch(due))}, ahead)
    return item


def note_items(rows: Mapping[ObjectName, _Row], at: datetime) -> list[keys.Item]:
    """Rows as items; their sort keys are in the order of time."""
    return [
        keys.key(PARTITION, f"{NOTE}{int(at.timestamp() * 1000):014d}#{secrets.token_hex(4)}") | {"rows": pack}
        for pack in _packs(list(rows.items()), ROWS_A_NOTE)
    ]


def _agenda(rows: Rows, swept_at: datetime | None) -> Agenda:
    return Agenda(times={name: _times(row) for name, row in rows.items() if not row.is_gone}, swept_at=swept_at)


def _seen(found: Times, row: _Row | None, as_of: datetime) -> _Row:
    """The row of an object that was found at ``as_of`` or after it: what is known of it, if that is newer."""
    last = _epoch(found.last)
    if row is None:
        return _Row(keys.epoch(as_of), last, _epoch(found.due))
    if _is_newer(row, as_of):
        return row
    if last is None:
        return _Row(keys.epoch(as_of), row.last, _epoch(found.due))
    # A note may arrive after the moment that it names.
    return row if row.last is not None and row.last > last else _Row(keys.epoch(as_of), last, _epoch(found.due))


def _believed(row: _Row, latest: float, now: float) -> _Row:
    """A row as it counts: one of a clock that was ahead is older than everything, and has its object looked at now."""
    last = row.last if row.last is None or row.last <= latest else None
    if row.at > latest:
        return _Row(0.0, last, now)
    return row if last == row.last else replace(row, last=last)


def _is_kept(row: _Row, as_of: datetime) -> bool:
    """Whether the row of an object that was not found at ``as_of`` stays."""
    return _is_newer(row, as_of) or (row.due is not None and row.due <= keys.epoch(as_of))


def _is_newer(row: _Row, as_of: datetime) -> bool:
    # Rows are stored in whole milliseconds.
    return row.at >= int(keys.epoch(as_of) * 1000) / 1000


def _times(row: _Row) -> Times:
    last = None if row.last is None else keys.moment(row.last)
    return Times(last=last, due=None if row.due is None else keys.moment(row.due))


def _epoch(value: datetime | None) -> float | None:
    return None if value is None else keys.epoch(value)


def _packs(rows: Sequence[tuple[ObjectName, _Row]], most: int) -> Iterator[AttributeValueTypeDef]:
    """Rows for one item after the other: so many, or fewer where their names are too long for one item."""
    for part in chunks(rows, most):
        pack = _packed(part)
        if len(pack["B"]) > MOST_BYTES and len(part) > 1:
            yield from _packs(part, -(-len(part) // 2))
        else:
            yield pack


def _packed(rows: Sequence[tuple[ObjectName, _Row]]) -> AttributeValueTypeDef:
    # Times relative to each other compress to next to nothing.
    listed = [
        [name.kind, str(name.key), int(row.at * 1000), _since(row.last, row), _since(row.due, row), int(row.is_gone)]
        for name, row in rows
    ]
    return {"B": zlib.compress(json.dumps(listed, separators=(",", ":")).encode())}


def _unpacked(item: keys.Item) -> list[tuple[ObjectName, _Row]]:
    """Empty for what cannot be read: the next sweep finds every object again."""
    try:
        listed = cast("list[list[object]]", json.loads(zlib.decompress(keys.read_bytes(item, "rows"))))
        return [_row_of(*fields) for fields in listed]
    except UNREADABLE:
        return []


def _row_of(
    kind: object, name: object, at_ms: object, last: object, due: object, is_gone: object
) -> tuple[ObjectName, _Row]:
    at = float(cast("int", at_ms)) / 1000
    row = _Row(at, _moved(last, at), _moved(due, at), bool(is_gone))
    return ObjectName(kind=str(kind), key=keys.named(str(name))), row


def _moved(since: object, at: float) -> float | None:
    if since is None:
        return None
    moment = float(int(at) + int(cast("int", since)))
    if not FIRST_MOMENT <= moment <= LAST_MOMENT:
        raise ValueError("a number that is no time")
    return moment


def _since(value: float | None, row: _Row) -> int | None:
    return None if value is None else int(value) - int(row.at)
