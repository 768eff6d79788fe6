"""SchemaStore on one table. A warm container asks until the table is up to date, because the number only grows."""

from __future__ import annotations

from dataclasses import dataclass, field

from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import Condition
from tagstream.adapters.store.table import Table
from tagstream.ports.schema import SCHEMA

ITEM = "schema"


@dataclass(slots=True, kw_only=True)
class DynamoSchema:
    """One item; ``_known`` is the newest version that was seen."""

    table: Table
    _known: int = field(default=0, init=False)

    def version(self) -> int:
        """One read, and none once the table is up to date."""
        if self._known < SCHEMA:
            self._known = int(keys.read_number(self.table.get(keys.key(ITEM)) or {}, "version"))
        return self._known

    def raise_to(self, version: int) -> None:
        """One conditional write."""
        older = Condition(
            expression="attribute_not_exists(pk) OR version < :version", values={":version": keys.number(version)}
        )
        self.table.put(keys.key(ITEM) | {"version": keys.number(version)}, older)
        self._known = max(self._known, version)
