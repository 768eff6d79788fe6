"""The state of an object in one word, with its reason and its time, made from its status."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from tagstream.dashboard.view import STATES, Health
from tagstream.domain.notify.event import DELAYED, DELIVERED
from tagstream.domain.objects.kinds import RECONCILED_KINDS
from tagstream.domain.status.conditions import READY, Condition
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.shown_status import is_suspended, suspended_by, wait_of

ATTEMPTS_LAST = timedelta(hours=1)
"""How long a notification is tried at most."""


def health_of(stored: StoredObject, now: datetime) -> Health:
    """Return the state of an object.

    Args:
        stored: with its status.
        now: aware UTC.
    """
    if is_suspended(stored):
        return Health(state="suspended", message=suspended_by(stored))
    ready = status.conditions(stored.status).get(READY)
    if ready is None:
        return Health(state="new" if stored.kind in RECONCILED_KINDS else "ready")
    since = ready.last_transition_time
    if ready.status == "False":
        is_stalled = status.is_stalled(stored.status)
        return Health(state="red", since=since, reason=ready.reason, message=ready.message, is_stalled=is_stalled)
    wait = _wait(stored, ready, now)
    if wait:
        return Health(state="waiting", since=since, reason=ready.reason, message=wait)
    return Health(state="ready" if ready.status == "True" else "new", since=since, reason=ready.reason)


def _wait(stored: StoredObject, ready: Condition, now: datetime) -> str:
    """What an object waits for; empty if it waits for nothing."""
    if stored.kind == "ImageUpdateAutomation":
        return wait_of(stored)
    until = status.wait_until(stored.status)
    if until is None or until <= now:
        return ""
    # The message of a policy's condition ends with what its gates say.
    return ready.message.partition("; ")[2] or f"evaluated again at {until:%H:%M:%S} UTC"


def urgency(health: Health) -> int:
    """The place of a state in the order in which rows are shown."""
    return STATES.index(health.state)


def undelivered(entries: Iterable[LedgerEntry], now: datetime) -> dict[str, LedgerEntry]:
    """The last failure of each Alert that could not tell something, by the Alert's name.

    The first attempts of a notification may fail. It counts as delivered if an entry says so, or if all attempts must
    have ended and none of them has failed since.
    """
    last: dict[str, LedgerEntry] = {}
    for one in sorted((one for one in entries if one.kind == "Alert"), key=lambda one: one.at):
        if one.reason == DELIVERED:
            last.pop(str(one.key), None)
        elif one.severity == "error" and (one.reason != DELAYED or now - one.at < ATTEMPTS_LAST):
            last[str(one.key)] = one
    return last
