"""Values that may be longer than an item: compressed bytes in parts beside the item that names them.

A value that fits into its item has no parts, and costs no call more.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import Table, name_of
from tagstream.errors import ImageAutomationError, RetryableError

# An item may hold 400 KB. zlib never grows its input by more than a per mille, so this is safe before compression.
PART_BYTES = 380_000
# Nobody writes the parts of one value for longer than this: older ones that no item names are a dead writer's.
WRITING_TAKES = timedelta(hours=1)
READ_TRIES = 4


@dataclass(frozen=True, slots=True)
class Reference:
    """Names the parts of one value; it is kept in the item that they belong to. A ``count`` of 0 names none."""

    snapshot: str
    count: int

    def __str__(self) -> str:
        """As it is stored."""
        return f"{self.snapshot}#{self.count}"


NO_PARTS = Reference("", 0)


def reference(stored: str) -> Reference | None:
    """The inverse of ``str``; None for what is no reference."""
    snapshot, _, count = stored.partition("#")
    return Reference(snapshot, int(count)) if snapshot and count.isdecimal() else None


def reference_in(item: keys.Item) -> Reference | None:
    """The parts that an item names; None if it names none."""
    return reference(keys.read_text(item, keys.PARTS))


def snapshot_name(at: datetime) -> str:
    """A name for the parts of a value; names are in the order of time."""
    return _in_time(at) + secrets.token_hex(4)


def _in_time(at: datetime) -> str:
    return f"{int(at.timestamp()):010x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of the values of one item.

    Args:
        table: where they are.
        pk: the partition of the item.
        prefix: what the sort keys of its parts begin with, and no other ones of the partition.
        attribute: of a part, which holds its bytes.
    """

    table: Table
    pk: str
    prefix: str
    attribute: str = "part"

    def replace(
        self,
        bodies: Iterable[bytes],
        snapshot: str,
        put: Callable[[Reference], Reference | None],
        further: Mapping[str, object] | None = None,
    ) -> bool:
        """Replace a value: write its parts, then the item that names them; only then the former parts go.

        Args:
            bodies: of the parts, each short enough for an item; none for a value that fits into its item.
            snapshot: the name of this value.
            put: writes the item, which has to name these parts, under the condition of its writer. It answers which
                parts the former item named, or None if the condition did not hold.
            further: attributes of each part.

        Returns:
            False if the condition did not hold. The parts that were written are removed then.

        Raises:
            ImageAutomationError: a part could not be written, or ``put`` raised it. The item may name the new parts in
                the second case, so they stay.
        """
        named = self._write(bodies, snapshot, further)
        former = put(named)
        if former is None:
            self.drop(named)
            return False
        # If the answer to the first try got lost, the next one finds what the first has written.
        if former != named:
            self.drop(former)
        return True

    def lengthen(
        self,
        named: Reference,
        bodies: Sequence[bytes],
        put: Callable[[Reference], Reference | None],
        further: Mapping[str, object] | None = None,
    ) -> Reference | None:
        """Write a value to its end anew, beginning with its last part.

        The parts behind that one are written first, then the item that names them, then the last part in its place. In
        between, a reader finds the former value, and parts behind it that are none of it: the value itself has to show
        where it ends.

        Args:
            named: the parts of the value.
            bodies: what the last one becomes, and those that follow it.
            put: as in ``replace``.
            further: attributes of each part.

        Returns:
            Which parts the value has; None if the condition did not hold. The item may name any of them then, as long
            as its next writer has not written another value, so they stay.

        Raises:
            ImageAutomationError: a part or the item could not be written.
        """
        last, *others = bodies
        for number, body in enumerate(others, start=named.count + 1):
            self._put(named.snapshot, number, body, further)
        longer = Reference(named.snapshot, named.count + len(others))
        former = put(longer)
        if former is None:
            return None
        self._put(named.snapshot, named.count, last, further)
        self.drop(former)
        return longer

    def _write(self, bodies: Iterable[bytes], snapshot: str, further: Mapping[str, object] | None) -> Reference:
        """Write the parts; if one cannot be written, those before it are removed."""
        written = Reference(snapshot, 0)
        try:
            for body in bodies:
                written = Reference(snapshot, written.count + 1)
                self._put(written.snapshot, written.count, body, further)
        except ImageAutomationError:
            with contextlib.suppress(ImageAutomationError):
                self.drop(written)
            raise
        return written

    def _put(self, snapshot: str, number: int, body: bytes, further: Mapping[str, object] | None) -> None:
        part: keys.Item = {**self._key(snapshot, number), self.attribute: {"B": body}}
        part.update(further or {})  # type: ignore[arg-type]
        self.table.put(part)

    def names(self, named: Reference) -> list[keys.Item]:
        """The keys of the parts, in order."""
        return [self._key(named.snapshot, number + 1) for number in range(named.count)]

    def found(self, named: Reference, known: Mapping[tuple[str, str], keys.Item] | None = None) -> list[keys.Item]:
        """The parts that are there, in order; ``known`` are items that were read already."""
        there = dict(known or {})
        missing = [key for key in self.names(named) if name_of(key) not in there]
        there |= {name_of(item): item for item in self.table.get_many(missing)} if missing else {}
        return [there[name_of(key)] for key in self.names(named) if name_of(key) in there]

    def drop(self, named: Reference) -> None:
        """Remove the parts of a value that no item names any more."""
        if named.count:
            self.table.delete_many(self.names(named))

    def drop_left_behind(self, now: datetime) -> None:
        """Remove the parts of writers that died before they could; one query, which finds none as a rule."""
        end = f"{self.prefix}{_in_time(now - WRITING_TAKES)}"
        self.table.delete_many(list(self.table.query_between(self.pk, self.prefix, end)))

    def whole(
        self,
        item: keys.Item,
        named_by: Callable[[keys.Item], Reference | None],
        known: Mapping[tuple[str, str], keys.Item] | None = None,
    ) -> tuple[keys.Item, bytes | None]:
        """A long value, and the item that named it when its parts were complete: a writer may replace both meanwhile.

        Args:
            item: which may name parts, as it was read.
            named_by: finds their name in it.
            known: items that were read with it.

        Returns:
            No bytes if the item names no parts, or its parts are lost.

        Raises:
            RetryableError: StorageOperationFailed, the value changed at every attempt.
        """
        for _ in range(READ_TRIES):
            named = named_by(item)
            found = self.found(named, known) if named is not None else []
            if named is None or len(found) == named.count:
                return item, b"".join(keys.read_bytes(one, self.attribute) for one in found) if named else None
            newer = self.table.get({"pk": item["pk"], "sk": item["sk"]})
            if newer is None or newer == item:
                return item, None
            item, known = newer, None
        raise RetryableError(f"{' '.join(name_of(item))} keeps changing", reason="StorageOperationFailed")

    def _key(self, snapshot: str, number: int) -> keys.Item:
        return keys.key(self.pk, f"{self.prefix}{snapshot}#{number:06d}")


def cut(body: bytes) -> Iterator[bytes]:
    """A long value as bodies of parts."""
    for start in range(0, len(body), PART_BYTES):
        yield body[start : start + PART_BYTES]
