"""What a tick finds due.

In: stored objects, last scans, the time. Out: names to scan, to evaluate, to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from tagstream.domain.objects.model import (
    REQUESTED_AT,
    FluxObject,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    NamespacedName,
    Receiver,
)
from tagstream.domain.scan.schedule import is_due
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status

POLICY_PREFIX = "policy:"
RECEIVER_PREFIX = "receiver:"
DEFAULT_DIGEST_INTERVAL_S = 600.0


def _requested(stored: StoredObject, parsed: FluxObject) -> bool:
    asked = parsed.metadata.annotations.get(REQUESTED_AT, "")
    return bool(asked) and asked != stored.status.get("lastHandledReconcileAt")


def _unseen(stored: StoredObject, parsed: FluxObject) -> bool:
    return stored.status.get("observedGeneration") != parsed.metadata.generation


def _may_retry(stored: StoredObject, now: datetime) -> bool:
    at = status.retry_at(stored.status)
    return at is None or now >= at


def repository_is_due(stored: StoredObject, parsed: ImageRepository, last: datetime | None, now: datetime) -> bool:
    """Whether the tick scans a repository: asked for, never seen, its interval is over, or its back-off is.

    Source: image-reflector-controller shouldScan (vectors reflector_reconcile.json ``should_scan``); the exclusion list
    and the image name are part of the generation here.
    """
    if parsed.suspend:
        return False
    if _requested(stored, parsed):
        return True
    if status.is_stalled(stored.status) and not _unseen(stored, parsed):
        return False
    if status.retry_at(stored.status) is not None:
        return _may_retry(stored, now)
    if "lastScanResult" not in stored.status:
        # Flux: "no tags in database". A status without a result is one without stored tags.
        return True
    return _unseen(stored, parsed) or is_due(last, parsed.interval_s, now)


def automation_is_due(stored: StoredObject, parsed: ImageUpdateAutomation, now: datetime) -> bool:
    """Whether the tick asks for a run of an automation.

    Source: image-automation-controller requeue after interval; Stalled objects wait for a change.
    """
    if parsed.suspend:
        return False
    if _requested(stored, parsed):
        return True
    if status.is_stalled(stored.status) and not _unseen(stored, parsed):
        return False
    if status.retry_at(stored.status) is not None:
        return _may_retry(stored, now)
    last = status.read_time(stored.status.get("lastAutomationRunTime"))
    return _unseen(stored, parsed) or is_due(last, parsed.interval_s, now)


def policy_is_due(stored: StoredObject, parsed: ImagePolicy, last: datetime | None, now: datetime) -> bool:
    """Whether the tick evaluates a policy by itself.

    It does after a change, on request, at the end of a gate's wait or of a back-off, and at each ``Always`` interval.
    """
    if parsed.suspend:
        return False
    if _requested(stored, parsed):
        return True
    if status.is_stalled(stored.status) and not _unseen(stored, parsed):
        return False
    wait_until = status.wait_until(stored.status)
    if wait_until is not None and now >= wait_until:
        return True
    if status.retry_at(stored.status) is not None:
        return _may_retry(stored, now)
    if _unseen(stored, parsed):
        return True
    if parsed.digest_reflection != "Always":
        return False
    return is_due(last, parsed.interval_s or DEFAULT_DIGEST_INTERVAL_S, now)


def receiver_is_due(stored: StoredObject, parsed: Receiver, last: datetime | None, now: datetime) -> bool:
    """Whether the tick looks at a Receiver's secret: a back-off is over, its interval is, or a change was not seen."""
    if parsed.suspend:
        return False
    if status.retry_at(stored.status) is not None:
        return _may_retry(stored, now)
    return _unseen(stored, parsed) or is_due(last, parsed.interval_s, now)


def policy_key(policy: NamespacedName) -> NamespacedName:
    """The name under which a policy's last digest check stands among the last scans."""
    return NamespacedName(POLICY_PREFIX + policy.namespace, policy.name)


def receiver_key(receiver: NamespacedName) -> NamespacedName:
    """The name under which the last look at a Receiver's secret stands among the last scans."""
    return NamespacedName(RECEIVER_PREFIX + receiver.namespace, receiver.name)


def by_shard(
    keys: Iterable[NamespacedName], shard: Mapping[NamespacedName, int]
) -> tuple[tuple[NamespacedName, ...], ...]:
    """Names grouped by the shard item their last scan time is in, so that a batch writes one item."""
    groups: dict[int, list[NamespacedName]] = {}
    for key in sorted(keys):
        groups.setdefault(shard[key], []).append(key)
    return tuple(tuple(group) for _, group in sorted(groups.items()))
