"""Reads objects and their statuses for people: ``tagstream get`` and the dashboard.

A stored status may have any shape. What cannot be read counts as absent, so that something sensible is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tagstream.domain.objects.annotations import REASON, SUSPENDED, SUSPENDED_BY, annotations_of
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status


def ready_of(stored: StoredObject) -> tuple[str, str]:
    """Return the status and the message of the Ready condition; (``Unknown``, empty) before the first reconcile."""
    found = ready_condition(stored)
    return shown(found, "status") or "Unknown", shown(found, "message")


def conditions_of(stored: StoredObject) -> list[Mapping[str, object]]:
    """Return the conditions of a status; those that are no objects are left out."""
    found = stored.status.get("conditions")
    return [members(one) for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def members(value: object) -> Mapping[str, object]:
    """Return a member of a status that should be an object; empty if it is none."""
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def shown(found: Mapping[str, object], name: str) -> str:
    """Return a member as text; empty if there is none."""
    value = found.get(name)
    return "" if value is None else str(value)


def wait_text(postponed: Mapping[str, object]) -> str:
    """Say until when a window or a freeze keeps an automation from pushing, why, and how much waits."""
    until = f"until {postponed['until']}: " if postponed.get("until") else ""
    count = postponed.get("selections", 0)
    what = "nothing new" if not count else "1 new tag" if count == 1 else f"{count} new tags"
    return f"{until}{postponed.get('reason', '')} ({what})"


def ready(stored: StoredObject) -> str:
    """Return the status of the Ready condition; ``False`` before the first reconcile, as in flux."""
    return shown(ready_condition(stored), "status") or "False"


def ready_condition(stored: StoredObject) -> Mapping[str, object]:
    """Return the Ready condition; empty before the first reconcile."""
    return next((one for one in conditions_of(stored) if one.get("type") == "Ready"), {})


def is_suspended(stored: StoredObject) -> bool:
    """Tell whether ``spec.suspend`` is true."""
    return spec_of(stored).get("suspend") is True


def spec_of(stored: StoredObject) -> Mapping[str, object]:
    """Return the spec of an object."""
    return members(stored.document.get("spec"))


def source_key(stored: StoredObject) -> NamespacedName | None:
    """Return the GitRepository that a Kustomization or an automation reads; None if it refers to none."""
    reference = members(spec_of(stored).get("sourceRef"))
    if shown(reference, "kind") != "GitRepository":
        return None
    return NamespacedName(shown(reference, "namespace") or stored.key.namespace, shown(reference, "name"))


def suspended_by(stored: StoredObject) -> str:
    """Say who suspended an object with the command line, and why; empty for any other object."""
    notes = annotations_of(stored.document)
    if not is_suspended(stored) or SUSPENDED not in notes:
        return ""
    reason = f": {notes[REASON]}" if REASON in notes else ""
    return f"{notes.get(SUSPENDED_BY, 'somebody')}{reason}"


def wait_of(stored: StoredObject) -> str:
    """Say until when an automation does not push, and why; empty if it does not wait."""
    postponed = status.postponement(stored.status)
    if postponed:
        return wait_text(postponed)
    wait = members(stored.status.get("waiting"))
    return f"{shown(wait, 'reason')} ({shown(wait, 'until')})" if wait else ""
