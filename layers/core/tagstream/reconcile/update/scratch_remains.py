"""Removes the scratch branches that runs of a template have left behind, and that no later run would use again.

A worker may die after the Git host has made a commit and before the push. The next run of the same branch removes the
scratch branch; a template may have gone on to a branch of another name. What another automation may be at work on is
never removed. A template that could make any name leaves all of them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from tagstream.domain.objects.branch_template import SCRATCH, fixed_beginning
from tagstream.domain.update.destination import Destination
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.ports.commit_outlet import Outgoing
from tagstream.ports.git import GitSession, PushConflict, RefUpdate
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.update.ref_updates import HEADS

if TYPE_CHECKING:
    from tagstream.reconcile.update.job import UpdateJob


def remove_remains(job: UpdateJob, used: Collection[str], session: GitSession, ports: Ports) -> None:
    """Remove the scratch branches of a template except those in use; the caller holds the template's lease.

    If the server refuses, the push branches are not affected, so the refusal is only logged.

    Args:
        job: whose push branch is the template.
        used: the names of the push branches of this run.
        session: of the repository.
        ports: the removal is sent through.
    """
    if not job.destination.scratch_branch:
        return
    below = HEADS + SCRATCH.encode()
    own = fixed_beginning(job.destination.push_branch)
    if not own:
        # Any branch could be this template's, also one on which another stack makes a commit right now.
        return
    names = {ref: ref.removeprefix(below).decode(errors="replace") for ref in session.refs() if ref.startswith(below)}
    left = {ref: name for ref, name in names.items() if name.startswith(own) and name not in used}
    theirs = _beginnings_of_others(job) if left else ()
    updates = [
        RefUpdate(ref=ref, old=session.refs()[ref], new=None)
        for ref, name in sorted(left.items())
        if not name.startswith(theirs)
    ]
    if not updates:
        return
    try:
        with isolated():
            ports.outlet.send(Outgoing(updates=updates, options={}), session)
    except (PushConflict, ImageAutomationError) as error:
        ports.log.info("scratch branches stay", automation=str(job.stored.key), error=str(error))


def _beginnings_of_others(job: UpdateJob) -> tuple[str, ...]:
    """The prefixes of the names of other automations' push branches, if the Git host makes their commits."""
    where = job.destination
    places = [one.destination for one in job.snapshot.branch_writers.of_repository(where)]
    return tuple(_beginning(one) for one in places if one.scratch_branch and one.target != where.target)


def _beginning(where: Destination) -> str:
    return fixed_beginning(where.push_branch) if where.is_template else where.push_branch
