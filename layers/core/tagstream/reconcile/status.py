"""Status documents: outcomes become conditions here and nowhere else.

In: the status before, an outcome, the time. Out: the status after, as Flux's JSON, with one member of ours:
``tagstream: {failures, retryAt}`` while something fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

from tagstream.domain.objects.model import REQUESTED_AT, Metadata, NamespacedName
from tagstream.domain.objects.receiver import read_metadata
from tagstream.domain.scan.schedule import retry_at as next_retry
from tagstream.domain.status.conditions import (
    READY,
    STALLED,
    Condition,
    Conditions,
    Moment,
    is_transition,
    mark_failed,
    mark_ready,
    mark_stalled,
)
from tagstream.errors import HeldBack, ImageAutomationError, RetryableError, StalledError
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject

Status = dict[str, object]
OURS = "tagstream"


def time(value: datetime) -> str:
    """RFC 3339 in UTC, whole seconds, as Kubernetes' metav1.Time prints it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(value: object) -> datetime | None:
    """The inverse of ``time``; None for anything else."""
    if not isinstance(value, str) or not value:
        return None
    return datetime.fromisoformat(value)


def succeeded(body: Mapping[str, object], generation: int, message: str, now: datetime) -> Status:
    """Ready=True; failures are forgotten."""
    after = mark_ready(conditions(body), message, Moment(now=now, generation=generation))
    settled = {**body, "conditions": _documents(after), "observedGeneration": generation}
    settled.pop(OURS, None)
    return settled


def failed(body: Mapping[str, object], generation: int, error: ImageAutomationError, now: datetime) -> Status:
    """Ready=False with the error's reason and message; Stalled when only a change helps, else a time to try again.

    observedGeneration moves only when the object is settled, as in Flux.
    """
    moment = Moment(now=now, generation=generation)
    if isinstance(error, StalledError):
        after = mark_stalled(conditions(body), error.reason, error.message, moment)
        settled = {**body, "conditions": _documents(after), "observedGeneration": generation}
        settled.pop(OURS, None)
        return settled
    after = mark_failed(conditions(body), error.reason, error.message, moment)
    count = failures(body) + 1
    asked_s = error.retry_after_s if isinstance(error, RetryableError) else None
    retry: dict[str, object] = {"failures": count, "retryAt": time(next_retry(count, now, asked_s))}
    if isinstance(error, HeldBack):
        retry["trustedTags"] = error.trusted_tags
        if error.wait_until is not None:
            retry |= _wait(error.wait_until)
    return {**body, "conditions": _documents(after), OURS: retry}


def waiting(body: Mapping[str, object], until: datetime) -> Status:
    """The status of a policy that is evaluated again at ``until``, because a gate lets a better tag through then."""
    return {**body, OURS: _wait(until)}


def _wait(until: datetime) -> dict[str, object]:
    # A status has whole seconds: a tick must not come before the time that the gate named.
    return {"waitUntil": time(until + timedelta(seconds=1) if until.microsecond else until)}


def handled(body: Mapping[str, object], metadata: Metadata) -> Status:
    """The status with the reconcile request that is being acted on, whatever comes of it."""
    requested = metadata.annotations.get(REQUESTED_AT, "")
    return {**body, "lastHandledReconcileAt": requested} if requested else dict(body)


def is_asked_for(stored: StoredObject) -> bool:
    """Whether somebody asked for a reconcile (``reconcile.fluxcd.io/requestedAt``) that none has handled yet."""
    asked = read_metadata(stored.document).annotations.get(REQUESTED_AT, "")
    return asked not in ("", stored.status.get("lastHandledReconcileAt"))


def cause_of(stored: StoredObject, otherwise: str) -> str:
    """What a reconcile of an object is caused by: ``reconcile`` where a person asked for it."""
    return "reconcile" if is_asked_for(stored) else otherwise


def conditions(body: Mapping[str, object]) -> Conditions:
    """The conditions of a status document, by type."""
    found = {}
    for one in cast("list[dict[str, str]]", body.get("conditions") or []):
        found[one["type"]] = Condition(
            type=one["type"],
            status=one["status"],
            reason=one["reason"],
            message=one["message"],
            last_transition_time=datetime.fromisoformat(one["lastTransitionTime"]),
            observed_generation=int(one.get("observedGeneration", 0)),
        )
    return found


def is_ready(body: Mapping[str, object]) -> bool:
    """Whether Ready is True."""
    ready = conditions(body).get(READY)
    return ready is not None and ready.status == "True"


def is_stalled(body: Mapping[str, object]) -> bool:
    """Whether nothing will be tried until the object changes."""
    return STALLED in conditions(body)


def transitioned(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    """Whether Ready says something else than before: what an event is recorded for."""
    ready = conditions(after).get(READY)
    return ready is not None and is_transition(conditions(before).get(READY), ready)


def retry_at(body: Mapping[str, object]) -> datetime | None:
    """When a failing object is tried again; None when it does not fail."""
    ours = cast("Mapping[str, object]", body.get(OURS) or {})
    return read_time(ours.get("retryAt"))


def wait_until(body: Mapping[str, object]) -> datetime | None:
    """When a gate's wait ends and the policy is evaluated again; None when no tag waits."""
    ours = cast("Mapping[str, object]", body.get(OURS) or {})
    return read_time(ours.get("waitUntil"))


def trusted_tags(body: Mapping[str, object]) -> int:
    """How many tags there were when a held policy's list was last believed; 0 when nothing is held."""
    ours = cast("Mapping[str, object]", body.get(OURS) or {})
    found = ours.get("trustedTags", 0)
    return found if isinstance(found, int) else 0


def generation(stored: StoredObject) -> int:
    """``metadata.generation`` of a stored object."""
    metadata = cast("Mapping[str, object]", stored.document.get("metadata") or {})
    found = metadata.get("generation", 1)
    return found if isinstance(found, int) else 1


def failure_entry(
    kind: str, key: NamespacedName, error: ImageAutomationError, now: datetime, cause: str = ""
) -> LedgerEntry:
    """A failure as an entry of the ledger; ``cause`` is what the failing reconcile was for."""
    return LedgerEntry(
        at=now, kind=kind, key=key, severity="error", reason=error.reason, message=error.message, cause=cause
    )


def failures(body: Mapping[str, object]) -> int:
    """How often in a row the object has failed."""
    ours = cast("Mapping[str, object]", body.get(OURS) or {})
    found = ours.get("failures", 0)
    return found if isinstance(found, int) else 0


def _documents(found: Conditions) -> list[dict[str, object]]:
    return [
        {
            "type": one.type,
            "status": one.status,
            "reason": one.reason,
            "message": one.message,
            "lastTransitionTime": time(one.last_transition_time),
            "observedGeneration": one.observed_generation,
        }
        for one in found.values()
    ]
