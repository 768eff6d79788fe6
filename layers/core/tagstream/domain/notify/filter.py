"""Which events an Alert asks for, and what it adds to them.

Source: notification-controller internal/server/event_handlers.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gocompat.regexp import InvalidPattern, compile_pattern
from tagstream.domain.notify.event import FROZEN_KINDS, Event
from tagstream.domain.objects.acl import may_refer
from tagstream.domain.objects.model import Alert, EventSource

ANNOTATED = "event.toolkit.fluxcd.io/"
"""Annotations of an object whose names begin like this are facts of its events."""


def is_wanted(alert: Alert, event: Event, labels: Mapping[str, str], *, no_cross_namespace_refs: bool) -> bool:
    """Tell whether an Alert asks for an event.

    Args:
        alert: may be suspended, and then asks for nothing.
        event: what happened.
        labels: of the object that it happened to.
        no_cross_namespace_refs: the stack's switch; Alerts then see the events of their own namespace only.
    """
    if alert.suspend or (alert.severity == "error" and not event.is_error):
        return False
    own = alert.metadata.key.namespace
    # The whole stack is in no namespace, and concerns each.
    if event.kind != "Stack" and not may_refer(own, event.key, no_cross_namespace_refs=no_cross_namespace_refs):
        return False
    if not any(_is_from(source, event, labels) for source in alert.sources):
        return False
    if alert.inclusion_list and not _matches_any(alert.inclusion_list, event.message):
        return False
    return not _matches_any(alert.exclusion_list, event.message)


def told_event(alert: Alert, event: Event, annotations: Mapping[str, str]) -> Event:
    """Return an event with the facts that an Alert and the object's annotations add; its own facts stay.

    Args:
        alert: that asks for the event.
        event: what happened.
        annotations: of the object.
    """
    annotated = {
        name.removeprefix(ANNOTATED): value for name, value in annotations.items() if name.startswith(ANNOTATED)
    }
    summary = {"summary": alert.summary} if alert.summary else {}
    return event.with_metadata({**summary, **alert.event_metadata, **annotated})


def _is_from(source: EventSource, event: Event, labels: Mapping[str, str]) -> bool:
    if event.kind in FROZEN_KINDS:
        is_below = event.kind == "Stack" or source.key.namespace == event.key.namespace
        return is_below and source.kind == "ImageUpdateAutomation"
    if source.kind != event.kind or source.key.namespace != event.key.namespace:
        return False
    if source.key.name != "*":
        return source.key.name == event.key.name
    return all(labels.get(name) == value for name, value in source.match_labels.items())


def _matches_any(patterns: Sequence[str], text: str) -> bool:
    for one in patterns:
        try:
            if compile_pattern(one).matches(text):
                return True
        except InvalidPattern:
            # Flux passes it over too; `apply` refuses it.
            continue
    return False
