"""Reconcile ImageUpdateAutomations: prepare, run by destination, report once.

In: names of automations. Out: statuses, ledger entries and metrics; a failure is a condition, never an exception.

Source: image-automation-controller internal/controller/imageupdateautomation_controller.go.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tagstream.domain.objects.model import ImageUpdateAutomation, NamespacedName
from tagstream.domain.objects.receiver import read_metadata
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.ports.leases import CommitIntent
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import Selection
from tagstream.reconcile import status
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.batches import companions, goes_with, grouped, on_top
from tagstream.reconcile.update.branch import RunResult, lease_held, pushed_before, update_branch
from tagstream.reconcile.update.debounce import SHORT_PAUSE_S, departs_at, pause, wake_after
from tagstream.reconcile.update.job import Policies, UpdateJob, admitted, new_selections, prepare
from tagstream.reconcile.update.marker_problems import FIELD, marker_event, marker_problems
from tagstream.reconcile.update.push_event import causes
from tagstream.reconcile.update.ref_updates import PUSH_REVISION
from tagstream.reconcile.update.template_warnings import FIELD as TEMPLATE_FIELD
from tagstream.reconcile.update.template_warnings import template_event, template_warnings

KIND = "ImageUpdateAutomation"
CONTROLLER = "imageupdateautomation"
UP_TO_DATE = "repository up-to-date"


def run_automations(keys: Collection[NamespacedName], owner: str, deadline_s: float, ports: Ports) -> None:
    """Bring these automations up to date; suspended and deleted ones are passed over.

    Args:
        keys: in any order; each destination runs in the order of names.
        owner: names this worker, for the leases.
        deadline_s: on the monotonic clock.
    """
    groups = grouped(_prepared(sorted(keys), Policies(ports), ports))
    now = ports.clock.now()
    # Those that wait for more selections come last, so that they hold up none of the others.
    for group in sorted(groups, key=lambda group: departs_at(group, now)):
        settled = _settled(group, deadline_s, ports)
        if settled:
            _run_group(settled, owner, deadline_s, ports)


def _settled(group: list[UpdateJob], deadline_s: float, ports: Ports) -> list[UpdateJob]:
    """A destination's jobs when their debounce windows are over, read again after each; none when they come back."""
    seen_at = ports.clock.now()
    while group:
        wait = pause(group, seen_at, ports)
        if wait.seconds > SHORT_PAUSE_S:
            wake_after(group, wait, ports)
            return []
        if ports.clock.monotonic_s() + wait.seconds >= deadline_s:
            _put_off(group, ports)
            return []
        if wait.seconds == 0.0:
            break
        ports.clock.sleep(wait.seconds)
        group = _prepared_again(group, Policies(ports), ports)
    return group


def _put_off(group: Sequence[UpdateJob], ports: Ports) -> None:
    """What this invocation has no time for comes back through the stream."""
    for job in group:
        ports.selections.request_run(job.stored.key, "put off", ports.clock.now())


def _run_group(group: Sequence[UpdateJob], owner: str, deadline_s: float, ports: Ports) -> None:
    started = ports.clock.monotonic_s()
    try:
        with isolated(), lease_held(group[0].destination.target, owner, deadline_s, ports) as lease:
            _recover(pushed_before(group, lease, ports), ports)
            # What was read before the lease may be old by now: another worker may just have committed newer values.
            policies = Policies(ports)
            current = _with_companions(_prepared_again(group, policies, ports), policies, ports)
            if not current:
                return
            results = update_branch(current, lease, deadline_s, ports)
            if not ports.leases.is_held(lease):
                # Whoever has it by now reports what was pushed here, and may have gone further.
                _put_off(current, ports)
                return
            _report(results, (ports.clock.monotonic_s() - started) * 1000, ports)
            if any(result.error is None for result in results):
                # One that succeeded shows that the push arrived. When all failed nobody knows: the next holder looks.
                ports.leases.clear_intents(lease)
    except ImageAutomationError as error:
        # Another worker may have run them while this one waited for the lease: its words are not overwritten.
        again = ((job, ports.objects.get(KIND, job.stored.key)) for job in group)
        now = [replace(job, stored=stored) for job, stored in again if stored is not None]
        _report([RunResult(job=job, error=error) for job in now], 0.0, ports)


def _prepared_again(group: Sequence[UpdateJob], policies: Policies, ports: Ports) -> list[UpdateJob]:
    """The jobs as they are now; one that goes elsewhere by now is run by the change that moved it."""
    found = _prepared([job.stored.key for job in group], policies, ports)
    return [job for job in found if goes_with(job, group[0])]


def _with_companions(group: list[UpdateJob], policies: Policies, ports: Ports) -> list[UpdateJob]:
    """The jobs and those of the same branch that belong into the same push, in the order of names.

    What is rebuilt is rebuilt whole, or the others' commits would be gone; elsewhere those join in that are due.
    """
    if not group:
        return group
    others = companions(group[0], {job.stored.key for job in group}, ports)
    joining = [job for job in _prepared(others.keys, policies, ports) if goes_with(job, group[0])]
    if not group[0].destination.rebuilds_branch:
        now = ports.clock.now()
        opens = ((job, job.departure.not_before) for job in joining)
        joining = [job for job, at in opens if at is not None and at <= now]
    together = sorted([*group, *joining], key=lambda job: job.stored.key)
    return on_top(together) if others.adds and group[0].destination.rebuilds_branch else together


def _prepared(keys: Sequence[NamespacedName], policies: Policies, ports: Ports) -> list[UpdateJob]:
    """Those that can run; why one cannot is in its status."""
    found = (_prepared_one(key, policies, ports) for key in keys)
    return [job for job in found if job is not None]


def _prepared_one(key: NamespacedName, policies: Policies, ports: Ports) -> UpdateJob | None:
    stored = ports.objects.get(KIND, key)
    if stored is None:
        return None
    selections: Mapping[NamespacedName, Selection] = {}
    try:
        automation = parse_stored(stored, ImageUpdateAutomation)
        if automation.suspend:
            return None
        with isolated():
            selections = admitted(automation, policies)
            found = prepare(stored, automation, selections, policies, ports)
    except ImageAutomationError as error:
        _report_failure(stored, error, new_selections(stored, selections), ports)
        return None
    return found


def _report(results: Sequence[RunResult], duration_ms: float, ports: Ports) -> None:
    now = ports.clock.now()
    for result in results:
        if result.error is not None:
            job = result.job
            _report_failure(job.stored, result.error, new_selections(job.stored, job.selections), ports, job.began_at)
        else:
            _report_success(result, now, duration_ms, ports)


def _recover(pushed: Sequence[CommitIntent], ports: Ports) -> None:
    """Write the statuses a crashed worker owed for commits it had pushed."""
    for intent in pushed:
        stored = ports.objects.get(KIND, intent.automation)
        if stored is not None and stored.status.get("lastPushCommit") != intent.commit:
            owed = {"lastPushCommit": intent.commit, "lastPushTime": status.time(intent.made_at)}
            ports.objects.put_status(KIND, intent.automation, dict(stored.status) | owed)
        # Perhaps it was told already: the same event is told once, however often it is written.
        ports.ledger.record([intent.event])


def _report_success(result: RunResult, now: datetime, duration_ms: float, ports: Ports) -> None:
    job = result.job
    renewed = {PUSH_REVISION} | ({FIELD} if not result.skipped else set())
    # A run without a commit has not read the template.
    renewed |= {TEMPLATE_FIELD} if result.commit is not None else set()
    kept = {name: value for name, value in job.stored.status.items() if name not in renewed}
    body = status.handled(kept, job.automation.metadata) | {
        **marker_problems(result.markers),
        **template_warnings(result.warnings),
        **({PUSH_REVISION: result.push_revision} if job.destination.rebuilds_branch else {}),
        "lastAutomationRunTime": status.time(job.began_at),
        "observedSourceRevision": result.revision,
        "observedPolicies": job.observed,
    }
    if result.commit is not None:
        body |= {"lastPushCommit": result.commit, "lastPushTime": status.time(result.event.at if result.event else now)}
    settled = status.succeeded(body, job.automation.metadata.generation, UP_TO_DATE, now)
    was_ready = status.is_ready(job.stored.status)
    ports.objects.put_status(KIND, job.stored.key, settled)
    events = (
        _event(result, was_ready, now),
        marker_event(job.stored.key, job.stored.status, settled, now),
        template_event(job.stored.key, job.stored.status, settled, now),
    )
    entries = [one for one in events if one is not None]
    if entries:
        ports.ledger.record(entries)
    _measure(result, now, duration_ms, ports)
    ports.log.info(
        "reconciled",
        controller=CONTROLLER,
        namespace=job.stored.key.namespace,
        name=job.stored.key.name,
        branch=job.destination.push_branch,
        commit=result.commit or "",
        revision=result.revision,
        changes=len(result.changes) if result.commit else 0,
        duration_ms=round(duration_ms),
    )


def _event(result: RunResult, was_ready: bool, now: datetime) -> LedgerEntry | None:
    """One event per push, one on becoming ready; nothing while nothing happens."""
    if result.event is not None or was_ready:
        return result.event
    key = result.job.stored.key
    return LedgerEntry(at=now, kind=KIND, key=key, severity="info", reason="Succeeded", message=UP_TO_DATE)


def _measure(result: RunResult, now: datetime, duration_ms: float, ports: Ports) -> None:
    ports.metrics.add("ReconcileDuration", duration_ms, CONTROLLER)
    if result.commit is None:
        return
    ports.metrics.add("CommitsPushed", 1, CONTROLLER)
    ports.metrics.add("FilesEdited", len({change.file for change in result.changes}), CONTROLLER)
    for selection in causes(result.job, result.changes):
        since = selection.received_at or selection.selected_at
        ports.metrics.add("LagTagToCommit", (now - since).total_seconds(), CONTROLLER)


def _report_failure(
    stored: StoredObject,
    error: ImageAutomationError,
    new: Sequence[Selection],
    ports: Ports,
    began_at: datetime | None = None,
) -> None:
    """``new`` are the selections that the failed run was for."""
    now = ports.clock.now()
    began = {"lastAutomationRunTime": status.time(began_at or now)}
    body = status.handled(stored.status, read_metadata(stored.document)) | began
    settled = status.failed(body, status.generation(stored), error, now)
    ports.objects.put_status(KIND, stored.key, settled)
    ports.metrics.add("ReconcileFailed", 1, CONTROLLER)
    if status.transitioned(stored.status, settled):
        cause = ",".join(sorted({one.cause for one in new}))
        ports.ledger.record([status.failure_entry(KIND, stored.key, error, now, cause)])
    ports.log.error(
        "reconcile failed",
        controller=CONTROLLER,
        namespace=stored.key.namespace,
        name=stored.key.name,
        reason=error.reason,
        error=error.message,
    )
