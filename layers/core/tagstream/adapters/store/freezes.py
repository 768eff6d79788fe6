"""The freezes that people made: one item, which every run reads in a call that it makes anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagstream.adapters.store import keys
from tagstream.adapters.store.ledger import DynamoLedger
from tagstream.adapters.store.table import ABSENT, Condition, Table, unchanged
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
        from tagstream.domain.calendar.hand_freeze import read_freezes

        try:
            return read_freezes(keys.read_document(item))
        except ValueError as error:
            raise ImageAutomationError(f"{error}: delete {NAME}", reason="StorageOperationFailed") from error

    def replace(
        self, before: Sequence[HandFreeze], after: Sequence[HandFreeze], entries: Sequence[LedgerEntry]
    ) -> bool:
        """One transaction: the freezes and the entries of the ledger are both there, or neither."""
        from tagstream.domain.calendar.hand_freeze import freezes_document, read_freezes

        item = _KEY | {"t": keys.text(keys.OBJECT), "doc": keys.document(freezes_document(after))}
        others = [self.table.putting(self.ledger.item(entry)) for entry in entries]
        same = Condition(expression="doc = :doc", values={":doc": keys.document(freezes_document(before))})
        if before:
            if self.table.replace(item, same, others):
                return True
            found = self.table.get(_KEY)
            if found is None or read_freezes(keys.read_document(found)) != tuple(before):
                return False
            # The same in other words: those of another version, or of a person.
            return self.table.replace(item, unchanged(found), others)
        # Without freezes there is no item yet, or one that lists none.
        return self.table.replace(
            item, Condition(expression=f"{ABSENT.expression} OR doc = :doc", values=same.values), others
        )


_KEY = keys.key(keys.objects(FREEZES.kind), str(FREEZES.key))
NAME = f"the item pk={keys.objects(FREEZES.kind)} sk={FREEZES.key} of the table to have none"
