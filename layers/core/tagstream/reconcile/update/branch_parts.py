"""The parts of a job whose push branch is a template: a job for each branch, which sees the status of its branch only.

A part is an ordinary job, so whatever is done for one push branch and its pull request is done for each part alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from tagstream.domain.objects.model import CommitId, NamespacedName
from tagstream.domain.update.kept_branch import KeptBranch
from tagstream.domain.update.request_course import KeptRequest, refused_elsewhere
from tagstream.ports.leases import CommitIntent
from tagstream.ports.objects import Document
from tagstream.reconcile.kept_requests import BRANCHES, FIELD, PUSH_REVISION, TEMPLATE, known_branches
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.selected import Selected

PUSH_COMMIT = "lastPushCommit"


def kept_by(job: UpdateJob) -> tuple[KeptBranch, ...]:
    """The branches that a job's automation has pushed to, if its push branch is a template."""
    return known_branches(job.stored.status) if job.destination.is_template else ()


def branches_of(job: UpdateJob) -> tuple[UpdateJob, ...]:
    """A part for each branch that a job keeps; the job itself where its push branch is no template."""
    return tuple(part_of(job, one) for one in kept_by(job)) if job.destination.is_template else (job,)


def with_refusals(kept: KeptBranch, job: UpdateJob) -> KeptBranch:
    """A branch that has had no request yet, with what people have refused by closing those of other branches.

    Args:
        kept: one of the job's branches, perhaps a new one.
        job: requests into another base than its own say nothing of it.
    """
    if kept.request is not None or job.requests is None:
        return kept
    others = [one.request for one in kept_by(job) if one.request is not None]
    refused = refused_elsewhere(others, job.requests.base)
    return replace(kept, request=KeptRequest(refused=refused)) if refused else kept


def part_of(job: UpdateJob, kept: KeptBranch, policies: Collection[NamespacedName] = ()) -> UpdateJob:
    """The job of one branch.

    Args:
        job: whose push branch is a template.
        kept: the branch, as the job's automation keeps it.
        policies: whose changes go there; none for a branch that is only looked at.
    """
    ours = {BRANCHES, FIELD, PUSH_COMMIT, PUSH_REVISION, TEMPLATE}
    status = {name: value for name, value in job.stored.status.items() if name not in ours}
    status |= {PUSH_COMMIT: kept.commit, PUSH_REVISION: kept.revision}
    status |= {FIELD: kept.request.document()} if kept.request is not None else {}
    return replace(
        job,
        stored=replace(job.stored, status=status),
        destination=job.destination.named(kept.branch),
        selections=Selected({key: one for key, one in job.selections.items() if key in policies}),
    )


def with_pushed(status: Document, pushed: CommitIntent, head: CommitId) -> Mapping[str, object]:
    """``status.pushBranches`` with a commit whose worker died before it reported it.

    Args:
        status: of the automation that the commit was made for.
        pushed: the commit.
        head: the last commit of the same push to the branch, which may be another automation's.
    """
    kept = {one.branch: one for one in known_branches(status)}
    selections = (pushed.event.facts or {}).get("selections")
    policies = {one["policy"].rpartition("/")[2] for one in selections} if isinstance(selections, list) else set()
    before = kept.get(pushed.branch, KeptBranch(branch=pushed.branch))
    revision = f"{pushed.branch}@sha1:{head}"
    kept[pushed.branch] = replace(before, commit=pushed.commit, revision=revision, policies=tuple(sorted(policies)))
    return {BRANCHES: [one.document() for one in kept.values()]}
