"""Makes the commits of one branch, one on top of the other; nothing is sent.

An automation that fails leaves out its own commit only.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import replace

from tagstream.domain.objects.model import CommitId, Revision
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.message import MessageData, TemplateError, render_message
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import Checkout, CommitText, GitSession
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.update.branch_files import BranchFiles, JobPlans
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.ref_updates import (
    check_push,
)
from tagstream.reconcile.update.reverts import honour, without_reverted
from tagstream.reconcile.update.run_result import RunResult


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
    return tuple(replace(result, revision=seen_revision(result, checkout, tip)) for result in results)


def files_of(jobs: Sequence[UpdateJob], session: GitSession, checkout: Checkout, ports: Ports) -> BranchFiles:
    """The files of a commit that jobs may change, before any of them does."""
    session.fetch(checkout.commit, {_path(job) for job in jobs})
    return BranchFiles(session, checkout.commit, ports.markers)


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


def seen_revision(result: RunResult, checkout: Checkout, tip: CommitId) -> Revision:
    """``branch@sha1:<id>`` that an automation has seen when the branch ends with ``tip``.

    The base of a push branch that is rebuilt stays as it was.
    """
    if result.job.destination.rebuilds_branch:
        return checkout.revision
    return Revision(checkout.revision.replace(checkout.commit, tip))


def _path(job: UpdateJob) -> str:
    return job.automation.update.path if job.automation.update else ""
