"""What became of one object in one reconcile, as one value.

The status, the ledger entry, the metrics and the log line of an outcome are all made from it, so that they never
disagree. A stage says what happened; only ``report`` writes it down.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from tagstream.domain.objects.receiver import read_metadata
from tagstream.domain.status.conditions import SUCCEEDED
from tagstream.errors import HeldBack, ImageAutomationError, Overtaken, raise_first
from tagstream.ports.bundle import Ports
from tagstream.ports.ledger import ONCE, LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.isolated import attempted_each

Outcome = Literal["scanned", "selected", "reconciled", "committed", "held", "postponed", "failed"]
FAILURE_LINES: Mapping[str, str] = MappingProxyType(
    {"ImageRepository": "scan failed", "ImagePolicy": "evaluation failed", "ImageUpdateAutomation": "reconcile failed"}
)

# What fails for these is nearly always a Git server, its credentials or a commit.
GIT_KINDS = frozenset({"ImageUpdateAutomation", "Kustomization"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One reconcile of one object.

    Attributes:
        stored: the object with its status before.
        at: when the outcome is written down (aware UTC).
        cause: what led here: a delivery id, ``schedule``, ``reconcile`` … (kept in the ledger).
        duration_ms: how long it took; None when nobody measured.
    """

    stored: StoredObject
    at: datetime
    cause: str = ""
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """An object's outcome.

    Attributes:
        attempt: the reconcile that ended like this.
        outcome: in one word.
        status: the whole status from now on.
        entries: what the ledger keeps of it; empty when it is nothing new.
        facts: keys of the log line beside the object's name.
        commits: keys of a line for each commit that was pushed. They take the place of the line of a success, and
            precede that of a failure.
        is_news: whether its log line is of level INFO; that of an outcome like the one before is DEBUG.
    """

    attempt: Attempt
    outcome: Outcome
    status: status.Status
    entries: tuple[LedgerEntry, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    commits: tuple[Mapping[str, object], ...] = ()
    is_news: bool = True

    @property
    def changes_status(self) -> bool:
        """Whether the status says anything new."""
        return self.status != self.attempt.stored.status

    @property
    def changes_ready(self) -> bool:
        """Whether the Ready condition says anything new: what an event is recorded for."""
        return status.transitioned(self.attempt.stored.status, self.status)


def succeeded(
    attempt: Attempt, outcome: Outcome, body: Mapping[str, object], message: str, reason: str = SUCCEEDED
) -> Transition:
    """Ready=True.

    Args:
        attempt: the reconcile.
        outcome: in one word.
        body: the status without what its conditions say.
        message: of the Ready condition.
        reason: of the Ready condition.
    """
    stored = attempt.stored
    settled = status.succeeded(_handled(attempt, body), status.generation(stored), message, attempt.at, reason)
    return Transition(attempt=attempt, outcome=outcome, status=settled)


def failed(attempt: Attempt, error: ImageAutomationError, body: Mapping[str, object] | None = None) -> Transition:
    """Ready=False with the error's reason and message; ``held`` when a gate keeps the selection in force.

    The ledger gets an entry when the Ready condition changes: a failure that repeats itself is told once.

    Args:
        attempt: the reconcile.
        error: why it failed.
        body: the status without what its conditions say; None for the status before.
    """
    stored = attempt.stored
    before = _handled(attempt, stored.status if body is None else body)
    settled = status.failed(before, status.generation(stored), error, attempt.at)
    is_new = status.transitioned(stored.status, settled)
    entry = status.failure_entry(stored.kind, stored.key, error, attempt.at, attempt.cause)
    return Transition(
        attempt=attempt,
        outcome="held" if isinstance(error, HeldBack) else "failed",
        status=settled,
        entries=(entry,) if is_new else (),
        facts={"reason": error.reason, "error": error.message},
    )


def success_entry(
    attempt: Attempt, message: str, facts: Mapping[str, object] | None = None, reason: str = SUCCEEDED
) -> LedgerEntry:
    """The ledger entry of an outcome that went well; ``facts`` are plain JSON values."""
    stored = attempt.stored
    return LedgerEntry(
        at=attempt.at,
        kind=stored.kind,
        key=stored.key,
        severity="info",
        reason=reason,
        message=message,
        cause=attempt.cause,
        facts=facts,
    )


def report(transitions: Sequence[Transition], ports: Ports) -> None:
    """Write down what became of these objects: the ledger first, then statuses, metrics and log.

    A worker that dies in between has not written the status, so the object is reconciled again and reported again. The
    entries of both reports have one identity, and the ledger shows them once.

    Raises:
        ImageAutomationError: the table failed; the same transitions may be reported again.
    """
    record(transitions, ports)
    changed = _statuses(transitions)
    if changed:
        raise_first(ports.objects.put_statuses(changed))
    _tell(transitions, ports)


def report_each(transitions: Sequence[Transition], ports: Ports) -> list[ImageAutomationError | None]:
    """Report what became of different objects together, in the order of ``report``; no newer status is overwritten.

    Returns:
        For each why it could not be reported: ``Overtaken`` if its status is not any more the one that was read, and
        nothing of it counts but its ledger entries. None for those that are reported.
    """
    return attempted_each(transitions, lambda part: _reported_each(part, ports))


def _reported_each(transitions: Sequence[Transition], ports: Ports) -> list[ImageAutomationError | None]:
    record(transitions, ports)
    changed = _statuses(transitions)
    answers = iter(ports.objects.replace_statuses(changed) if changed else ())
    outcomes = [(one, next(answers) if one.changes_status else True) for one in transitions]
    _tell([one for one, answer in outcomes if answer is True], ports)
    return [
        answer if isinstance(answer, ImageAutomationError) else None if answer else _overtaken(one)
        for one, answer in outcomes
    ]


def _overtaken(one: Transition) -> Overtaken:
    stored = one.attempt.stored
    what = f"{stored.kind}/{stored.key}"
    return Overtaken(f"another worker has reported {what} at the same time", reason="StorageOperationFailed")


def _statuses(transitions: Sequence[Transition]) -> Sequence[tuple[StoredObject, status.Status]]:
    """The objects whose statuses change, as they were read, with the new statuses."""
    return [(one.attempt.stored, one.status) for one in transitions if one.changes_status]


def _tell(transitions: Sequence[Transition], ports: Ports) -> None:
    for one in transitions:
        _measure(one, ports)
        _log(one, ports)


def record(transitions: Sequence[Transition], ports: Ports) -> None:
    """Write the ledger entries of transitions, for whoever writes the statuses under a condition.

    Raises:
        ImageAutomationError: the table failed; the same transitions may be recorded again.
    """
    entries = [_told_once(entry, one.attempt.stored) for one in transitions for entry in one.entries]
    if entries:
        ports.ledger.record(entries)


def _told_once(entry: LedgerEntry, before: StoredObject) -> LedgerEntry:
    """The entry with an identity that it has again if it is made again from the same status."""
    if entry.identity:
        return entry
    made_of = json.dumps([entry.kind, str(entry.key), entry.reason, entry.message, before.status], sort_keys=True)
    return replace(entry, identity=ONCE + hashlib.sha256(made_of.encode()).hexdigest()[:16])


def _handled(attempt: Attempt, body: Mapping[str, object]) -> status.Status:
    return status.handled(body, read_metadata(attempt.stored.document))


def _measure(one: Transition, ports: Ports) -> None:
    kind = one.attempt.stored.kind
    if one.outcome in ("failed", "held"):
        name = "SelectionsHeld" if one.outcome == "held" else "ReconcileFailed"
        ports.metrics.add(name, 1, kind.lower())
    if one.outcome == "failed" and kind in GIT_KINDS:
        ports.metrics.add("GitFailed", 1, "git")


def _log(one: Transition, ports: Ports) -> None:
    stored, duration_ms = one.attempt.stored, one.attempt.duration_ms
    names = {"controller": stored.kind.lower(), "namespace": stored.key.namespace, "name": stored.key.name}
    timed = {} if duration_ms is None else {"duration_ms": round(duration_ms)}
    for facts in one.commits:
        ports.log.info("committed", **names, **facts, **timed)
    if one.outcome in ("failed", "held"):
        ports.log.error(FAILURE_LINES.get(stored.kind, "reconcile failed"), **names, **one.facts, **timed)
    elif not one.commits:
        write = ports.log.info if one.is_news else ports.log.debug
        write(one.outcome, **names, **one.facts, **timed)
