"""Finds the Alerts that ask for events, with the Providers that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tagstream.domain.notify.event import Event
from tagstream.domain.notify.filter import is_wanted, told_event
from tagstream.domain.objects.model import Alert, Metadata, NamespacedName
from tagstream.domain.objects.receiver import read_metadata
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import NotifyPorts
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.stored_objects import parsed_objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The events that one Alert asks for, with what it adds to them."""

    alert: Alert
    stored: StoredObject
    events: tuple[Event, ...]


def wanted_by(events: Sequence[Event], only: NamespacedName | None, ports: NotifyPorts) -> list[Wanted]:
    """Return the Alerts that ask for some of these events.

    Args:
        events: of one run.
        only: the one Alert to look at; None for all.
        ports: of the notify function.

    Raises:
        ImageAutomationError: the table failed.
    """
    alerts = [
        (stored, alert) for stored, alert in parsed_objects(_stored(only, ports), Alert, ports.log) if not alert.suspend
    ]
    if not alerts:
        return []
    objects = _metadata(events, ports)
    found = []
    for stored, alert in alerts:
        asked = tuple(
            told_event(alert, event, objects[name_of(event)].annotations)
            for event in events
            if is_wanted(
                alert,
                event,
                objects[name_of(event)].labels,
                no_cross_namespace_refs=ports.no_cross_namespace_refs,
            )
        )
        if asked:
            found.append(Wanted(alert=alert, stored=stored, events=asked))
    return found


def name_of(event: Event) -> ObjectName:
    """The object that an event is about."""
    return ObjectName(kind=event.kind, key=event.key)


def _stored(only: NamespacedName | None, ports: NotifyPorts) -> Sequence[StoredObject]:
    if only is None:
        return ports.objects.list("Alert")
    found = ports.objects.get("Alert", only)
    return [] if found is None else [found]


def _metadata(events: Sequence[Event], ports: NotifyPorts) -> Mapping[ObjectName, Metadata]:
    """Labels and annotations of the objects; an object that is gone has none."""
    names = {name_of(one) for one in events}
    documents = ports.objects.documents(names)
    return {name: read_metadata(documents[name]) if name in documents else Metadata(key=name.key) for name in names}
