"""Checks that the windows of automations, namespaces and the stack ever open together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from gocompat.quote import quote
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.model import WINDOW, ImageUpdateAutomation, Namespace
from tagstream.errors import RetryableError
from tagstream.reconcile.apply.located import Located

if TYPE_CHECKING:
    from tagstream.domain.calendar.calendar import Calendar
    from tagstream.ports.bundle import Ports

StoredCalendars = Callable[[str], "Sequence[Calendar]"]
"""The calendars that a stack has for a namespace: the stored Namespace's and the stack's own."""


def no_calendars(namespace: str) -> Sequence[Calendar]:
    """Without a stack there are none."""
    return ()


def stored_calendars(ports: Ports) -> StoredCalendars:
    """Read the calendars of a stack; one that cannot be read is passed over, because the functions tell of it."""

    from tagstream.reconcile.stack_calendar import read_stack_calendar
    from tagstream.reconcile.update.calendars import Calendars, namespace_name

    def read(namespace: str) -> Sequence[Calendar]:
        name = namespace_name(namespace)
        stored = Calendars(documents=ports.objects.documents([name]), stack=ports.stack_calendar)
        found = (
            _readable(lambda: stored.of_namespace(namespace)),
            _readable(lambda: read_stack_calendar(stored.stack)),
        )
        return [one for one in found if one is not None]

    return read


def _readable(read: Callable[[], Calendar | None]) -> Calendar | None:
    try:
        return read()
    except RetryableError:
        return None


def never_open(objects: Sequence[Located], stored: StoredCalendars) -> Sequence[tuple[Located, Problem]]:
    """Return the automations whose windows and those of their namespace or of the stack have no time in common.

    Args:
        objects: the valid objects of the manifests. A Namespace among them counts instead of the stored one.
        stored: reads what the stack has.
    """
    here = {
        one.parsed.key.name: one.parsed.value.calendar for one in objects if isinstance(one.parsed.value, Namespace)
    }
    found = []
    for one in objects:
        value = one.parsed.value
        if not isinstance(value, ImageUpdateAutomation) or value.calendar is None or not value.calendar.windows:
            continue
        # Few automations have windows.
        from tagstream.domain.calendar.calendar import ever_open_together

        others = _others(one.parsed.key.namespace, here, stored)
        if not ever_open_together([value.calendar, *others]):
            text = value.metadata.annotations[WINDOW]
            owners = " and ".join(other.owner for other in others)
            message = f"Invalid value: {quote(text)}: is never open together with the windows of {owners}"
            found.append((one, Problem(path=f"metadata.annotations[{WINDOW}]", message=message)))
    return found


def _others(namespace: str, here: Mapping[str, Calendar | None], stored: StoredCalendars) -> Sequence[Calendar]:
    listed = list(stored(namespace))
    if namespace in here:
        given = here[namespace]
        listed = [one for one in listed if one.owner != f"namespace {namespace}"] + ([given] if given else [])
    return [one for one in listed if one.windows]
