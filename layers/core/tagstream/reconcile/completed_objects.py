"""Adds to an object's status what the stack stores apart from it: times of scans, deliveries, and waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tagstream.domain.instant import instant_text
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import LookPorts
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import Waiting
from tagstream.ports.webhook import LastDelivery
from tagstream.reconcile.shown_status import ready

REPOSITORY, UPDATE = "ImageRepository", "ImageUpdateAutomation"
DELIVERED = frozenset({REPOSITORY, "Receiver"})
# Each automation costs one read of the table.
MAX_WAITS = 25


def completed(
    stored: Sequence[StoredObject], ports: LookPorts, times: Mapping[ObjectName, Times] | None = None
) -> Sequence[StoredObject]:
    """Add to each status what is stored apart from it.

    Args:
        stored: as they were read.
        ports: of the stack.
        times: of the agenda, if it was read already.
    """
    return _with_waits(_with_deliveries(_with_scan_times(stored, ports, times), ports), ports)


def with_status(stored: StoredObject) -> Mapping[str, object]:
    """Return an object with its status, as kubectl shows it; ``observedGeneration: -1`` before the first reconcile."""
    return {**stored.document, "status": stored.status or {"observedGeneration": -1}}


def _with_waits(stored: Sequence[StoredObject], ports: LookPorts) -> Sequence[StoredObject]:
    """Add why automations do not push yet; with more than ``MAX_WAITS`` automations, nothing is read or added."""
    waiting = [one for one in stored if one.kind == UPDATE]
    if not waiting or len(waiting) > MAX_WAITS:
        return stored
    now = ports.clock.now()
    found = {one.key: ports.selections.waiting(one.key) for one in waiting}
    return [_with_wait(one, found.get(one.key), now) if one.kind == UPDATE else one for one in stored]


def _with_wait(stored: StoredObject, wait: Waiting | None, now: datetime) -> StoredObject:
    if wait is None or wait.until <= now:
        return stored
    shown = {"until": instant_text(wait.until), "reason": wait.reason}
    return replace(stored, status={**stored.status, "waiting": shown})


def _with_scan_times(
    stored: Sequence[StoredObject], ports: LookPorts, times: Mapping[ObjectName, Times] | None
) -> Sequence[StoredObject]:
    """Add the times of the last scans: a scan that finds nothing new writes only its time, apart from the status."""
    if not any(one.kind == REPOSITORY for one in stored):
        return stored
    known = ports.agenda.read().times if times is None else times
    return [_with_scan_time(one, known) if one.kind == REPOSITORY else one for one in stored]


def _with_scan_time(stored: StoredObject, times: Mapping[ObjectName, Times]) -> StoredObject:
    """Set ``scanTime`` to the last scan, unless it failed: the list that is shown comes from an earlier scan then."""
    known = times.get(ObjectName(kind=stored.kind, key=stored.key))
    scanned_at = known.last if known else None
    scan = stored.status.get("lastScanResult")
    if scanned_at is None or not isinstance(scan, Mapping) or ready(stored) != "True":
        return stored
    latest = max(str(scan.get("scanTime", "")), instant_text(scanned_at))
    return replace(stored, status={**stored.status, "lastScanResult": {**scan, "scanTime": latest}})


def _with_deliveries(stored: Sequence[StoredObject], ports: LookPorts) -> Sequence[StoredObject]:
    """Add the last deliveries; the webhook function stores them apart, since other functions write the status."""
    found = {kind: ports.deliveries.last_deliveries(kind) for kind in DELIVERED & {one.kind for one in stored}}
    return [_with_delivery(one, found.get(one.kind, {}).get(one.key)) for one in stored]


def _with_delivery(stored: StoredObject, last: LastDelivery | None) -> StoredObject:
    if last is None:
        return stored
    told = {"time": instant_text(last.at), "sender": last.sender, "id": last.delivery_id, "result": last.result}
    return replace(stored, status={**stored.status, "lastDelivery": told})
