"""Makes events of ledger entries, for Alerts and for the event bus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import NAMESPACE_URL, uuid5

from tagstream.domain.notify.event import Event, event_document
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.notices import BusEvent

DETAIL_VERSION = "1"
MAX_DETAIL = 240_000
"""Bytes of an event's detail on the bus, where an event with its envelope has at most 256 KB."""
MAX_FACTS = 100_000
MAX_METADATA = 50_000
MAX_NAMES = 1_000


def event_of(entry_id: str, entry: LedgerEntry, stack: str) -> Event:
    """The event that an entry of the ledger is.

    Its facts are the entry's that are words or numbers; lists, such as the changes of a commit, are in the message.

    Args:
        entry_id: stays the same however often the event is told.
        entry: of the ledger.
        stack: the stack's name.
    """
    facts = entry.facts or {}
    metadata = {
        name: str(value)
        for name, value in sorted(facts.items())
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
    }
    return Event(
        id=entry_id,
        kind=entry.kind,
        key=entry.key,
        uid=uid_of(stack, entry.kind, str(entry.key)),
        severity=entry.severity,
        at=entry.at,
        reason=entry.reason,
        message=entry.message,
        instance=stack,
        metadata=metadata,
    )


def uid_of(stack: str, kind: str, key: str) -> str:
    """A UUID of an object, which is the same for all its events: the table gives objects none."""
    return str(uuid5(NAMESPACE_URL, f"tagstream:{stack}/{kind}/{key}"))


def bus_event(event: Event, entry: LedgerEntry) -> BusEvent:
    """The event as EventBridge gets it; docs/events.md and docs/event-schema.json describe it."""
    detail: dict[str, object] = {
        "version": DETAIL_VERSION,
        "id": event.id,
        "stack": event.instance,
        "cause": entry.cause,
        **event_document(event),
        "facts": _bounded(entry.facts or {}, MAX_FACTS),
    }
    if _size(detail) > MAX_DETAIL:
        if event.metadata:
            detail["metadata"] = _bounded(event.metadata, MAX_METADATA)
        room = MAX_DETAIL - _size({**detail, "message": ""})
        detail["message"] = _cut(event.message, room)
    return BusEvent(detail_type=f"{event.kind} {'Failed' if event.is_error else 'Changed'}", detail=json.dumps(detail))


def _bounded(facts: Mapping[str, object], most: int) -> Mapping[str, object]:
    if _size(facts) <= most:
        return facts
    return {"dropped": f"too large: {', '.join(sorted(facts))[:MAX_NAMES]}"}


def _cut(message: str, room: int) -> str:
    """The beginning of a message that takes at most ``room`` bytes as JSON, with its quotes."""
    if _size(message) <= room + 2:
        return message
    end = "… (cut)"
    left = room - _size(end)
    while _size(message) > left + 2:
        message = message[: len(message) * 9 // 10]
    return message + end


def _size(value: object) -> int:
    """Bytes as JSON, which is ASCII: a character beyond it has six or twelve."""
    return len(json.dumps(value))
