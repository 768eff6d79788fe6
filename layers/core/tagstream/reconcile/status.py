"""Makes status documents; this is the only place where outcomes become conditions.

A status is Flux's JSON with one member of tagstream's: ``tagstream: {failures, retryAt}`` while something fails,
``tagstream: {waitUntil}`` while a gate waits, ``tagstream: {waitUntil, postponed}`` while a window or a freeze keeps an
automation from pushing.

A stored status may have any shape: an older or newer version, or a person, may have written it. What cannot be read
counts as absent, so that the next reconcile replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import REQUESTED_AT, ImageRef, Metadata, NamespacedName
from tagstream.domain.objects.receiver import read_metadata
from tagstream.domain.scan.schedule import MAX_OWN_RETRY_S, MAX_RETRY_S
from tagstream.domain.scan.schedule import retry_at as next_retry
from tagstream.domain.status.conditions import (
    READY,
    STALLED,
    SUCCEEDED,
    Condition,
    Conditions,
    Moment,
    is_transition,
    mark_failed,
    mark_ready,
    mark_stalled,
)
from tagstream.errors import HeldBack, ImageAutomationError, OutOfOrder, RetryableError, StalledError
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject

Status = dict[str, object]
OURS = "tagstream"


def read_time(value: object) -> datetime | None:
    """Read a time that ``instant_text`` has formatted, as aware UTC; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def succeeded(
    body: Mapping[str, object], generation: int, message: str, now: datetime, reason: str = SUCCEEDED
) -> Status:
    """Return the status with Ready=True; the count of failures is removed."""
    after = mark_ready(conditions(body), message, Moment(now=now, generation=generation), reason)
    settled = {**body, "conditions": _documents(after), "observedGeneration": generation}
    settled.pop(OURS, None)
    return settled


def failed(body: Mapping[str, object], generation: int, error: ImageAutomationError, now: datetime) -> Status:
    """Return the status with Ready=False and the error's reason and message.

    The object is Stalled if only a change to it can help; otherwise the status says when to try again. As in Flux,
    observedGeneration changes only if the object is settled.
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
    most_s = MAX_OWN_RETRY_S if isinstance(error, OutOfOrder) else MAX_RETRY_S
    retry: dict[str, object] = {"failures": count, "retryAt": instant_text(next_retry(count, now, asked_s, most_s))}
    if isinstance(error, HeldBack):
        retry["trustedTags"] = error.trusted_tags
        if error.wait_until is not None:
            retry |= _wait(error.wait_until)
    return {**body, "conditions": _documents(after), OURS: retry}


def waiting(body: Mapping[str, object], until: datetime) -> Status:
    """Return the status of a policy that is evaluated again at ``until``, since a gate may admit a better tag then."""
    return {**body, OURS: _wait(until)}


def _wait(until: datetime) -> dict[str, object]:
    # A status has whole seconds. Round up, so that no tick evaluates the policy before the gate's time.
    return {"waitUntil": instant_text(until + timedelta(seconds=1) if until.microsecond else until)}


def postponed(stored: StoredObject, wait: Mapping[str, object], look_at: datetime) -> Status:
    """Return the status of an automation whose pushes a window or a freeze holds back.

    Its conditions and its observedGeneration stay as they are: the automation has not run with its new spec. A failure
    before is not tried again meanwhile, and a request counts as handled.

    Args:
        stored: the automation with its status before.
        wait: why, and until when.
        look_at: when the tick looks again.
    """
    ours = {**_wait(look_at), "postponed": {**wait, "generation": generation(stored)}}
    return {**handled(stored.status, read_metadata(stored.document)), OURS: ours}


def postponement(body: Mapping[str, object]) -> Mapping[str, object]:
    """Return why a window or a freeze holds an automation back: ``until``, ``reason`` …; empty if none does."""
    return _mapping(own_members(body).get("postponed"))


def own_members(body: Mapping[str, object]) -> Mapping[str, object]:
    """Return tagstream's own member of a status: ``failures``, ``retryAt``, ``waitUntil`` …; empty if it has none."""
    return _mapping(body.get(OURS))


def handled(body: Mapping[str, object], metadata: Metadata) -> Status:
    """Return the status with the reconcile request that is being handled, whatever its outcome will be."""
    requested = metadata.annotations.get(REQUESTED_AT, "")
    return {**body, "lastHandledReconcileAt": requested} if requested else dict(body)


def is_asked_for(stored: StoredObject) -> bool:
    """Tell whether a reconcile was requested (``reconcile.fluxcd.io/requestedAt``) that none has handled yet."""
    asked = read_metadata(stored.document).annotations.get(REQUESTED_AT, "")
    return asked not in ("", stored.status.get("lastHandledReconcileAt"))


def cause_of(stored: StoredObject, otherwise: str) -> str:
    """Return the cause of an object's reconcile: ``reconcile`` if a person asked for it, else ``otherwise``."""
    return "reconcile" if is_asked_for(stored) else otherwise


def conditions(body: Mapping[str, object]) -> Conditions:
    """Return the conditions of a status document by type."""
    stored = body.get("conditions")
    read = [_condition(_mapping(one)) for one in stored] if isinstance(stored, list) else []
    return {one.type: one for one in read if one is not None}


def _condition(stored: Mapping[str, object]) -> Condition | None:
    words = {name: stored.get(name) for name in ("type", "status", "reason", "message")}
    known = {name: word for name, word in words.items() if isinstance(word, str)}
    since = read_time(stored.get("lastTransitionTime"))
    if len(known) < len(words) or since is None:
        return None
    return Condition(**known, last_transition_time=since, observed_generation=_number(stored, "observedGeneration"))


def is_ready(body: Mapping[str, object]) -> bool:
    """Tell whether Ready is True."""
    ready = conditions(body).get(READY)
    return ready is not None and ready.status == "True"


def ready_reason(body: Mapping[str, object]) -> str:
    """Return the reason of Ready=True; empty while Ready is not True."""
    ready = conditions(body).get(READY)
    return ready.reason if ready is not None and ready.status == "True" else ""


def is_stalled(body: Mapping[str, object]) -> bool:
    """Tell whether the object is not tried again until it changes."""
    return STALLED in conditions(body)


def transitioned(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    """Tell whether Ready differs from before, so that an event has to be recorded."""
    ready = conditions(after).get(READY)
    return ready is not None and is_transition(conditions(before).get(READY), ready)


def retry_at(body: Mapping[str, object]) -> datetime | None:
    """Return when a failing object is tried again; None if it does not fail."""
    return read_time(own_members(body).get("retryAt"))


def wait_until(body: Mapping[str, object]) -> datetime | None:
    """Return when a gate's wait ends and the policy is evaluated again; None if no tag waits."""
    return read_time(own_members(body).get("waitUntil"))


def trusted_tags(body: Mapping[str, object]) -> int:
    """Return the number of tags when the list of a held policy was last trusted; 0 if nothing is held."""
    return _number(own_members(body), "trustedTags")


def reported_tags(body: Mapping[str, object], canonical_image: str | None) -> int:
    """Return ``lastScanResult.tagCount`` of an ImageRepository: how many tags all its policies were evaluated on.

    It is 0 if the result is that of another image.
    """
    if body.get("canonicalImageName") != canonical_image:
        return 0
    return _number(_mapping(body.get("lastScanResult")), "tagCount")


def ref_document(ref: ImageRef) -> dict[str, str]:
    """Return a reference as ``latestRef`` and ``observedPolicies`` have it; the digest is left out if there is none."""
    return {"name": ref.name, "tag": ref.tag} | ({"digest": ref.digest} if ref.digest else {})


def created_at(stored: StoredObject) -> datetime | None:
    """Return ``metadata.creationTimestamp`` of a stored object; None if there is none."""
    return read_time(_mapping(stored.document.get("metadata")).get("creationTimestamp"))


def generation(stored: StoredObject) -> int:
    """Return ``metadata.generation`` of a stored object."""
    return _number(_mapping(stored.document.get("metadata")), "generation", otherwise=1)


def failure_entry(
    kind: str, key: NamespacedName, error: ImageAutomationError, now: datetime, cause: str = ""
) -> LedgerEntry:
    """Make the ledger entry of a failure; ``cause`` is the cause of the reconcile that failed."""
    return LedgerEntry(
        at=now, kind=kind, key=key, severity="error", reason=error.reason, message=error.message, cause=cause
    )


def failures(body: Mapping[str, object]) -> int:
    """Return how often in a row the object has failed."""
    return _number(own_members(body), "failures")


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _number(members: Mapping[str, object], name: str, otherwise: int = 0) -> int:
    """A count; ``otherwise`` if there is none, or none below zero or above what a count of Kubernetes holds."""
    found = members.get(name)
    return found if isinstance(found, int) and 0 <= found < 2**63 else otherwise


def _documents(found: Conditions) -> list[dict[str, object]]:
    return [
        {
            "type": one.type,
            "status": one.status,
            "reason": one.reason,
            "message": one.message,
            "lastTransitionTime": instant_text(one.last_transition_time),
            "observedGeneration": one.observed_generation,
        }
        for one in found.values()
    ]
