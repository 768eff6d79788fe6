"""Which automations run together: those of one branch with the same checkout and the same credentials."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from urllib.parse import urlsplit

from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.update.departure import Go, may_push
from tagstream.domain.update.destination import repository_name
from tagstream.ports.git import GitAccess
from tagstream.reconcile import status
from tagstream.reconcile.update.branch_writers import Writer
from tagstream.reconcile.update.job import UpdateJob


def grouped(jobs: Iterable[UpdateJob]) -> list[list[UpdateJob]]:
    """Jobs that can share a fetch and a push; those that ignore their companions apart from those that may wait."""
    groups: dict[tuple[object, ...], list[UpdateJob]] = {}
    for job in jobs:
        groups.setdefault((*_push_key(job), job.pending.ignores_companions), []).append(job)
    return list(groups.values())


def goes_with(one: UpdateJob, other: UpdateJob) -> bool:
    """Whether two jobs may share a push.

    Nobody's change is pushed with somebody else's credentials. Nor is it refused because of somebody else's refspec or
    options, except on a branch that is rebuilt, which has to be pushed whole.
    """
    return _push_key(one) == _push_key(other)


def apart_from(job: UpdateJob, writers: Iterable[Writer], together: Collection[NamespacedName]) -> list[Writer]:
    """The writers of a job's destination that may not share a push with it.

    Who does not run now, for instance because it is suspended, is known by its GitRepository: its secret is not read.

    Args:
        job: whose destination it is.
        writers: with the same destination.
        together: the automations that share the push.
    """
    return [
        one
        for one in writers
        if one.stored.key not in together
        and (one.destination.checkout, one.automation.commit_by, one.automation.source.key)
        != (job.destination.checkout, job.automation.commit_by, job.automation.source.key)
    ]


def companions(job: UpdateJob, known: Sequence[UpdateJob], now: datetime) -> list[Writer]:
    """The other automations that write to a job's branch and are not failing.

    A failure is not repeated before its time, unless its commit would be missing from a branch that is rebuilt.

    Args:
        job: whose branch it is.
        known: jobs that are not looked for.
        now: aware UTC.
    """
    keys = {one.stored.key for one in known}
    found = []
    for writer in job.snapshot.branch_writers.of(job.destination):
        retry_at = status.retry_at(writer.stored.status)
        is_early = retry_at is not None and retry_at > now and not writer.destination.rebuilds_branch
        if writer.stored.key in keys or writer.automation.suspend or is_early:
            continue
        if not status.is_stalled(writer.stored.status):
            found.append(writer)
    return found


def joined(jobs: Sequence[UpdateJob], joining: Iterable[UpdateJob], now: datetime) -> list[UpdateJob]:
    """The jobs of a branch and those of its companions that are pushed with them, in the order of names.

    Args:
        jobs: at least one, all of one destination.
        joining: the prepared companions.
        now: aware UTC.
    """
    rebuilds = jobs[0].destination.rebuilds_branch
    candidates = [
        replace(one, joins="rebuilt branch" if rebuilds else "shared push")
        for one in joining
        if goes_with(one, jobs[0])
    ]
    answers = [(one, may_push(one.pending, now)) for one in candidates]
    # A rebuilt branch loses the commit of whoever does not come along. So everyone joins, and if a window or a freeze
    # holds one of them back, ``departing`` holds all.
    admitted = [one for one, answer in answers if rebuilds or isinstance(answer, Go)]
    together = sorted([*jobs, *admitted], key=lambda job: job.stored.key)
    writers = jobs[0].snapshot.branch_writers.of(jobs[0].destination)
    if rebuilds and not all(one.destination.rebuilds_branch for one in writers):
        # Another automation adds to the branch, so it must not be rebuilt.
        return [replace(job, destination=job.destination.on_top) for job in together]
    return together


def _push_key(job: UpdateJob) -> tuple[object, ...]:
    where = job.destination
    own = () if where.rebuilds_branch else (where.refspec, tuple(sorted(job.push_options.items())))
    return (where.target, where.checkout, where.rebuilds_branch, where.commit_by, own, _comparable(job.access))


def _comparable(access: GitAccess) -> tuple[object, ...]:
    """The same for all spellings of a URL and all time-outs; what the URL says of the user is a credential."""
    parts = urlsplit(access.url)
    user, at, _ = parts.netloc.rpartition("@")
    url = f"{parts.scheme}://{user}{at}{repository_name(access.url)}"
    others = (getattr(access, one.name) for one in fields(access) if one.name not in ("url", "timeout_s", "app"))
    return (url, *others, *sorted(access.app.items()))
