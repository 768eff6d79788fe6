"""What became of an automation: the transition of a run that succeeded, failed or was put off.

Source: image-automation-controller internal/controller/imageupdateautomation_controller.go.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.git_host import kind_of_repository
from tagstream.domain.objects.model import CommitId, GitRepository
from tagstream.domain.scan.schedule import retry_delay_s
from tagstream.domain.update.commit_page import commit_page
from tagstream.domain.update.kept_branch import KeptBranch
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.kept_requests import BRANCHES, PUSH_REVISION, TEMPLATE, known_branches
from tagstream.reconcile.kept_requests import FIELD as FIELD_OF_REQUEST
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.transition import Attempt, Transition, failed, succeeded, success_entry
from tagstream.reconcile.update.job import UpdateJob, joined_causes, new_selections
from tagstream.reconcile.update.marker_problems import FIELD, marker_event, marker_problems
from tagstream.reconcile.update.push_event import causes
from tagstream.reconcile.update.reverts import HELD_BACK, OFFERED, PUSH_AUTHOR
from tagstream.reconcile.update.run_result import RunResult
from tagstream.reconcile.update.selected import Selected
from tagstream.reconcile.update.template_warnings import FIELD as TEMPLATE_FIELD
from tagstream.reconcile.update.template_warnings import template_event, template_warnings

CONTROLLER = "imageupdateautomation"
UP_TO_DATE = "repository up-to-date"


def outcome(result: RunResult, duration_ms: float, now: datetime) -> Transition:
    """What became of an automation that was run.

    Args:
        result: of its run.
        duration_ms: of the run of its branch, in milliseconds.
        now: when the outcome is written down (aware UTC).
    """
    job = result.job
    attempt = Attempt(stored=job.stored, at=now, cause=job.cause, duration_ms=duration_ms)
    if result.error is not None and not (result.parts or result.unnamed):
        return _failure(attempt, result.error, job.began_at)
    error = result.error or result.request_error
    if error is not None:
        return _in_part(result, attempt, error, now)
    found = succeeded(attempt, "committed" if result.commit else "reconciled", _body(result, now), UP_TO_DATE)
    return replace(
        found,
        entries=_entries(result, found),
        facts={"branch": job.destination.push_branch, "revision": result.revision},
        commits=_commits(result, now),
        is_news=result.commit is not None or found.changes_ready,
    )


def not_run(
    stored: StoredObject,
    selections: Selected,
    error: ImageAutomationError,
    now: datetime,
) -> Transition:
    """What became of an automation that could not be prepared.

    Args:
        stored: as it is in the table.
        selections: what its policies selected, as far as that is known.
        error: why it was not run.
        now: aware UTC.
    """
    cause = joined_causes(new_selections(stored, selections), is_asked_for=status.is_asked_for(stored))
    return _failure(Attempt(stored=stored, at=now, cause=cause), error, now)


def _commits(result: RunResult, now: datetime) -> tuple[Mapping[str, object], ...]:
    """What the log lines of a run's commits say, one for each push branch that got one."""
    parts = result.parts or (result,)
    return tuple(_commit_facts(one, one.commit, now) for one in parts if one.commit is not None)


def _commit_facts(result: RunResult, commit: CommitId, now: datetime) -> Mapping[str, object]:
    """What a log line says of a commit; ``lag_s`` is the time from its oldest tag's delivery or selection to now."""
    found = causes(result.job, result.changes)
    lags = [(now - (one.received_at or one.selected_at)).total_seconds() for one in found]
    files = {change.file for change in result.changes}
    lag = {"lag_s": round(max(lags), 1)} if lags else {}
    url = _page(result.job, commit)
    page = {"url": url} if url else {}
    where = {"branch": result.job.destination.push_branch, "revision": result.revision}
    return {**where, "commit": commit, "changes": len(result.changes), "files": len(files), **lag, **page}


def _page(job: UpdateJob, commit: str) -> str:
    """The address of a commit on its Git host; empty where the kind of host is not known."""
    stored = job.snapshot.repository(job.automation.source.key)
    if stored is None:
        return ""
    source = parse_stored(stored, GitRepository)
    return commit_page(source.url, kind_of_repository(source), commit)


def put_off(jobs: Sequence[UpdateJob], ports: Ports) -> None:
    """Hand on jobs that this worker has no time for.

    The first time in a row their run is asked for at once. After that the tick asks for it, after a back-off that grows
    and is kept with the status, so that no chain of invocations is without an end. A job whose status somebody else has
    written meanwhile has been run by that worker.
    """
    now = ports.clock.now()
    for job in jobs:
        ours = status.own_members(job.stored.status)
        before = ours.get("putOffs", 0)
        times = (before if isinstance(before, int) else 0) + 1
        retry_at = now + timedelta(seconds=retry_delay_s(times))
        body = {**job.stored.status, status.OURS: {**ours, "putOffs": times, "retryAt": instant_text(retry_at)}}
        if ports.objects.replace_status(job.stored, body) and times == 1:
            ports.selections.request_run(job.stored.key, "put off", now)
        ports.log.info("put off", controller=CONTROLLER, key=str(job.stored.key), until=instant_text(retry_at))


def _failure(attempt: Attempt, error: ImageAutomationError, began_at: datetime) -> Transition:
    return failed(attempt, error, {**attempt.stored.status, "lastAutomationRunTime": instant_text(began_at)})


def _in_part(result: RunResult, attempt: Attempt, error: ImageAutomationError, now: datetime) -> Transition:
    """A commit is pushed, but its pull request or another branch failed: the next run looks at everything again."""
    kept = {} if result.request is None else {FIELD_OF_REQUEST: result.request.document()}
    body = {**_without_former(result, attempt.stored), **kept, **_branches(result), **_pushed(result, now)}
    seen = body if result.skipped else _seen_in_part(result, body)
    found = failed(attempt, error, {**seen, "lastAutomationRunTime": instant_text(result.job.began_at)})
    return replace(found, entries=(*_events(result), *found.entries), commits=_commits(result, now))


def _seen_in_part(result: RunResult, body: Mapping[str, object]) -> Mapping[str, object]:
    """A status with what the run has seen of the policies that did not fail, so that a revert of them is recognised.

    The request is not done, nor is a template whose last run failed: the next run looks at everything again.
    """
    failing = {key.name for part in result.parts if part.error is not None for key in part.job.selections}
    failing |= result.unnamed | result.waiting
    renewed = {HELD_BACK, OFFERED}
    request = result.request
    return {
        **{name: value for name, value in body.items() if name not in renewed},
        **_held_back(result),
        **({FIELD_OF_REQUEST: replace(request, settings="").document()} if request is not None else {}),
        "observedSourceRevision": result.revision,
        "observedPolicies": _observed_without(failing, result.job),
    }


def _without_former(result: RunResult, stored: StoredObject) -> Mapping[str, object]:
    """The status before, without the request of a push branch that has become one of a template's."""
    is_former = result.job.destination.is_template
    return {name: value for name, value in stored.status.items() if not (is_former and name == FIELD_OF_REQUEST)}


def _branches(result: RunResult) -> Mapping[str, object]:
    """``status.pushBranches``; empty where the push branch is no template."""
    if not result.job.destination.is_template:
        return {}
    before = {one.branch: one for one in known_branches(result.job.stored.status)}
    after = dict(before)
    for part in result.parts:
        name = part.job.destination.push_branch
        after.pop(name, None)
        if _is_kept(part):
            after[name] = _kept(part, before.get(name, KeptBranch(branch=name)))
    return {BRANCHES: [one.document() for _, one in sorted(after.items())]}


def _is_kept(part: RunResult) -> bool:
    """Whether a branch offers something, or there is something left to be done about it."""
    is_open = part.request is not None and part.request.is_open
    return bool(part.skipped or part.changes or part.error or part.request_error or is_open)


def _kept(part: RunResult, before: KeptBranch) -> KeptBranch:
    policies = tuple(sorted(key.name for key in part.job.selections)) or before.policies
    if part.error is not None:
        return replace(before, policies=policies)
    head = CommitId(part.push_revision.rpartition(":")[2]) if part.changes else before.commit
    return replace(
        before,
        policies=policies,
        commit=part.commit or head,
        revision=part.push_revision,
        # Without the annotation nobody looks after a request, which stays as it is.
        request=part.request if part.job.requests is not None else before.request,
    )


def _pushed(result: RunResult, now: datetime) -> Mapping[str, object]:
    if result.commit is None:
        return {}
    pushed_at = result.event.at if result.event else now
    author = {PUSH_AUTHOR: result.author} if result.author else {}
    return {"lastPushCommit": result.commit, "lastPushTime": instant_text(pushed_at), **author}


def _body(result: RunResult, now: datetime) -> Mapping[str, object]:
    """The status without its conditions."""
    job = result.job
    renewed = {PUSH_REVISION} | ({FIELD} if not result.skipped else set())
    # A run without a commit has not read the template.
    renewed |= {TEMPLATE_FIELD} if result.commit is not None else set()
    renewed |= {HELD_BACK, FIELD_OF_REQUEST, BRANCHES, TEMPLATE} | ({OFFERED} if not result.skipped else set())
    where, template = job.destination, job.automation.branch_template
    body = {
        **{name: value for name, value in job.stored.status.items() if name not in renewed},
        **marker_problems(result.problems),
        **template_warnings(result.warnings),
        **_held_back(result),
        **({FIELD_OF_REQUEST: result.request.document()} if result.request is not None else {}),
        **({PUSH_REVISION: result.push_revision} if where.rebuilds_branch and not where.is_template else {}),
        **_branches(result),
        **({TEMPLATE: template} if template else {}),
        "lastAutomationRunTime": instant_text(job.began_at),
        "observedSourceRevision": result.revision,
        "observedPolicies": _observed_without(result.waiting, job),
    }
    return {**body, **_pushed(result, now)}


def _observed_without(policies: Collection[str], job: UpdateJob) -> Mapping[str, Mapping[str, str]]:
    """What a run has seen, but for the policies of these names."""
    return {name: ref for name, ref in job.observed.items() if name not in policies} if policies else job.observed


def _held_back(result: RunResult) -> Mapping[str, object]:
    """The policies that a revert keeps from being set, and those whose tags wait on a push branch."""
    reverted = sorted(key.name for key in result.job.reverted)
    offered = sorted({change.setter.split(":")[1] for change in result.changes})
    found: dict[str, object] = {HELD_BACK: reverted} if reverted else {}
    return found | ({OFFERED: offered} if offered and result.job.destination.rebuilds_branch else {})


def _entries(result: RunResult, found: Transition) -> tuple[LedgerEntry, ...]:
    """One event for each push, one when the automation becomes ready; none while nothing happens."""
    attempt = found.attempt
    stored = attempt.stored
    told = _events(result)
    if all(one.event is None for one in result.parts or (result,)) and not status.is_ready(stored.status):
        told = (success_entry(attempt, UP_TO_DATE), *told)
    events = (
        *told,
        marker_event(stored.key, stored.status, found.status, attempt.at),
        template_event(stored.key, stored.status, found.status, attempt.at),
    )
    return tuple(one for one in events if one is not None)


def _events(result: RunResult) -> tuple[LedgerEntry, ...]:
    """The events of pushes and of pull requests, branch by branch."""
    found = (event for one in result.parts or (result,) for event in (one.event, *one.request_events))
    return tuple(one for one in found if one is not None)
