"""The freezes that people made: one item, which every run reads in a call that it makes anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import ABSENT, Condition, unchanged
from tagstream.adapters.store.ledger import DynamoLedger
from tagstream.adapters.store.table import Table
from tagstream.errors import ImageAutomationError
from tagstream.ports.freezes import FREEZES
from tagstream.ports.ledger import LedgerEntry

if TYPE_CHECKING:
    from tagstream.domain.calendar.hand_freeze import HandFreeze


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoFreezes:
    """FreezeStore on one table. The item is that of an object, so that a change wakes the scan function."""

    table: Table
    ledger: DynamoLedger

    def read(self) -> tuple[HandFreeze, ...]:
        """One read.

        Raises:
            ImageAutomationError: StorageOperationFailed, they cannot be read. Nothing is pushed while that is so.
        """
        item = self.table.get(_KEY)
        if item is None:
            return ()
        try:
            return _read(item)
        except ValueError as error:
            text = f"{error}: run 'tagstream thaw --all', or delete {NAME}"
            raise ImageAutomationError(text, reason="StorageOperationFailed") from error

    def replace(
        self, before: Sequence[HandFreeze], after: Sequence[HandFreeze], entries: Sequence[LedgerEntry]
    ) -> bool:
        """One transaction: the freezes and the entries of the ledger are both there, or neither."""
        from tagstream.domain.calendar.hand_freeze import freezes_document

        item = _KEY | {"t": keys.text(keys.OBJECT), "doc": keys.document(freezes_document(after))}
        others = [self.table.putting(self.ledger.item(entry)) for entry in entries]
        same = Condition(expression="doc = :doc", values={":doc": keys.document(freezes_document(before))})
        if before:
            if self.table.replace(item, same, others):
                return True
            found = self.table.get(_KEY)
            if found is None or not _is_readable(found) or _read(found) != tuple(before):
                return False
            # The same in other words: those of another version, or of a person.
            return self.table.replace(item, unchanged(found), others)
        # Without freezes there is no item yet, or one that lists none.
        return self.table.replace(
            item, Condition(expression=f"{ABSENT.expression} OR doc = :doc", values=same.values), others
        )

    def give_up(self, entries: Sequence[LedgerEntry]) -> bool:
        """One transaction, on what cannot be read and nothing else."""
        from tagstream.domain.calendar.hand_freeze import freezes_document

        found = self.table.get(_KEY)
        if found is None or _is_readable(found):
            return False
        item = _KEY | {"t": keys.text(keys.OBJECT), "doc": keys.document(freezes_document(()))}
        return self.table.replace(
            item, unchanged(found), [self.table.putting(self.ledger.item(entry)) for entry in entries]
        )


def _read(item: keys.Item) -> tuple[HandFreeze, ...]:
    from tagstream.domain.calendar.hand_freeze import read_freezes

    return read_freezes(keys.read_document(item))


def _is_readable(item: keys.Item) -> bool:
    try:
        _read(item)
    except ValueError:
        return False
    return True


_KEY = keys.key(keys.objects(FREEZES.kind), str(FREEZES.key))
NAME = f"the item pk={keys.objects(FREEZES.kind)} sk={FREEZES.key} of the table to have none"
