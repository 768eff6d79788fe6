"""The markers that automations find in their branches, as their runs see them. Nothing is written or sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from tagstream.domain.objects.model import ImageUpdateAutomation, NamespacedName
from tagstream.domain.setters.marker import MarkerReport
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import Checkout
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.checking_out import checking_out
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.batches import grouped
from tagstream.reconcile.update.branch_commits import files_of, planned
from tagstream.reconcile.update.branch_files import BranchFiles
from tagstream.reconcile.update.branch_session import opened
from tagstream.reconcile.update.branch_writers import KIND
from tagstream.reconcile.update.job import UpdateJob, prepare
from tagstream.reconcile.update.ref_updates import resolve_checkout, with_default_branch
from tagstream.reconcile.update.snapshot import Snapshot

Markers = tuple[tuple[str, MarkerReport], ...]
"""The markers of files, each with the path of its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedFiles:
    """The markers of one automation's files; ``error`` says why they cannot be read."""

    markers: Markers = ()
    error: ImageAutomationError | None = None


def marked_files(
    keys: Collection[NamespacedName], deadline_s: float, ports: Ports
) -> Mapping[NamespacedName, MarkedFiles]:
    """Read the branches of automations.

    Args:
        keys: of the automations; those that do not exist, or are suspended, are left out.
        deadline_s: on the monotonic clock.
        ports: read only.
    """
    jobs, failed = prepared_each(ports.objects.get_many(KIND, keys), ports)
    found = {stored.key: MarkedFiles(error=error) for stored, error in failed}
    for group in grouped(jobs):
        found |= _of_group(group, deadline_s, ports)
    return found


def prepared_each(
    automations: Iterable[StoredObject], ports: Ports
) -> tuple[Sequence[UpdateJob], Sequence[tuple[StoredObject, ImageAutomationError]]]:
    """The jobs of automations that are only looked at, and those that have none with the reason."""
    snapshot = Snapshot(ports)
    jobs: list[UpdateJob] = []
    failed: list[tuple[StoredObject, ImageAutomationError]] = []
    for stored in automations:
        try:
            with isolated():
                jobs += prepared(stored, snapshot, ports)
        except ImageAutomationError as error:
            failed.append((stored, error))
    return jobs, failed


def prepared(stored: StoredObject, snapshot: Snapshot, ports: Ports) -> list[UpdateJob]:
    """The job of an automation, none if it is suspended; what is only looked at needs no signature.

    Raises:
        ImageAutomationError: as ``prepare``.
    """
    automation = parse_stored(stored, ImageUpdateAutomation)
    if automation.suspend:
        return []
    return [replace(prepare(stored, automation, snapshot.admitted(automation), snapshot, ports), sign=None)]


def markers_of(job: UpdateJob, checkout: Checkout, files: BranchFiles, ports: Ports) -> Markers:
    """The markers of a job's files in the commit that it starts from, which all jobs of a branch share.

    Raises:
        ImageAutomationError: the files cannot be read.
    """
    job, _ = planned(job, checkout, files, ports)
    plans = files.plans(job)
    return tuple((path.decode(errors="replace"), one) for path, plan in plans.items() for one in plan.markers)


def _of_group(group: Sequence[UpdateJob], deadline_s: float, ports: Ports) -> dict[NamespacedName, MarkedFiles]:
    try:
        with isolated(), closing(opened(group, deadline_s, ports)) as session:
            with checking_out():
                jobs = with_default_branch(group, session)
                checkout = resolve_checkout(jobs, session)
            files = files_of(jobs, session, checkout, ports)
            return {job.stored.key: _of_job(job, checkout, files, ports) for job in jobs}
    except ImageAutomationError as error:
        return {job.stored.key: MarkedFiles(error=error) for job in group}


def _of_job(job: UpdateJob, checkout: Checkout, files: BranchFiles, ports: Ports) -> MarkedFiles:
    try:
        with isolated():
            return MarkedFiles(markers=markers_of(job, checkout, files, ports))
    except ImageAutomationError as error:
        return MarkedFiles(error=error)
