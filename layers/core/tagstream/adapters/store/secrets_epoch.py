"""When secrets were changed last, for the functions that remember them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import Table

_WHERE = "secrets#changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoSecretsEpoch:
    """One item of the table: a secret's value is never part of it."""

    table: Table

    def changed_at(self) -> float:
        """Seconds since 1970 of the last change; 0 when there was none.

        Raises:
            RetryableError: StorageOperationFailed.
        """
        return keys.read_number(self.table.get(keys.key(_WHERE)) or {}, "at")

    def change(self, at: datetime) -> None:
        """A secret was changed at this time, aware UTC.

        Raises:
            RetryableError: StorageOperationFailed.
        """
        self.table.put(keys.key(_WHERE) | {"at": keys.number(keys.epoch(at))})
