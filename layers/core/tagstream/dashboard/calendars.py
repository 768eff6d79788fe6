"""Windows and freezes: of automations, namespaces and the stack, and those that people made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tagstream.dashboard.fleet import Fleet
from tagstream.dashboard.view import CalendarRow
from tagstream.domain.calendar.calendar import Calendar
from tagstream.domain.calendar.hand_freeze import HandFreeze
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import Namespace
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import LookPorts
from tagstream.reconcile.stack_calendar import read_stack_calendar


def calendar_rows(namespace: str | None, fleet: Fleet, ports: LookPorts) -> Iterator[CalendarRow]:
    """Yield the calendars that hold pushes back, or may do so.

    Args:
        namespace: whose; None for those of all namespaces. What is above namespaces counts for each of them.
        fleet: the automations.
        ports: where the others are read.
    """
    try:
        stack = read_stack_calendar(ports.stack_calendar)
        if stack is not None:
            yield _row("the stack", stack, fleet.at)
    except ImageAutomationError as error:
        yield _unread("the stack", error.message)
    for key, document in ports.objects.documents_of("Namespace", may_lag=True).items():
        if namespace in (None, key.name):
            parsed = parse_object(document, key.namespace)
            if not isinstance(parsed.value, Namespace):
                yield _unread(f"namespace {key.name}", "; ".join(parsed.errors))
            elif parsed.value.calendar is not None:
                yield _row(f"namespace {key.name}", parsed.value.calendar, fleet.at)
    for name, automation in fleet.automations.items():
        if automation.calendar is not None:
            yield _row(f"ImageUpdateAutomation {name}", automation.calendar, fleet.at)
    yield from _made_by_people(namespace, fleet.at, ports)


def _made_by_people(namespace: str | None, now: datetime, ports: LookPorts) -> Iterator[CalendarRow]:
    try:
        freezes: Sequence[HandFreeze] = ports.freezes.read()
    except ImageAutomationError as error:
        yield _unread("frozen by hand", f"{error.message}: nothing is pushed")
        return
    for one in sorted(freezes, key=lambda one: one.scope):
        if not one.is_over(now) and (namespace is None or one.scope.namespace in ("", namespace)):
            until = f", until {instant_text(one.until)}" if one.until else ""
            yield CalendarRow(
                owner=str(one.scope), windows=(), freezes=(one.text + until,), is_open=False, opens_at=one.until
            )


def _row(owner: str, calendar: Calendar, now: datetime) -> CalendarRow:
    opens_at = calendar.opens(now)
    return CalendarRow(
        owner=owner,
        windows=tuple(one.text for one in calendar.windows),
        freezes=tuple(one.text for one in calendar.freezes),
        is_open=opens_at == now,
        opens_at=None if opens_at == now else opens_at,
    )


def _unread(owner: str, problem: str) -> CalendarRow:
    return CalendarRow(owner=owner, windows=(), freezes=(), is_open=False, opens_at=None, problem=problem)
