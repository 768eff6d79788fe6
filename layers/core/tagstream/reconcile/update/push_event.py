"""The event of a pushed commit: what was changed, and what caused it.

The event is the same whoever writes it, and however often, so that a worker can record it for one that died.

Source: image-automation-controller internal/controller (event per push).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import CommitId, Revision
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.request_text import policy_of
from tagstream.ports.ledger import ONCE, LedgerEntry
from tagstream.ports.selections import Selection
from tagstream.reconcile.update.job import UpdateJob, joined_causes

KIND = "ImageUpdateAutomation"
# An item of the table holds 400 KB. A lease's item holds the compressed events of all automations of its branch.
MAX_CHANGES = 200
MAX_CHANGES_A_PUSH = 2_000
MAX_MESSAGE = 4_000
MAX_VALUE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedCommit:
    """A job's commit and what it contains."""

    job: UpdateJob
    commit: CommitId
    revision: Revision
    message: str
    changes: tuple[Change, ...]


def push_event(pushed: PushedCommit, at: datetime, commits: int = 1) -> LedgerEntry:
    """The event of one commit. Its identity is the commit's, so that recording it twice makes one entry.

    Args:
        pushed: what was committed.
        at: when (aware UTC).
        commits: how many commits the push has; they share the size of the lease's item.
    """
    where = pushed.job.destination
    summary = f"pushed commit '{pushed.commit[:7]}' to branch '{where.push_branch}'"
    if where.refspec:
        summary += f" and refspecs '{where.refspec}'"
    return LedgerEntry(
        at=at,
        kind=KIND,
        key=pushed.job.stored.key,
        severity="info",
        reason="Succeeded",
        message=f"{summary}\n{pushed.message[:MAX_MESSAGE]}",
        cause=joined_causes(causes(pushed.job, pushed.changes), is_asked_for=pushed.job.is_asked_for),
        facts=_facts(pushed, min(MAX_CHANGES, MAX_CHANGES_A_PUSH // commits)),
        identity=pushed.commit,
    )


def reset_event(job: UpdateJob, stale: CommitId, base: Revision, at: datetime) -> LedgerEntry:
    """The event of a push branch that was put back to its base, because the base needs no change any more."""
    where = job.destination
    return LedgerEntry(
        at=at,
        kind=KIND,
        key=job.stored.key,
        severity="info",
        reason="Succeeded",
        message=f"reset branch '{where.push_branch}' from '{stale[:7]}' to '{base}', which is up-to-date",
        facts={"branch": where.push_branch, "revision": base, "replaced": stale},
        identity=stale,
    )


def removal_event(job: UpdateJob, head: CommitId, at: datetime) -> LedgerEntry:
    """The event of a push branch that is gone, because none of its changes is offered any more."""
    branch = job.destination.push_branch
    return LedgerEntry(
        at=at,
        kind=KIND,
        key=job.stored.key,
        severity="info",
        reason="Succeeded",
        message=f"branch '{branch}' at '{head[:7]}' is removed: its changes are merged, replaced or not wanted",
        facts={"branch": branch, "replaced": head},
        # The time of it differs if the work of a dead worker is repeated.
        identity=f"{ONCE}removed-{head}",
    )


def refused_removal_event(job: UpdateJob, head: CommitId, words: str, at: datetime) -> LedgerEntry:
    """The event of a push branch that the server does not let go, though none of its changes is offered any more."""
    branch = job.destination.push_branch
    return LedgerEntry(
        at=at,
        kind=KIND,
        key=job.stored.key,
        severity="error",
        reason="GitOperationFailed",
        message=f"branch '{branch}' at '{head[:7]}' is not needed any more, and stays: {words}",
        facts={"branch": branch},
        identity=f"{ONCE}stays-{head}",
    )


def causes(job: UpdateJob, changes: Iterable[Change]) -> list[Selection]:
    """The selections that made these changes, sorted by policy."""
    # An automation may see thousands of policies and change the values of one.
    policies = {policy_of(change) for change in changes}
    return [job.selections[key] for key in sorted(policies) if key in job.selections]


def _facts(pushed: PushedCommit, limit: int) -> Mapping[str, object]:
    reported, left = pushed.changes[:limit], len(pushed.changes[limit:])
    return {
        "commit": pushed.commit,
        "branch": pushed.job.destination.push_branch,
        "revision": pushed.revision,
        "changes": [
            {
                "file": change.file[:MAX_VALUE],
                "setter": change.setter,
                "old": change.old_value[:MAX_VALUE],
                "new": change.new_value[:MAX_VALUE],
            }
            for change in reported
        ],
        **({"moreChanges": left} if left else {}),
        "selections": [
            {
                "policy": str(selection.policy),
                "tag": selection.ref.tag,
                "selectedAt": instant_text(selection.selected_at),
                "receivedAt": instant_text(selection.received_at) if selection.received_at else None,
            }
            for selection in causes(pushed.job, pushed.changes)[:limit]
        ],
    }
