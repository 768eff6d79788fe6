"""Tells what ledger entries say: the event bus first, then every Alert that asks for the events.

What a service does not take is tried again in a notice of its own, so that it holds up nobody else; what nobody can
deliver ends among the dead letters and as an event of its Alert.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import NotifyPorts
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.notices import DeliveryFailed, QueuedNotice
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.notify.deliver import Remainder, deliver_all
from tagstream.reconcile.notify.events import bus_event, event_of
from tagstream.reconcile.notify.wanted import Wanted, wanted_by

FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 900.0
LAST_ATTEMPT = 7
"""A service that does not take a notification is asked so often, within about 35 minutes.

AWS ends a chain of functions and messages at the sixteenth turn.
"""
THREADS = 8


def tell(notice: QueuedNotice, deadline_s: float, ports: NotifyPorts) -> None:
    """Tell what a notice asks for.

    Args:
        notice: names entries of the ledger.
        deadline_s: monotonic; what is left then is asked for anew.
        ports: of the notify function.

    Raises:
        ImageAutomationError: the table, a queue or the event bus failed, and the notice has to be repeated.
    """
    entries = ports.ledger.by_ids(notice.entries)
    # The ids begin with their times, so this is the order in which things happened.
    found = [(event_of(name, entries[name], ports.stack), entries[name]) for name in sorted(entries)]
    if not found:
        return
    if notice.alert is None and ports.bus is not None:
        ports.bus.put([bus_event(event, entry) for event, entry in found])
    wanted = wanted_by([event for event, _ in found], notice.alert, ports)
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        remainders = list(pool.map(lambda one: _deliver(one, deadline_s, ports), wanted))
    for one, remainder in zip(wanted, remainders, strict=True):
        _settle(one.alert.metadata.key, remainder, notice.attempt, ports)


def wait_s(attempt: int, asked_s: float | None = None) -> float:
    """Seconds before the next attempt: ten, then three times as long each time, or what a service asks for."""
    return min(LONGEST_WAIT_S, max(FIRST_WAIT_S * float(3 ** (attempt - 1)), asked_s or 0.0))


def _deliver(wanted: Wanted, deadline_s: float, ports: NotifyPorts) -> Remainder:
    try:
        with isolated():
            return deliver_all(wanted, deadline_s, ports)
    except ImageAutomationError as error:
        cause = DeliveryFailed(error.message, is_final=False)
        return Remainder(left=tuple(one.id for one in wanted.events), cause=cause)


def _settle(alert: NamespacedName, remainder: Remainder, attempt: int, ports: NotifyPorts) -> None:
    """Ask for what is left anew, or give it up."""
    if remainder.refused:
        _give_up(alert, remainder.refused, remainder.refused_because, ports)
    if not remainder.left or remainder.cause is None:
        return
    if attempt >= LAST_ATTEMPT:
        _give_up(alert, remainder.left, remainder.cause.message, ports)
        return
    delay_s = 0.0 if remainder.is_out_of_time else wait_s(attempt, remainder.cause.retry_after_s)
    ports.notices.send(QueuedNotice(entries=remainder.left, alert=alert, attempt=attempt + 1, delay_s=delay_s))


def _give_up(alert: NamespacedName, ids: Sequence[str], cause: str, ports: NotifyPorts) -> None:
    ports.notices.bury(QueuedNotice(entries=tuple(ids), alert=alert))
    entry = LedgerEntry(
        at=ports.clock.now(),
        kind="Alert",
        key=alert,
        severity="error",
        reason="NotificationDispatchFailed",
        message=f"failed to send notification: {cause}",
        facts={"entries": list(ids)},
    )
    ports.ledger.record([entry])
