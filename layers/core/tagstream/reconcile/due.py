"""When an object is due: what the agenda is made of, and what a tick checks again before it acts.

Source: image-reflector-controller shouldScan (vectors reflector_reconcile.json ``should_scan``) and the requeue after
an interval of all controllers; stalled objects wait for a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tagstream.domain.objects.model import (
    REQUESTED_AT,
    FluxObject,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    Kustomization,
    NamespacedName,
    Receiver,
)
from tagstream.domain.scan.schedule import interval_end
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status

KINDS: tuple[type[FluxObject], ...] = (ImageRepository, ImagePolicy, ImageUpdateAutomation, Kustomization, Receiver)
DEFAULT_DIGEST_INTERVAL_S = 600.0
SOURCE_INTERVAL = "sourceIntervalSeconds"
"""The status field of a Kustomization that says how often its GitRepository wants its branch to be looked at."""
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


def name_of(stored: StoredObject) -> ObjectName:
    """The name that the agenda knows an object by."""
    return ObjectName(kind=stored.kind, key=stored.key)


def next_times(stored: StoredObject, parsed: FluxObject, last: datetime | None) -> Times:
    """What the agenda keeps of an object that was looked at ``last``."""
    return Times(last=last, due=due_at(stored, parsed, last))


def noted(kind: str, keys: Iterable[NamespacedName], due_at: datetime) -> dict[ObjectName, Times]:
    """What the agenda is told of objects of a kind that are due at a time; when they were looked at last stays."""
    times = Times(last=None, due=due_at)
    return {ObjectName(kind=kind, key=key): times for key in keys}


def due_at(stored: StoredObject, parsed: FluxObject, last: datetime | None) -> datetime | None:
    """When a tick acts on an object: asked for, changed, its interval is over, a wait is, or its back-off is.

    Args:
        stored: the object with its status.
        parsed: the same as a value of its class.
        last: when it was last looked at; None when that is not known.

    Returns:
        Aware UTC; None when nothing happens before the object changes.
    """
    if getattr(parsed, "suspend", False):
        return None
    if _is_requested(stored, parsed):
        return AT_ONCE
    if isinstance(parsed, ImageUpdateAutomation) and status.postponement(stored.status):
        return status.wait_until(stored.status)
    is_unseen = stored.status.get("observedGeneration") != parsed.metadata.generation
    if status.is_stalled(stored.status) and not is_unseen:
        return None
    waits = [status.wait_until(stored.status)] if isinstance(parsed, ImagePolicy) else []
    retry_at = status.retry_at(stored.status)
    if retry_at is not None:
        waits.append(retry_at)
    elif is_unseen or _has_no_tags(stored, parsed):
        return AT_ONCE
    else:
        waits += _interval_ends(stored, parsed, last)
    return min((one for one in waits if one is not None), default=None)


def _is_requested(stored: StoredObject, parsed: FluxObject) -> bool:
    asked = parsed.metadata.annotations.get(REQUESTED_AT, "")
    # Receivers have no lastHandledReconcileAt.
    return bool(asked) and asked != stored.status.get("lastHandledReconcileAt") and not isinstance(parsed, Receiver)


def _has_no_tags(stored: StoredObject, parsed: FluxObject) -> bool:
    # Flux: "no tags in database". A status without a result is one without stored tags.
    return isinstance(parsed, ImageRepository) and "lastScanResult" not in stored.status


def _interval_ends(stored: StoredObject, parsed: FluxObject, last: datetime | None) -> Iterator[datetime | None]:
    if isinstance(parsed, ImageRepository | Receiver):
        yield interval_end(last, parsed.interval_s)
    if isinstance(parsed, Kustomization):
        # A commit is looked for at the interval of the GitRepository, which the last sync has kept in the status.
        yield interval_end(last, parsed.interval_s)
        source_s = stored.status.get(SOURCE_INTERVAL)
        if isinstance(source_s, int | float) and source_s > 0:
            yield interval_end(last, float(source_s))
    if isinstance(parsed, ImageUpdateAutomation):
        yield interval_end(status.read_time(stored.status.get("lastAutomationRunTime")), parsed.interval_s)
    if isinstance(parsed, ImagePolicy) and parsed.digest_reflection == "Always":
        yield interval_end(last, parsed.interval_s or DEFAULT_DIGEST_INTERVAL_S)
