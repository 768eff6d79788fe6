"""All automations of one Git URL and push branch: one fetch, a commit each, one push.

The caller holds the branch's lease. Each automation gets a RunResult; an error of one stops none of the others.

Source: image-automation-controller internal/controller (reconcile, steps in reference order) and pkg/git. Unlike Flux,
a push that is refused because the branch moved is repeated at once from the new head, and all automations of a branch
share a fetch and a push.
"""

from __future__ import annotations

import posixpath
import random
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime

from tagstream.domain.objects.model import CommitId, Revision
from tagstream.domain.setters.marker import MarkerReport
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.message import MessageData, TemplateError, render_message
from tagstream.domain.update.request_course import KeptRequest
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.commit_outlet import Outgoing
from tagstream.ports.git import Checkout, CommitText, GitAccess, GitSession, PushConflict
from tagstream.ports.host_commits import CommitDraft
from tagstream.ports.leases import CommitIntent, Lease
from tagstream.ports.ledger import LedgerEntry
from tagstream.reconcile.checking_out import checking_out
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.kept_requests import PUSH_REVISION, TEMPLATE
from tagstream.reconcile.status import postponement
from tagstream.reconcile.update.branch_files import BranchFiles, JobPlans
from tagstream.reconcile.update.branch_parts import branches_of
from tagstream.reconcile.update.host_health import FIRST_ANSWER_S, is_proven
from tagstream.reconcile.update.host_made import LocalCommit, Scratch, host_made, scratch_removal
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.postpone import Postponed, check_departure
from tagstream.reconcile.update.push_event import PushedCommit, push_event, reset_event
from tagstream.reconcile.update.ref_updates import (
    HEADS,
    check_push,
    is_already_pushed,
    push_ref,
    push_revision,
    ref_updates,
    resolve_checkout,
    stale_head,
    with_default_branch,
)
from tagstream.reconcile.update.requests.refusal import is_refused
from tagstream.reconcile.update.requests.request_access import is_settled_request
from tagstream.reconcile.update.requests.withdrawal import announce_withdrawal
from tagstream.reconcile.update.reverts import honour, without_reverted

PUSH_TRIES = 8
MIN_TIMEOUT_S = 1.0
FIRST_PAUSE_S = 0.1
NO_REVISION = Revision("")
# How far below a branch's head the commit of a worker that died is looked for.
RECENT_COMMITS = 20
MAX_PAUSE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run of one automation ended.

    Attributes:
        job: the automation.
        checkout: what its commits were made on.
        commit: its commit, if it needed one.
        revision: ``branch@sha1:<id>`` that the automation has seen, for its status.
        push_revision: ``branch@sha1:<id>`` of the push branch now; empty when there is none.
        message: of the commit.
        files: the new contents of the files that the commit changes.
        author: ``Name <email>`` that the Git host has made the commit by; empty if it was made here.
        changes: the values that the commit changes.
        problems: file and report of every marker that could not be honoured.
        warnings: what its author should know about the message template.
        skipped: whether nothing was read because nothing has changed since the last run.
        event: what the ledger gets of the commit.
        reset_to: where the push branch is put back to, because its base needs nothing any more.
        replaces: the head that it had before that.
        error: why the run failed.
        request: what the status keeps of the branch's pull request; None where none is kept.
        request_events: what the ledger gets of it.
        request_error: why it could not be kept current, though the push went well.
        parts: what became of each push branch, where the name of the push branch is a template.
        unnamed: the policies whose push branch has no name by the template.
        held: why some of the branches of a template wait for a window; None if none does.
        waiting: the names of the policies whose branches wait.
    """

    job: UpdateJob
    checkout: Checkout | None = None
    commit: CommitId | None = None
    revision: Revision = NO_REVISION
    push_revision: str = ""
    message: str = ""
    files: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    author: str = ""
    changes: tuple[Change, ...] = ()
    problems: tuple[tuple[str, MarkerReport], ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: bool = False
    event: LedgerEntry | None = None
    reset_to: CommitId | None = None
    replaces: CommitId | None = None
    error: ImageAutomationError | None = None
    request: KeptRequest | None = None
    request_events: tuple[LedgerEntry, ...] = ()
    request_error: ImageAutomationError | None = None
    parts: tuple[RunResult, ...] = ()
    unnamed: frozenset[str] = frozenset()
    held: Postponed | None = None
    waiting: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Under what a branch is pushed.

    Attributes:
        lease: of the destination.
        deadline_s: on the monotonic clock; no new try is begun after it.
        before: the commits that were pushed to other branches under the same lease.
        branches: how many branches are pushed under the same lease.
        files: of the checkout, if they were looked at already.
    """

    lease: Lease
    deadline_s: float
    before: Sequence[CommitIntent] = ()
    branches: int = 1
    files: BranchFiles | None = None


def unchanged(jobs: Sequence[UpdateJob], deadline_s: float, ports: Ports) -> tuple[RunResult, ...] | None:
    """The results of jobs that have nothing to do, found by one request and without the branch's lease.

    Args:
        jobs: at least one, all of the same destination and the same Git access.
        deadline_s: on the monotonic clock.
        ports: the Git server is asked through.

    Returns:
        One result per job; None when something may have changed, and the jobs have to be run.

    Raises:
        ImageAutomationError: the server cannot be reached, or the checkout is not there.
    """
    is_settled = all(_is_settled(job) for job in jobs)
    if not is_settled and is_proven(jobs[0]):
        return None
    # A server that hangs would otherwise have its whole time-out for this, and the lease meanwhile.
    with closing(opened(jobs, min(deadline_s, ports.clock.monotonic_s() + FIRST_ANSWER_S), ports)) as session:
        with checking_out():
            jobs = with_default_branch(jobs, session)
            checkout = resolve_checkout(jobs, session)
        return skips(jobs, checkout, session)


def update_branch(jobs: Sequence[UpdateJob], lease: Lease, deadline_s: float, ports: Ports) -> tuple[RunResult, ...]:
    """Run every job of one destination; the caller holds its lease.

    Args:
        jobs: at least one, all of the same destination and the same Git access.
        lease: of this destination.
        deadline_s: on the monotonic clock; no new try is begun after it.
        ports: commits are made and sent through.

    Returns:
        One result per job, in the same order. An error of one job is in its result.

    Raises:
        ImageAutomationError: the whole branch failed.
    """
    with closing(opened(jobs, deadline_s, ports)) as session:
        return _run_in(session, jobs, lease, deadline_s, ports)


def pushed_before(jobs: Sequence[UpdateJob], lease: Lease, deadline_s: float, ports: Ports) -> tuple[CommitIntent, ...]:
    """Commits that a former holder pushed without living to report it.

    They were pushed if the last one of their branch is its head, or is just below it. Otherwise they are not on the
    branch. Neither can lead to a second commit, because setters are compared with the head itself. A branch was put
    back only if its head is the base's commit: that commit is below the head that was to be replaced, too.

    Args:
        jobs: of the branch.
        lease: of it.
        deadline_s: on the monotonic clock.
        ports: the Git server is asked through.

    Raises:
        RetryableError: GitOperationFailed, the server cannot say now.
    """
    intents = ports.leases.intents(lease.target) if lease.has_intents else ()
    if not intents:
        return ()
    last = {HEADS + one.branch.encode(): one for one in intents}
    with closing(ports.git.open(_bounded(jobs[0].access, deadline_s, ports), last.keys())) as session:
        heads = session.refs()
        pushed = {one.branch for ref, one in last.items() if ref in heads and _has_arrived(one, heads[ref], session)}
    return tuple(one for one in intents if one.branch in pushed)


def _has_arrived(intent: CommitIntent, head: CommitId, session: GitSession) -> bool:
    if intent.replaces is not None:
        return head == intent.commit
    return session.descends(head, intent.commit, RECENT_COMMITS)


def opened(jobs: Sequence[UpdateJob], deadline_s: float, ports: Ports) -> GitSession:
    """A session of the jobs' repository; the caller closes it."""
    access = _bounded(jobs[0].access, deadline_s, ports)
    places = [one.destination for job in jobs for one in (job, *branches_of(job))]
    return ports.git.open(access, frozenset(name for place in places for name in place.refs))


def _bounded(access: GitAccess, deadline_s: float, ports: Ports) -> GitAccess:
    """The access whose sessions end at the deadline, however many requests they send."""
    left_s = max(MIN_TIMEOUT_S, deadline_s - ports.clock.monotonic_s())
    return replace(access, timeout_s=min(access.timeout_s, left_s), session_s=left_s)


def _run_in(
    session: GitSession, jobs: Sequence[UpdateJob], lease: Lease, deadline_s: float, ports: Ports
) -> tuple[RunResult, ...]:
    with checking_out():
        jobs = with_default_branch(jobs, session)
        checkout = resolve_checkout(jobs, session)
    skipped = skips(jobs, checkout, session)
    if skipped is not None:
        return skipped
    return commit_and_push(jobs, checkout, session, Push(lease=lease, deadline_s=deadline_s), ports)


def commit_and_push(
    jobs: Sequence[UpdateJob], checkout: Checkout, session: GitSession, push: Push, ports: Ports
) -> tuple[RunResult, ...]:
    """Make the commits of one push branch and push them; if the branch moved meanwhile, from the new head again.

    Args:
        jobs: at least one, all of the same destination and the same Git access.
        checkout: what the first commit is made on.
        session: of their repository.
        push: under which lease.
        ports: commits are made and sent through.

    Returns:
        One result per job, in the same order. An error of one job is in its result.

    Raises:
        PushHeld: a window has ended, or a freeze has begun, since the run began; nothing was pushed.
        ImageAutomationError: the whole branch failed.
    """
    files = push.files
    for attempt in range(PUSH_TRIES):
        results = applied(jobs, session, checkout, ports, files)
        files = None
        made = [result.commit for result in results if result.commit is not None]
        if made and (is_already_pushed(jobs, made, session) or _is_unwanted(results, session, ports)):
            results = tuple(replace(result, commit=None) for result in results)
        elif not made:
            results = _reset(results, checkout, session, ports.clock.now())
        is_reset = any(result.reset_to is not None for result in results)
        if is_reset or any(result.commit is not None for result in results):
            check_departure(jobs, ports)
        if is_reset:
            announce_withdrawal(jobs, ports)
        try:
            results = _with_events(_made_by_host(results, checkout, session, ports), ports.clock.now(), push)
            results = _pushed(results, push, session, ports)
        except PushConflict as conflict:
            ports.log.info("push conflict", controller="imageupdateautomation", error=str(conflict))
            if attempt + 1 == PUSH_TRIES or ports.clock.monotonic_s() >= push.deadline_s:
                raise RetryableError(f"failed to push to remote: {conflict}", reason="GitOperationFailed") from conflict
            ports.clock.sleep(random.uniform(0, min(MAX_PAUSE_S, FIRST_PAUSE_S * 2**attempt)))
            session.refresh()
            with checking_out():
                checkout = resolve_checkout(jobs, session)
            continue
        return results
    raise AssertionError("unreachable: the last try returns or raises")


def _is_settled(job: UpdateJob) -> bool:
    """Whether nothing is new since the last successful run: the object, what its policies selected, its request."""
    status = job.stored.status
    return (
        status.get("observedGeneration") == job.automation.metadata.generation
        and status.get("observedPolicies") == job.observed
        and status.get(TEMPLATE, "") == job.automation.branch_template
        # What is left to be done may be about a branch of which no policy is any more.
        and not (job.automation.branch_template and (not is_proven(job) or postponement(status)))
        and all(is_settled_request(one.stored, one.requests, one.destination.push_branch) for one in branches_of(job))
    )


def _is_current(job: UpdateJob, checkout: Checkout, session: GitSession) -> bool:
    """Whether the branches have not changed either."""
    if not _is_settled(job) or job.stored.status.get("observedSourceRevision") != checkout.revision:
        return False
    return not job.destination.rebuilds_branch or all(
        one.stored.status.get(PUSH_REVISION) == push_revision(one, session) for one in branches_of(job)
    )


def skips(jobs: Sequence[UpdateJob], checkout: Checkout, session: GitSession) -> tuple[RunResult, ...] | None:
    """The results of jobs that have nothing to do; None if one has."""
    if not all(_is_current(job, checkout, session) for job in jobs):
        return None
    return tuple(_skipped(job, checkout, session) for job in jobs)


def _skipped(job: UpdateJob, checkout: Checkout, session: GitSession) -> RunResult:
    return RunResult(
        job=job,
        checkout=checkout,
        revision=checkout.revision,
        push_revision=push_revision(job, session),
        skipped=True,
        parts=tuple(_skipped(one, checkout, session) for one in branches_of(job) if one is not job),
    )


def applied(
    jobs: Sequence[UpdateJob],
    session: GitSession,
    checkout: Checkout,
    ports: Ports,
    files: BranchFiles | None = None,
) -> tuple[RunResult, ...]:
    """One commit on top of the other for every job that changes something; nothing is sent.

    Args:
        jobs: of one destination.
        session: of their repository.
        checkout: what the first commit is made on.
        ports: give the time, entropy and what is known of blobs.
        files: of that commit, if they were looked at already.

    Returns:
        One result per job; an error of one job is in its result.
    """
    tip = checkout.commit
    files = files or files_of(jobs, session, checkout, ports)
    results = []
    for job in jobs:
        try:
            with isolated():
                result = _apply_one(job, (checkout, tip), files, ports)
        except ImageAutomationError as error:
            results.append(RunResult(job=job, checkout=checkout, error=error))
            continue
        tip = result.commit or tip
        results.append(replace(result, checkout=checkout))
    return tuple(replace(result, revision=_revision(result, checkout, tip)) for result in results)


def files_of(jobs: Sequence[UpdateJob], session: GitSession, checkout: Checkout, ports: Ports) -> BranchFiles:
    """The files of a commit that jobs may change, before any of them does."""
    session.fetch(checkout.commit, {_path(job) for job in jobs})
    return BranchFiles(session, checkout.commit, ports.markers)


def _with_events(results: Sequence[RunResult], now: datetime, push: Push) -> tuple[RunResult, ...]:
    """Make the event of each commit before it is pushed: if this worker dies, another one has to record it."""
    commits = sum(result.commit is not None for result in results) * push.branches
    return tuple(
        result
        if result.commit is None
        else replace(
            result,
            event=push_event(
                PushedCommit(
                    job=result.job,
                    commit=result.commit,
                    revision=result.revision,
                    message=result.message,
                    changes=result.changes,
                ),
                now,
                commits,
            ),
        )
        for result in results
    )


def _revision(result: RunResult, checkout: Checkout, tip: CommitId) -> Revision:
    if result.job.destination.rebuilds_branch:
        return checkout.revision
    return Revision(checkout.revision.replace(checkout.commit, tip))


def _apply_one(job: UpdateJob, base: tuple[Checkout, CommitId], files: BranchFiles, ports: Ports) -> RunResult:
    checkout, tip = base
    job, plans = planned(job, checkout, files, ports)
    edits, changes = files.edited(plans.files), plans.changes
    if not edits:
        return RunResult(job=job, problems=plans.problems)
    check_push(job, checkout, files.session)
    try:
        rendered = render_message(
            job.commit.message_template,
            MessageData(
                automation=job.automation.metadata.key,
                changes=as_named_by_flux(changes, job),
                refs=job.refs,
                values=job.commit.message_template_values,
                now=ports.clock.now(),
                entropy=ports.entropy,
            ),
        )
    except TemplateError as error:
        raise RetryableError(f"failed to update source: {error}", reason="GitOperationFailed") from error
    text = CommitText(
        author_name=job.commit.author_name,
        author_email=job.commit.author_email,
        message=rendered.text.encode(),
        time=ports.clock.now(),
        sign=job.sign,
    )
    commit = files.session.commit(tip, edits, text)
    files.keep(edits)
    return RunResult(
        job=job,
        commit=commit,
        message=rendered.text,
        files=edits if job.committer is not None else {},
        changes=changes,
        problems=plans.problems,
        warnings=rendered.warnings,
    )


def planned(job: UpdateJob, checkout: Checkout, files: BranchFiles, ports: Ports) -> tuple[UpdateJob, JobPlans]:
    """A job without the policies that a person has reverted, and what it would do.

    Raises:
        ImageAutomationError: the table failed, or there is nothing at the job's path.
    """
    job = without_reverted(job)
    plans = files.job_plans(job)
    honoured = honour(job, plans.changes, checkout, files.session, ports)
    return (job, plans) if honoured is job else (honoured, files.job_plans(honoured))


def as_named_by_flux(changes: Sequence[Change], job: UpdateJob) -> tuple[Change, ...]:
    """Templates see file names from ``update.path`` on, or from its folder where it is a file."""
    path = job.automation.update.path if job.automation.update else ""
    base = posixpath.normpath(f"/{path}").strip("/")
    named = []
    for change in changes:
        folder = posixpath.dirname(base) if change.file == base else base
        named.append(replace(change, file=posixpath.relpath(f"/{change.file}", f"/{folder}")))
    return tuple(named)


def _path(job: UpdateJob) -> str:
    return job.automation.update.path if job.automation.update else ""


def _is_unwanted(results: Sequence[RunResult], session: GitSession, ports: Ports) -> bool:
    """Whether a person has deleted the push branch and closed its request, which offered what these results change."""
    if push_ref(results[0].job) in session.refs():
        return False
    changes = [change for one in results if one.error is None for change in one.changes]
    return is_refused([one.job for one in results], changes, ports)


def _reset(
    results: Sequence[RunResult], checkout: Checkout, session: GitSession, now: datetime
) -> tuple[RunResult, ...]:
    """If the base is up to date, put the push branch back to it: the commits that it offers are obsolete."""
    job = results[0].job
    stale = stale_head([result.job for result in results], checkout, session)
    if stale is None or any(result.error is not None for result in results):
        return tuple(results)
    event = reset_event(job, stale, checkout.revision, now)
    return (replace(results[0], event=event, reset_to=checkout.commit, replaces=stale), *results[1:])


def _made_by_host(
    results: Sequence[RunResult], checkout: Checkout, session: GitSession, ports: Ports
) -> tuple[RunResult, ...]:
    """The results with the host's commits in place of ours, where the automations ask for it."""
    made = [result for result in results if result.commit is not None]
    committer = results[0].job.committer
    if committer is None or not made:
        return tuple(results)
    scratch = Scratch(branch=results[0].job.destination.scratch_branch, base=checkout.commit, access=committer)
    theirs = host_made([_local(result) for result in made], scratch, session, ports.host_commits)
    own = {one.job.stored.key: commit for one, commit in zip(made, theirs, strict=True)}
    return tuple(
        replace(
            result,
            commit=own[key].commit if (key := result.job.stored.key) in own else None,
            author=own[key].author if key in own else "",
            revision=_revision(result, checkout, theirs[-1].commit),
        )
        for result in results
    )


def _local(result: RunResult) -> LocalCommit:
    draft = CommitDraft(
        files=result.files,
        message=result.message,
        author_name=result.job.commit.author_name,
        author_email=result.job.commit.author_email,
    )
    return LocalCommit(commit=result.commit or CommitId(""), draft=draft)


def _pushed(results: Sequence[RunResult], push: Push, session: GitSession, ports: Ports) -> tuple[RunResult, ...]:
    """Send the commits, and say in every result where that left the push branch."""
    made = [result for result in results if result.commit is not None]
    tip = made[-1].commit if made else results[0].reset_to
    jobs = [result.job for result in made]
    updates = scratch_removal(results[0].job.destination.scratch_branch, tip if made else None, session)
    if tip is not None:
        ports.leases.put_intent(push.lease, [*push.before, *intents_of(results)])
        updates = [*ref_updates(push_ref(results[0].job), jobs, tip, session), *updates]
    if updates:
        options = {key: value for job in jobs for key, value in job.push_options.items()}
        ports.outlet.send(Outgoing(updates=updates, options=options), session)
    return tuple(replace(result, push_revision=push_revision(result.job, session)) for result in results)


def intents_of(results: Sequence[RunResult]) -> list[CommitIntent]:
    """What these results push to their branch, for whoever has to record it if this worker dies."""
    return [
        CommitIntent(
            automation=result.job.automation.metadata.key,
            commit=pushed,
            branch=result.job.destination.push_branch,
            made_at=result.event.at,
            event=result.event,
            replaces=result.replaces,
        )
        for result in results
        if (pushed := result.commit or result.reset_to) is not None and result.event is not None
    ]
