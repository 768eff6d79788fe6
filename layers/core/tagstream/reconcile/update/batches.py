"""Which automations run together: those of one branch, with the same checkout and the same credentials.

In: jobs. Out: groups of them; and the others of a branch that belong into the same push.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation, NamespacedName
from tagstream.domain.update.destination import Destination, NoPushBranch, destination, repository_name
from tagstream.ports.bundle import Ports
from tagstream.ports.git import GitAccess
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.stored_objects import parsed_objects
from tagstream.reconcile.update.job import UpdateJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Companions:
    """The other automations of a branch; ``adds`` says whether one of them adds to it instead of rebuilding it."""

    keys: tuple[NamespacedName, ...]
    adds: bool


def grouped(jobs: Iterable[UpdateJob]) -> list[list[UpdateJob]]:
    """Jobs that can share a fetch and a push, those that wait for nothing apart from those that may have to."""
    groups: list[list[UpdateJob]] = []
    for job in jobs:
        alone = job.departure.waits_for_nobody
        fitting = (one for one in groups if goes_with(one[0], job) and one[0].departure.waits_for_nobody == alone)
        found = next(fitting, None)
        if found is None:
            groups.append([job])
        else:
            found.append(job)
    return groups


def goes_with(one: UpdateJob, other: UpdateJob) -> bool:
    """Whether two jobs may share a push: nobody's change is pushed with somebody else's credentials.

    Nor is it refused for somebody else's refspec or options; only a branch that is rebuilt has to be pushed whole.
    """
    here, there = one.destination, other.destination
    return (
        here.target == there.target
        and here.checkout == there.checkout
        and here.rebuilds_branch == there.rebuilds_branch
        and (here.rebuilds_branch or (here.refspec, one.push_options) == (there.refspec, other.push_options))
        and _named(one.access) == _named(other.access)
    )


def companions(job: UpdateJob, known: Collection[NamespacedName], ports: Ports) -> Companions:
    """Who else writes to a job's branch.

    Args:
        job: whose branch it is.
        known: automations that are not looked for.
        ports: the objects are read from.
    """
    keys, adds, now = [], False, ports.clock.now()
    for stored, automation, where in _destinations(ports):
        if where.target != job.destination.target:
            continue
        adds = adds or not where.rebuilds_branch
        retry_at = status.retry_at(stored.status)
        # A failure is not repeated before its time, unless its commit would be missing from a branch that is rebuilt.
        fails = status.is_stalled(stored.status) or (
            retry_at is not None and retry_at > now and not where.rebuilds_branch
        )
        if stored.key not in known and not automation.suspend and not fails:
            keys.append(stored.key)
    return Companions(keys=tuple(sorted(keys)), adds=adds)


def on_top(jobs: Sequence[UpdateJob]) -> list[UpdateJob]:
    """The same jobs, adding to the branch."""
    return [replace(job, destination=job.destination.on_top) for job in jobs]


def _destinations(ports: Ports) -> Iterator[tuple[StoredObject, ImageUpdateAutomation, Destination]]:
    listed = parsed_objects(ports.objects.list("GitRepository"), GitRepository, ports.log)
    repositories = {stored.key: repository for stored, repository in listed}
    automations = ports.objects.list("ImageUpdateAutomation")
    for stored, automation in parsed_objects(automations, ImageUpdateAutomation, ports.log):
        repository = repositories.get(automation.source.key)
        if repository is not None:
            try:
                yield stored, automation, destination(automation, repository)
            except NoPushBranch:
                continue


def _named(access: GitAccess) -> GitAccess:
    """The same for all spellings of a URL, however patient; what it says of the user is a credential."""
    parts = urlsplit(access.url)
    user, at, _ = parts.netloc.rpartition("@")
    return replace(access, url=f"{parts.scheme}://{user}{at}{repository_name(access.url)}", timeout_s=0.0)
