"""The audit trail in the table: one partition a day, entries expire.

An entry never breaks its reader: it is bounded when it is written, and passed over when it cannot be read.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import Table
from tagstream.domain.notify.event import is_told
from tagstream.domain.status.conditions import shortened
from tagstream.ports.ledger import ONCE, LedgerEntry

DAY = len("2026-01-01")
# An item holds 400 KB.
MAX_ENTRY_BYTES = 380_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoLedger:
    """Ledger on one table; ``ttl_s`` is how long an entry stays."""

    table: Table
    ttl_s: float

    def record(self, entries: Sequence[LedgerEntry]) -> None:
        """One batch write."""
        self.table.write_many([self.item(entry) for entry in entries])

    def by_ids(self, ids: Sequence[str]) -> Mapping[str, LedgerEntry]:
        """Read by key: an id begins with the day that its partition is named by."""
        items = self.table.get_many([keys.key(f"ledger#{one[:DAY]}", one) for one in sorted(set(ids))])
        found = {keys.read_text(item, "sk"): _entry(item) for item in items}
        return {name: entry for name, entry in found.items() if entry is not None}

    def read(self, since: datetime, until: datetime) -> tuple[LedgerEntry, ...]:
        """One query a day."""
        found: list[LedgerEntry] = []
        day = since.date()
        while day <= until.date():
            # ``~`` sorts behind every character of a time stamp and its random suffix.
            items = self.table.query_between(f"ledger#{day}", keys.iso(since), keys.iso(until) + "~")
            found.extend(entry for item in items if (entry := _entry(item)) is not None)
            day += timedelta(days=1)
        return tuple(_told_once(found))

    def item(self, entry: LedgerEntry) -> keys.Item:
        """The item of an entry, for writes that go along with others."""
        identity = entry.identity or secrets.token_hex(4)
        document = keys.packed_document(_bounded(entry_document(entry)))
        told = {"t": keys.text(keys.LEDGER)} if is_told(entry.kind, entry.reason) else {}
        return keys.key(f"ledger#{entry.at.date()}", f"{_moment(entry.at)}#{identity}") | {
            **told,
            "doc": document,
            "expiresAt": keys.number(int(entry.at.timestamp() + self.ttl_s)),
        }


def _told_once(entries: Iterable[LedgerEntry]) -> Iterator[LedgerEntry]:
    """The entries without those that repeat an earlier one."""
    told: set[str] = set()
    for entry in entries:
        if entry.identity.startswith(ONCE):
            if entry.identity in told:
                continue
            told.add(entry.identity)
        yield entry


def _bounded(document: dict[str, object]) -> dict[str, object]:
    """An entry that an item has room for: long messages are cut, facts that leave no room are named and dropped."""
    document["message"] = shortened(str(document["message"]))
    facts = cast("dict[str, object]", document["facts"])
    if len(keys.document(document)["S"].encode()) > MAX_ENTRY_BYTES:
        document["facts"] = {"dropped": f"too large: {', '.join(sorted(facts))}"}
    return document


def entry_document(entry: LedgerEntry) -> dict[str, object]:
    """An entry as a JSON object; its time and identity are in the item's key."""
    return {
        "kind": entry.kind,
        "name": str(entry.key),
        "severity": entry.severity,
        "reason": entry.reason,
        "message": entry.message,
        "cause": entry.cause,
        "facts": dict(entry.facts or {}),
    }


def entry_of(stored: Mapping[str, object], at: datetime, identity: str) -> LedgerEntry:
    """The entry that a JSON object was made of."""
    return LedgerEntry(
        at=at,
        kind=str(stored["kind"]),
        key=keys.named(str(stored["name"])),
        severity=str(stored["severity"]),
        reason=str(stored["reason"]),
        message=str(stored["message"]),
        cause=str(stored["cause"]),
        facts=cast("dict[str, object]", stored["facts"]),
        identity=identity,
    )


def _moment(at: datetime) -> str:
    # A fixed width of the fraction keeps text order equal to time order.
    return keys.iso(at.replace(microsecond=at.microsecond or 1))


def _entry(item: keys.Item) -> LedgerEntry | None:
    """None for what cannot be read: the other entries are shown all the same."""
    at, _, identity = keys.read_text(item, "sk").partition("#")
    try:
        return entry_of(keys.read_document(item), keys.from_iso(at), identity)
    except (KeyError, ValueError):
        return None
