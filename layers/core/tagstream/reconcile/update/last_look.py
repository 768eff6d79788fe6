"""What an automation's policies have selected, taken from its status when nothing but its interval is over.

A selection that changes has a record of its own in the stream, whose run reads everything. What is taken from here may
end a run with "nothing changed"; it must never decide what is committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from tagstream.domain.objects.model import ImageRef, ImageUpdateAutomation, NamespacedName, Revision
from tagstream.domain.scan.schedule import jitter_s
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import Selection
from tagstream.reconcile import status
from tagstream.reconcile.kept_requests import BRANCHES, TEMPLATE, known_requests
from tagstream.reconcile.update.reverts import HELD_BACK
from tagstream.reconcile.update.selected import Selected

READ_EVERY_S = 3600.0
"""How often the selections are read all the same, in case a record of the stream got lost."""
NO_REVISION = Revision("")
# What can only be looked after with what the policies say now.
UNSETTLED = (HELD_BACK, BRANCHES, TEMPLATE)


def seen_last(stored: StoredObject, automation: ImageUpdateAutomation, now: datetime) -> Selected | None:
    """What the last run has seen, as far as a status tells of it.

    Args:
        stored: the automation with its status.
        automation: the same, parsed.
        now: aware UTC.

    A label that a policy gets or loses writes no selection, so that no record tells of it. Which policies a selector
    admits is for the caller to find out.

    Returns:
        None if it has to be read: the last run did not end well, something is left to be done, or it is time to read.
    """
    known, ran_at = stored.status.get("observedPolicies"), status.read_time(stored.status.get("lastAutomationRunTime"))
    if not isinstance(known, Mapping) or ran_at is None or not _has_nothing_left(stored, automation):
        return None
    if _period(ran_at, stored.key) != _period(now, stored.key):
        return None
    try:
        return Selected(dict(_selections(known, stored.key.namespace, ran_at)))
    except TypeError:
        return None


def _has_nothing_left(stored: StoredObject, automation: ImageUpdateAutomation) -> bool:
    body = stored.status
    return (
        status.is_ready(body)
        and body.get("observedGeneration") == automation.metadata.generation
        and not status.is_asked_for(stored)
        and not status.own_members(body)
        and not automation.branch_template
        and not any(name in body for name in UNSETTLED)
        and not known_requests(body)
    )


def _period(at: datetime, key: NamespacedName) -> int:
    """The period that a time is in; those of many automations do not begin at the same time."""
    return int((at.timestamp() + jitter_s(str(key), READ_EVERY_S)) // READ_EVERY_S)


def _selections(
    known: Mapping[str, Mapping[str, str]], namespace: str, at: datetime
) -> Iterator[tuple[NamespacedName, Selection]]:
    for name, ref in known.items():
        key = NamespacedName(namespace, name)
        yield (
            key,
            Selection(
                policy=key,
                ref=ImageRef(**ref),
                previous=None,
                tags_revision=NO_REVISION,
                policy_generation=0,
                selected_at=at,
                cause="",
            ),
        )
