"""Finds jobs that have nothing to do, from their statuses and the refs of their repository.

A run that ends here has read no file and taken no lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from tagstream.ports.bundle import Ports
from tagstream.ports.git import Checkout, GitSession
from tagstream.reconcile.checking_out import checking_out
from tagstream.reconcile.kept_requests import PUSH_REVISION, TEMPLATE
from tagstream.reconcile.status import postponement
from tagstream.reconcile.update.branch_parts import branches_of
from tagstream.reconcile.update.branch_session import opened
from tagstream.reconcile.update.host_health import FIRST_ANSWER_S, is_proven
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.ref_updates import (
    push_revision,
    resolve_checkout,
    with_default_branch,
)
from tagstream.reconcile.update.requests.request_access import is_settled_request
from tagstream.reconcile.update.run_result import RunResult


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
