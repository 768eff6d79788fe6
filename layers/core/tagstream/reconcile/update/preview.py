"""What the next commit of automations would be, found without sending anything: what ``tagstream preview`` prints.

The commits are made by the code of the run itself, in memory. Nothing here writes to the table, a queue or a Git
server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from tagstream.domain.objects.model import CommitId, ImageUpdateAutomation, NamespacedName
from tagstream.domain.setters.marker import MarkerReport
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.departure import Answer, Go, may_push
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import Checkout, GitSession
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.checking_out import checking_out
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.batches import grouped
from tagstream.reconcile.update.branch import RunResult, applied, files_of, opened
from tagstream.reconcile.update.job import UpdateJob, prepare
from tagstream.reconcile.update.marker_problems import QUIET
from tagstream.reconcile.update.policy_branches import by_branch, plan_branches
from tagstream.reconcile.update.ref_updates import (
    is_already_pushed,
    resolve_checkout,
    stale_head,
    with_default_branch,
)
from tagstream.reconcile.update.snapshot import KIND, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file of the next commit: its content before and after."""

    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The next commit of one automation.

    Attributes:
        stored: the automation.
        answer: whether the commit may be pushed, as of the time of the preview.
        branch: the push branch; empty when it is not known.
        revision: ``branch@sha1:<id>`` of what the commit is made on.
        message: of the commit; empty when nothing would change.
        changes: the values that would change.
        files: what they are in, by path.
        resets: whether the push branch would be put back to its base instead, because the base needs nothing.
        markers: of all files, with the path of each.
        problems: markers that would not be honoured, as ``file:line: why``.
        error: why there is no preview.
    """

    stored: StoredObject
    answer: Answer = field(default_factory=Go)
    branch: str = ""
    revision: str = ""
    message: str = ""
    changes: tuple[Change, ...] = ()
    files: Mapping[bytes, FileChange] = field(default_factory=dict)
    resets: bool = False
    markers: tuple[tuple[str, MarkerReport], ...] = ()
    problems: tuple[str, ...] = ()
    error: ImageAutomationError | None = None


def preview(keys: Collection[NamespacedName], deadline_s: float, ports: Ports) -> tuple[Preview, ...]:
    """Preview automations; those that share a branch have their commits on top of each other, as in a run.

    Args:
        keys: of the automations; those that do not exist, or are suspended, have no preview.
        deadline_s: on the monotonic clock.
        ports: read only. The clock shows the time of the preview.
    """
    snapshot = Snapshot(ports)
    jobs: list[UpdateJob] = []
    found: list[Preview] = []
    for stored in ports.objects.get_many(KIND, keys):
        try:
            with isolated():
                jobs += _prepared(stored, snapshot, ports)
        except ImageAutomationError as error:
            found.append(Preview(stored=stored, error=error))
    for group in grouped(jobs):
        found += _previews(group, deadline_s, ports)
    return tuple(sorted(found, key=lambda one: (one.stored.key, one.branch)))


def _prepared(stored: StoredObject, snapshot: Snapshot, ports: Ports) -> list[UpdateJob]:
    """The job of an automation, none if it is suspended; a preview needs no signature."""
    automation = parse_stored(stored, ImageUpdateAutomation)
    if automation.suspend:
        return []
    return [replace(prepare(stored, automation, snapshot.admitted(automation), snapshot, ports), sign=None)]


def _previews(group: Sequence[UpdateJob], deadline_s: float, ports: Ports) -> list[Preview]:
    try:
        with isolated(), closing(opened(group, deadline_s, ports)) as session:
            with checking_out():
                jobs = with_default_branch(group, session)
                checkout = resolve_checkout(jobs, session)
            if jobs[0].destination.is_template:
                return _of_branches(jobs, session, checkout, ports)
            return _of_branch(jobs, session, checkout, ports)
    except ImageAutomationError as error:
        return [replace(_basis(job, ports), error=error) for job in group]


def _of_branches(jobs: Sequence[UpdateJob], session: GitSession, checkout: Checkout, ports: Ports) -> list[Preview]:
    """A preview for each branch of a template, and one for each automation that changes nothing."""
    plans = plan_branches(jobs, checkout, files_of(jobs, session, checkout, ports), ports)
    found = [
        replace(_basis(one.job, ports), revision=checkout.revision, error=one.error)
        for one in plans
        if one.error is not None or not one.parts
    ]
    for _, together in sorted(by_branch(plans).items()):
        found += _of_branch(together, session, checkout, ports)
    # A part knows of its own policies only; markers of others would seem to have nothing selected.
    markers = {plan.job.stored.key: plan.markers for plan in plans}
    return [replace(one, markers=(known := markers[one.stored.key]), problems=_problems(known)) for one in found]


def _of_branch(jobs: Sequence[UpdateJob], session: GitSession, checkout: Checkout, ports: Ports) -> list[Preview]:
    results = applied(jobs, session, checkout, ports)
    made = [result.commit for result in results if result.commit is not None]
    resets = not made and stale_head(jobs, checkout, session) is not None
    if made and is_already_pushed(jobs, made, session):
        results = tuple(replace(result, commit=None, changes=(), message="") for result in results)
    return _of_results(results, checkout.commit, resets, session, ports)


def _of_results(
    results: Sequence[RunResult], base: CommitId, resets: bool, session: GitSession, ports: Ports
) -> list[Preview]:
    found, tip = [], base
    for result in results:
        files = {} if result.commit is None else _changed(tip, result.commit, result.job, session)
        found.append(
            replace(
                _basis(result.job, ports),
                revision=result.checkout.revision if result.checkout else "",
                message=result.message,
                changes=result.changes,
                files=files,
                resets=resets,
                markers=result.markers,
                problems=_problems(result.markers),
                error=result.error,
            )
        )
        tip = result.commit or tip
    return found


def _problems(markers: Sequence[tuple[str, MarkerReport]]) -> tuple[str, ...]:
    return tuple(f"{file}:{one.line}: {one.reason}" for file, one in markers if one.state not in QUIET)


def _basis(job: UpdateJob, ports: Ports) -> Preview:
    return Preview(
        stored=job.stored,
        answer=may_push(job.pending, ports.clock.now()),
        branch=job.destination.push_branch,
    )


def _changed(before: CommitId, after: CommitId, job: UpdateJob, session: GitSession) -> Mapping[bytes, FileChange]:
    path = job.automation.update.path if job.automation.update else ""
    old = {one.path: one.blob for one in session.files(before, path)}
    new = {one.path: one.blob for one in session.files(after, path) if old.get(one.path) != one.blob}
    blobs = session.read({*new.values(), *(old[path] for path in new)})
    return {path: FileChange(before=blobs[old[path]], after=blobs[blob]) for path, blob in new.items()}
