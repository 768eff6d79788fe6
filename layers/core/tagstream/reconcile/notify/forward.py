"""Hands new ledger entries from the table's stream to the notify function.

A stream has room for two functions that read it, and the scan and the update function do. That way, too, a service that
hangs never holds up the stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tagstream.events.stream import StreamChange
from tagstream.ports.bundle import Ports
from tagstream.ports.ledger import repeated_identity
from tagstream.ports.notices import MAX_ENTRIES, QueuedNotice


def forward_entries(changes: Sequence[StreamChange], ports: Ports) -> None:
    """Ask for the notifications of a batch's ledger entries; nothing is sent if nobody wants to be told.

    Args:
        changes: of the table's stream; those that are no ledger entries are passed over.
        ports: of the scan function.

    Raises:
        ImageAutomationError: the table or the queue failed; the changes have to be processed again.
    """
    entries = _told_once(one.entry for one in changes if one.entry)
    if not entries or not (ports.tells_event_bus or ports.objects.list("Alert")):
        return
    parts = (entries[at : at + MAX_ENTRIES] for at in range(0, len(entries), MAX_ENTRIES))
    ports.notifier.tell([QueuedNotice(entries=tuple(one)) for one in parts])


def _told_once(entries: Iterable[str]) -> Sequence[str]:
    """The ids in the order of their times, without those that repeat an earlier one of the same batch.

    What another batch has told is not looked up: that would cost a read and a write for each entry.
    """
    found: dict[str, str] = {}
    for one in sorted(set(entries)):
        found.setdefault(repeated_identity(one) or one, one)
    return list(found.values())
