"""What a run pushes: which refs it moves, and whether it may.

Git's protocol has no "force": a client that must not replace a branch has to find out by itself that it would.

Source: image-automation-controller pkg/git (push, refspecs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tagstream.domain.objects.model import CommitId, Revision
from tagstream.domain.update.destination import Refspec, parse_refspec
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.git import Checkout, GitSession, RefUpdate
from tagstream.reconcile.update.job import UpdateJob

HEADS = b"refs/heads/"


def with_default_branch(jobs: Sequence[UpdateJob], session: GitSession) -> tuple[UpdateJob, ...]:
    """The same jobs, but commits are added to the repository's default branch, which is never rebuilt from another."""
    where = jobs[0].destination
    if not where.rebuilds_branch or where.push_branch != session.default_branch():
        return tuple(jobs)
    return tuple(replace(job, destination=job.destination.on_top) for job in jobs)


def resolve_checkout(jobs: Sequence[UpdateJob], session: GitSession) -> Checkout:
    """The commit that the jobs of a destination start from.

    Raises:
        RetryableError: GitOperationFailed, a checkout branch or reference that a job names is not there. This is an
            error also when the commits start elsewhere.
    """
    where = jobs[0].destination
    required = {ref for job in jobs for ref in job.destination.required}
    for ref in sorted(required, key=str):
        session.resolve(ref)
    return session.resolve(where.checkout)


def push_ref(job: UpdateJob) -> bytes:
    """The push branch's full name."""
    return HEADS + job.destination.push_branch.encode()


def push_revision(job: UpdateJob, session: GitSession) -> str:
    """``branch@sha1:<id>`` of the push branch as it is now; empty when it is not there."""
    head = session.refs().get(push_ref(job))
    return Revision(f"{job.destination.push_branch}@sha1:{head}") if head else ""


def check_push(job: UpdateJob, checkout: Checkout, session: GitSession) -> None:
    """Whether a commit on top of ``checkout`` may be pushed for a job.

    Raises:
        RetryableError: GitOperationFailed, commits would be lost, or the refspec names nothing.
    """
    head = session.refs().get(push_ref(job))
    if not job.destination.rebuilds_branch and head not in (None, checkout.commit):
        raise _refused(f"non-fast-forward update: {_shown(push_ref(job))}")
    refspec = _refspec(job)
    if refspec is None:
        return
    refs = session.refs()
    if not _is_of_the_push(refspec, job):
        if refspec.source not in refs:
            raise _refused(f"src refspec {job.destination.refspec} does not match any")
        start = refs[refspec.source]
    else:
        start = checkout.commit
    old = refs.get(refspec.target)
    if old is not None and not _may_replace(refspec, job, session) and not session.descends(start, old):
        raise _refused(f"non-fast-forward update: {_shown(refspec.target)}")


def ref_updates(branch: bytes, jobs: Sequence[UpdateJob], tip: CommitId, session: GitSession) -> list[RefUpdate]:
    """The branch and what the jobs' refspecs name, for one push: in Flux the second of two pushes can fail.

    Args:
        branch: the push branch's full name.
        jobs: that have a commit in this push; none where the branch is only put back.
        tip: the last of the commits.
        session: of the repository.
    """
    refs, wanted = session.refs(), {branch: tip}
    for job in jobs:
        refspec = _refspec(job)
        if refspec is not None:
            new = tip if _is_of_the_push(refspec, job) else refs[refspec.source]
            if new != refs.get(refspec.target):
                wanted.setdefault(refspec.target, new)
    return [RefUpdate(ref=ref, old=refs.get(ref), new=new) for ref, new in wanted.items()]


def is_already_pushed(jobs: Sequence[UpdateJob], made: Sequence[CommitId], session: GitSession) -> bool:
    """Whether the push branch already has these very trees on this base: rebuilt commits would differ in time only."""
    if not jobs[0].destination.rebuilds_branch:
        return False
    theirs, ours = session.refs().get(push_ref(jobs[0])), made[-1]
    for _ in made:
        if theirs is None:
            return False
        their_tree, their_parents = session.tree(theirs)
        our_tree, our_parents = session.tree(ours)
        if their_tree != our_tree or len(their_parents) != 1:
            return False
        theirs, ours = their_parents[0], our_parents[0]
    return theirs == ours


def stale_head(jobs: Sequence[UpdateJob], checkout: Checkout, session: GitSession) -> CommitId | None:
    """The head of a push branch that still offers a commit of these jobs, which their base no longer needs.

    None if somebody else made the head: then the branch is not ours to move.
    """
    head = session.refs().get(push_ref(jobs[0]))
    ours = {job.stored.status.get("lastPushCommit") for job in jobs}
    return head if jobs[0].destination.rebuilds_branch and head in ours and head != checkout.commit else None


def _refspec(job: UpdateJob) -> Refspec | None:
    if not job.destination.refspec:
        return None
    refspec = parse_refspec(job.destination.refspec)
    return None if refspec.target == push_ref(job) else refspec


def _is_of_the_push(refspec: Refspec, job: UpdateJob) -> bool:
    return refspec.source in (b"HEAD", push_ref(job))


def _may_replace(refspec: Refspec, job: UpdateJob, session: GitSession) -> bool:
    """Whether a refspec may replace its target.

    It may with a ``+``, and, as in Flux, where the push branch is replaced itself; the default branch needs the ``+``.
    """
    follows = job.destination.rebuilds_branch and _is_of_the_push(refspec, job)
    return refspec.force or (follows and refspec.target != HEADS + session.default_branch().encode())


def _refused(cause: str) -> ImageAutomationError:
    return RetryableError(f"failed to push to remote: {cause}", reason="GitOperationFailed")


def _shown(ref: bytes) -> str:
    return ref.decode(errors="replace")
