"""Makes the dashboard's first page of a stack: what runs where, what is red and since when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tagstream.dashboard.calendars import calendar_rows
from tagstream.dashboard.commits import latency
from tagstream.dashboard.fleet import MAX_NAMESPACES, PERIOD, Fleet, read_fleet
from tagstream.dashboard.health import health_of, undelivered, urgency
from tagstream.dashboard.rows import (
    automation_row,
    kustomization_row,
    orders,
    policy_row,
    repository_row,
    request_rows,
)
from tagstream.dashboard.view import (
    AutomationRow,
    Health,
    KustomizationRow,
    Overview,
    PolicyRow,
    RedObject,
    RepositoryRow,
)
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import LookPorts
from tagstream.ports.objects import StoredObject
from tagstream.ports.operations import Alarm
from tagstream.reconcile.failure_advice import failure_advice

MAX_HINTS = 10
"""The most red objects that get hints on their failure."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
Row = TypeVar("Row", RepositoryRow, PolicyRow, AutomationRow, KustomizationRow)


def read_overview(
    stack: str, namespace: str | None, ports: LookPorts, alarms: Sequence[Alarm] = (), period: timedelta = PERIOD
) -> Overview:
    """Read a stack and return its first page.

    Args:
        stack: its name, which is only shown.
        namespace: whose objects are shown; None for those of all.
        ports: of the stack.
        alarms: of the stack; those that ring are red.
        period: how far back commits go.

    Raises:
        ImageAutomationError: the table does not answer.
    """
    fleet = read_fleet(namespace, ports.clock.now() - period, ports)
    committed = fleet.committed_by()
    entries = [one for one in fleet.entries if namespace in (None, one.key.namespace)]
    automations = fleet.objects["ImageUpdateAutomation"]
    requests = (row for one in automations for row in request_rows(one))
    return Overview(
        stack=stack,
        namespace=namespace,
        namespaces=fleet.namespaces,
        at=fleet.at,
        red=_with_hints(sorted(_red(fleet, alarms), key=_longest_first), fleet, ports),
        repositories=_urgent_first(repository_row(one, fleet) for one in fleet.objects["ImageRepository"]),
        policies=_urgent_first(policy_row(one, fleet) for one in fleet.objects["ImagePolicy"]),
        automations=_urgent_first(automation_row(one, fleet, len(committed.get(one.key, ()))) for one in automations),
        kustomizations=_urgent_first(kustomization_row(one, fleet) for one in fleet.objects["Kustomization"]),
        requests=tuple(requests),
        orders=tuple(order for policy in fleet.policies.values() for order in orders(policy, fleet)),
        calendars=tuple(calendar_rows(namespace, fleet, ports)),
        latency=latency(entries, fleet.since, fleet.at),
        notes=_notes(fleet),
    )


def _red(fleet: Fleet, alarms: Sequence[Alarm]) -> Iterator[RedObject]:
    for one in alarms:
        if one.state == "ALARM":
            health = Health(state="red", since=one.since, reason="Alarm", message=one.description)
            yield RedObject(kind="Alarm", key=NamespacedName("", one.name), health=health)
    for stored in fleet.stored():
        health = health_of(stored, fleet.at)
        if health.state == "red":
            yield RedObject(kind=stored.kind, key=stored.key, health=health)
    told = {one.key for one in fleet.objects["Alert"] if health_of(one, fleet.at).state == "ready"}
    for entry in undelivered(fleet.entries, fleet.at).values():
        if entry.key in told:
            health = Health(state="red", since=entry.at, reason=entry.reason, message=entry.message)
            yield RedObject(kind=entry.kind, key=entry.key, health=health)


def _with_hints(red: Sequence[RedObject], fleet: Fleet, ports: LookPorts) -> tuple[RedObject, ...]:
    """Add what the failures of the first objects point to: each is a read or two of what the object refers to."""
    stored = {(one.kind, one.key): one for one in fleet.stored()}
    known = [(one, stored.get((one.kind, one.key))) for one in red[:MAX_HINTS]]
    hinted = [replace(one, hints=_hints(found, ports)) if found else one for one, found in known]
    return (*hinted, *red[MAX_HINTS:])


def _hints(stored: StoredObject, ports: LookPorts) -> tuple[str, ...]:
    try:
        return failure_advice(stored, ports)
    except ImageAutomationError:
        # Advice is an extra: what cannot be read just now only leaves it out.
        return ()


def _longest_first(one: RedObject) -> tuple[bool, datetime, str, NamespacedName]:
    # Alarms come first: they are about the stack itself.
    return one.kind != "Alarm", one.health.since or _NEVER, one.kind, one.key


def _urgent_first(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda one: (urgency(one.health), one.key)))


def _notes(fleet: Fleet) -> tuple[str, ...]:
    count = len({one.key.namespace for one in fleet.objects["ImagePolicy"]})
    if count <= MAX_NAMESPACES:
        return ()
    return (f"Selections are shown for the first {MAX_NAMESPACES} of {count} namespaces: choose one to see its own.",)
