"""Writes the statuses and events of commits whose worker died after the push and before its report.

The commits are looked for at the destination of the automations, and at the one that they have left since then: nobody
else would ever look after a branch that was pushed there, and after its pull request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import CommitId
from tagstream.domain.update.destination import Destination
from tagstream.ports.bundle import Ports
from tagstream.ports.leases import CommitIntent
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.kept_requests import BRANCHES, TEMPLATE, TRIES, contended, known_branches
from tagstream.reconcile.update.branch import pushed_before
from tagstream.reconcile.update.branch_parts import with_pushed
from tagstream.reconcile.update.branch_writers import KIND, Writer
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.lease import lease_held


def recover(pushed: Sequence[CommitIntent], ports: Ports, *, of_template: bool) -> None:
    """Write the statuses and events that a crashed worker owed for commits it had pushed.

    Args:
        pushed: the commits, in the order in which they were made.
        ports: the table.
        of_template: whether they were pushed to branches of a template.
    """
    heads = {one.branch: one.commit for one in pushed}
    for intent in pushed:
        # Of a branch that was put back to its base, the next run tells the rest.
        if intent.replaces is None:
            _write_owed(intent, heads[intent.branch], ports, of_template=of_template)
        # Perhaps it was recorded already: the same event is one entry, however often it is written.
        ports.ledger.record([intent.event])


def _write_owed(intent: CommitIntent, head: CommitId, ports: Ports, *, of_template: bool) -> None:
    """Add a commit to the status of its automation; what others write there at the same time is kept."""
    for _ in range(TRIES):
        stored = ports.objects.get(KIND, intent.automation)
        if stored is None or _knows(stored, intent, of_template=of_template):
            return
        owed = {"lastPushCommit": intent.commit, "lastPushTime": instant_text(intent.made_at)}
        branches = with_pushed(stored.status, intent, head) if of_template else {}
        if ports.objects.replace_status(stored, {**stored.status, **owed, **branches}):
            return
    raise contended(str(intent.automation))


def recover_former(jobs: Sequence[UpdateJob], owner: str, deadline_s: float, ports: Ports) -> bool:
    """Do the same for the destinations that the automations of a destination had before.

    Args:
        jobs: at least one of one destination, whose lease the caller holds. Other automations of it that have just been
            applied may be overlooked if it is only added to; their own runs do this for them.
        owner: names this worker, for the leases.
        deadline_s: on the monotonic clock.
        ports: the table and the Git server.

    Returns:
        Whether statuses may be others now.

    Raises:
        ImageAutomationError: another worker is still at work there, or the Git server cannot say now.
    """
    own = [Writer(stored=job.stored, automation=job.automation, destination=job.destination) for job in jobs]
    writers = [*own, *jobs[0].snapshot.branch_writers.of(jobs[0].destination)]
    former = {where.target: where for one in writers for where in _former_destinations(one)}
    holders = ports.leases.last_holders(sorted(former)) if former else {}
    in_doubt = [target for target, holder in holders.items() if holder.has_intents]
    for target in in_doubt:
        with lease_held(target, owner, deadline_s, ports) as holding:
            pushed = pushed_before([jobs[0]], holding.lease, deadline_s, ports)
            recover(pushed, ports, of_template=former[target].is_template)
            holding.clear_intents(ports)
    return bool(in_doubt)


def _former_destinations(writer: Writer) -> Iterator[Destination]:
    """Where the last run of an automation pushed to that got to its end, if that is another place than now."""
    status, where = writer.stored.status, writer.destination
    template = status.get(TEMPLATE)
    if template:
        if template != writer.automation.branch_template:
            yield replace(where, push_branch=str(template), is_template=True)
    elif BRANCHES not in status:
        branches = [one.branch for one in known_branches(status)]
        yield from (where.named(one) for one in branches if one != where.push_branch)


def _knows(stored: StoredObject, intent: CommitIntent, *, of_template: bool) -> bool:
    """Whether a status has a commit already."""
    if of_template:
        return intent.commit in {kept.commit for kept in known_branches(stored.status)}
    return stored.status.get("lastPushCommit") == intent.commit
