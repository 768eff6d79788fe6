"""All automations of one Git URL and push branch: one fetch, a commit each, one push.

The caller holds the branch's lease. Each automation gets a RunResult; an error of one stops none of the others.

Source: image-automation-controller internal/controller (reconcile, steps in reference order) and pkg/git. Unlike Flux,
a push that is refused because the branch moved is repeated at once from the new head, and all automations of a branch
share a fetch and a push.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from tagstream.domain.objects.model import CommitId
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.commit_outlet import Outgoing
from tagstream.ports.git import Checkout, GitSession, PushConflict
from tagstream.ports.host_commits import CommitDraft
from tagstream.ports.leases import CommitIntent, Lease
from tagstream.reconcile.checking_out import checking_out
from tagstream.reconcile.update.branch_commits import applied, seen_revision
from tagstream.reconcile.update.branch_files import BranchFiles
from tagstream.reconcile.update.branch_session import bounded, opened
from tagstream.reconcile.update.host_made import LocalCommit, Scratch, host_made, scratch_removal
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.lease import Journal
from tagstream.reconcile.update.nothing_to_do import skips
from tagstream.reconcile.update.postpone import check_departure
from tagstream.reconcile.update.push_event import PushedCommit, push_event, reset_event
from tagstream.reconcile.update.ref_updates import (
    HEADS,
    is_already_pushed,
    push_ref,
    push_revision,
    ref_updates,
    resolve_checkout,
    stale_head,
    with_default_branch,
)
from tagstream.reconcile.update.requests.refusal import is_refused
from tagstream.reconcile.update.requests.withdrawal import announce_withdrawal
from tagstream.reconcile.update.run_result import RunResult

PUSH_TRIES = 8
FIRST_PAUSE_S = 0.1
# How far below a branch's head the commit of a worker that died is looked for.
RECENT_COMMITS = 20
MAX_PAUSE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Under what a branch is pushed.

    Attributes:
        journal: of the destination's lease.
        deadline_s: on the monotonic clock; no new try is begun after it.
        branches: how many branches are pushed under the same lease.
        files: of the checkout, if they were looked at already.
    """

    journal: Journal
    deadline_s: float
    branches: int = 1
    files: BranchFiles | None = None


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
    with closing(ports.git.open(bounded(jobs[0].access, deadline_s, ports), last.keys())) as session:
        heads = session.refs()
        pushed = {one.branch for ref, one in last.items() if ref in heads and _has_arrived(one, heads[ref], session)}
    return tuple(one for one in intents if one.branch in pushed)


def _has_arrived(intent: CommitIntent, head: CommitId, session: GitSession) -> bool:
    if intent.replaces is not None:
        return head == intent.commit
    return session.descends(head, intent.commit, RECENT_COMMITS)


def _run_in(
    session: GitSession, jobs: Sequence[UpdateJob], lease: Lease, deadline_s: float, ports: Ports
) -> tuple[RunResult, ...]:
    with checking_out():
        jobs = with_default_branch(jobs, session)
        checkout = resolve_checkout(jobs, session)
    skipped = skips(jobs, checkout, session)
    if skipped is not None:
        return skipped
    return commit_and_push(jobs, checkout, session, Push(journal=Journal(lease=lease), deadline_s=deadline_s), ports)


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
            revision=seen_revision(result, checkout, theirs[-1].commit),
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
        push.journal.record(_intents(results), ports)
        updates = [*ref_updates(push_ref(results[0].job), jobs, tip, session), *updates]
    if updates:
        options = {key: value for job in jobs for key, value in job.push_options.items()}
        ports.outlet.send(Outgoing(updates=updates, options=options), session)
    return tuple(replace(result, push_revision=push_revision(result.job, session)) for result in results)


def _intents(results: Sequence[RunResult]) -> list[CommitIntent]:
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
