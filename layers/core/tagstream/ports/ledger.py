"""The ledger: the audit trail of what happened and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tagstream.domain.objects.model import NamespacedName

ONCE = "once-"
"""What the identity of an entry begins with that may be recorded again by whoever repeats the work of a dead worker."""


def repeated_identity(entry_id: str) -> str:
    """The identity that an entry has again if it is recorded again at another time; empty if it has none.

    Args:
        entry_id: ``time#identity``, as the table's stream names the entry.
    """
    identity = entry_id.partition("#")[2]
    return identity if identity.startswith(ONCE) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One line of the audit trail; ``severity`` is ``info`` or ``error``; ``facts`` are plain JSON values.

    Entries of the same ``at`` and ``identity`` are one entry; without an identity each is its own. Those whose identity
    begins with ``ONCE`` are one entry whatever their times are: the earliest is read.
    """

    at: datetime
    kind: str
    key: NamespacedName
    severity: str
    reason: str
    message: str
    cause: str = ""
    facts: Mapping[str, object] | None = None
    identity: str = ""


class Ledger(Protocol):
    """The audit trail: selections, rejections, commits, pushes, errors, each with its cause; entries expire."""

    def record(self, entries: Sequence[LedgerEntry]) -> None:
        """Append."""

    def by_ids(self, ids: Sequence[str]) -> Mapping[str, LedgerEntry]:
        """Entries by their ids, as the table's stream names them; one that is gone is left out."""

    def read(self, since: datetime, until: datetime) -> tuple[LedgerEntry, ...]:
        """Entries of a period, oldest first."""
