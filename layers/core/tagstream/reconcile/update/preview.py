"""What the next run of automations would do, found without sending anything: what ``tagstream preview`` prints.

The code of the run itself makes the commits, and decides about branches and pull requests, in memory. Nothing here
writes to the table, a queue, a Git server or a Git host.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from tagstream.domain.objects.model import CommitId, NamespacedName
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.departure import Answer, Go, No, Wait, may_push, together
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import GitSession, RefUpdate
from tagstream.ports.leases import Lease
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.update.batches import companions, grouped, joined
from tagstream.reconcile.update.branch import update_branch
from tagstream.reconcile.update.branch_commits import files_of, planned
from tagstream.reconcile.update.branch_files import BranchFiles
from tagstream.reconcile.update.branch_writers import KIND
from tagstream.reconcile.update.debounce import pause
from tagstream.reconcile.update.dry_push import DryPush, RequestWrite
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.marked_files import prepared, prepared_each
from tagstream.reconcile.update.policy_branches import update_policy_branches
from tagstream.reconcile.update.postpone import held_back
from tagstream.reconcile.update.ref_updates import push_ref
from tagstream.reconcile.update.requests.keeping import with_requests
from tagstream.reconcile.update.requests.planned_request import PlannedRequest, planned_request
from tagstream.reconcile.update.run_result import RunResult

Push = Literal["", "create", "update", "reset", "delete"]
"""What would become of the push branch. ``reset`` puts it back to its base, because the base needs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file of the next commit: its content before and after."""

    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the next run would do for one automation, on one push branch.

    Attributes:
        stored: the automation.
        answer: whether it may be pushed, as of the time of the preview.
        branch: the push branch; empty when it is not known.
        revision: ``branch@sha1:<id>`` of what the commit is made on.
        message: of the commit; empty when nothing would change.
        changes: the values that would change.
        files: what they are in, by path.
        push: what would become of the push branch; empty when it stays as it is.
        committed_by: the kind of Git host that would make the commit; empty where it is made here.
        companions: the automations whose changes are pushed together with it.
        request: what would become of the push branch's pull request.
        other_requests: the requests of former push branches that would be closed.
        request_error: why the request could not be kept current.
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
    push: Push = ""
    committed_by: str = ""
    companions: tuple[NamespacedName, ...] = ()
    request: PlannedRequest | None = None
    other_requests: tuple[PlannedRequest, ...] = ()
    request_error: ImageAutomationError | None = None
    problems: tuple[str, ...] = ()
    error: ImageAutomationError | None = None

    @property
    def requests(self) -> tuple[PlannedRequest, ...]:
        """The push branch's request, if it has one, and those of former push branches."""
        return (self.request, *self.other_requests) if self.request is not None else self.other_requests


def preview(keys: Collection[NamespacedName], deadline_s: float, ports: Ports) -> tuple[Preview, ...]:
    """Preview automations; those that share a branch have their commits on top of each other, as in a run.

    Args:
        keys: of the automations; those that do not exist, or are suspended, have no preview.
        deadline_s: on the monotonic clock.
        ports: read only. The clock shows the time of the preview.

    Returns:
        One for each automation and push branch, sorted by both.
    """
    jobs, failed = prepared_each(ports.objects.get_many(KIND, keys), ports)
    found = [Preview(stored=stored, error=error) for stored, error in failed]
    for group in grouped(jobs):
        own = {job.stored.key for job in group}
        found += (one for one in _previews(group, deadline_s, ports) if one.stored.key in own)
    return tuple(sorted(found, key=lambda one: (one.stored.key, one.branch)))


def _with_companions(group: Sequence[UpdateJob], ports: Ports) -> list[UpdateJob]:
    """The jobs, and those of the same branch that a run would push with them."""
    now, snapshot = ports.clock.now(), group[0].snapshot
    joining: list[UpdateJob] = []
    for other in companions(group[0], group, now):
        # A run leaves out who cannot be prepared, and says why in its status.
        with suppress(ImageAutomationError), isolated():
            joining += prepared(other.stored, snapshot, ports)
    return joined(group, joining, now)


def _previews(group: Sequence[UpdateJob], deadline_s: float, ports: Ports) -> list[Preview]:
    try:
        with isolated(), DryPush(inner=ports, deadline_s=deadline_s) as dry:
            jobs = _with_companions(group, ports)
            answers = _answers(jobs, ports)
            results = _run([_shown(job) for job in jobs], deadline_s, dry.ports)
            branches = [result for whole in results for result in _branches(whole)]
            commits = {one.commit for one in branches if one.commit is not None}
            files = _unread_files(branches, dry)
            found = [_of_result(one, commits, files, dry) for one in branches]
            hosts = {job.stored.key: job.committer for job in jobs}
            is_rebuilt = jobs[0].destination.rebuilds_branch
            return [
                replace(
                    one,
                    answer=_answer(one, found, answers) if is_rebuilt else answers[one.stored.key],
                    committed_by=str(host.kind) if (host := hosts[one.stored.key]) is not None else "",
                    companions=_companions(one, found, answers, is_rebuilt=is_rebuilt),
                )
                for one in _with_other_requests(found, dry.writes)
            ]
    except ImageAutomationError as error:
        return [Preview(stored=job.stored, branch=job.destination.push_branch, error=error) for job in group]


def _answers(jobs: Sequence[UpdateJob], ports: Ports) -> Mapping[NamespacedName, Answer]:
    """When each job may be pushed, as a run finds it out: first windows and freezes, then the pause after a burst."""
    now = ports.clock.now()
    late = {one.job.stored.key: one.answer for one in held_back(jobs, now)}
    free = [job for job in jobs if job.stored.key not in late]
    own = {job.stored.key: may_push(job.pending, now) for job in jobs}
    found = {key: together([own[key], answer]) for key, answer in late.items()}
    wait = pause(free, now, ports) if free else None
    for job in free:
        answer = own[job.stored.key]
        if wait is not None and wait.is_refused:
            answer = No(reason=wait.reason)
        elif wait is not None and wait.seconds > 0:
            answer = Wait(until=now + timedelta(seconds=wait.seconds), reason=wait.reason)
        found[job.stored.key] = answer
    return found


def _answer(one: Preview, found: Iterable[Preview], answers: Mapping[NamespacedName, Answer]) -> Answer:
    """When a rebuilt branch may be pushed or removed: it waits with all automations that offer or keep it."""
    others = [other.stored.key for other in found if other.branch == one.branch]
    shared = [answers[key] for key in others if not isinstance(answers[key], Go)]
    return together([answers[one.stored.key], *shared])


def _companions(
    one: Preview, found: Iterable[Preview], answers: Mapping[NamespacedName, Answer], *, is_rebuilt: bool
) -> tuple[NamespacedName, ...]:
    """The other automations with commits on the same branch; where nothing is rebuilt, those that need not wait."""
    others = (other for other in found if other.branch == one.branch and other.message)
    keys = (other.stored.key for other in others if other.stored.key != one.stored.key)
    own = answers[one.stored.key]
    return tuple(key for key in keys if is_rebuilt or (isinstance(own, Go) and isinstance(answers[key], Go)))


def _shown(job: UpdateJob) -> UpdateJob:
    """The job as if nothing held it back, and without the Git host whose commits would have the same trees."""
    where = replace(job.destination, commit_by="push")
    return replace(job, committer=None, destination=where, ignores_calendars=True)


def _run(jobs: Sequence[UpdateJob], deadline_s: float, ports: Ports) -> Sequence[RunResult]:
    """The results of a run that has no lease, because nothing of it is kept."""
    lease = Lease(target=jobs[0].destination.target, owner="preview", fence=0, expires_at=ports.clock.now())
    if jobs[0].destination.is_template:
        return update_policy_branches(jobs, lease, deadline_s, ports)
    return with_requests(update_branch(jobs, lease, deadline_s, ports), deadline_s, ports)


def _branches(whole: RunResult) -> list[RunResult]:
    """The results of the branches of a template, all with its problems; the result itself where there are none."""
    found = [replace(one, problems=whole.problems) for one in whole.parts]
    # An error of the template itself, such as a name of a branch that is not valid, is no branch's.
    is_own_error = whole.error is not None and all(one.error is not whole.error for one in found)
    return [replace(whole, commit=None), *found] if is_own_error else found or [whole]


def _unread_files(results: Sequence[RunResult], dry: DryPush) -> BranchFiles | None:
    """The files of the branches that a run would not read, since nothing has changed; None if it reads all."""
    skipped = [(one.job, one.checkout) for one in results if one.skipped and one.checkout is not None]
    if not skipped or dry.session is None:
        return None
    return files_of([job for job, _ in skipped], dry.session, skipped[0][1], dry.ports)


def _of_result(result: RunResult, commits: Collection[CommitId], files: BranchFiles | None, dry: DryPush) -> Preview:
    job, session = result.job, dry.session
    branch = job.destination.push_branch
    base = Preview(stored=job.stored, branch=branch, error=result.error, request_error=result.request_error)
    if session is None or result.checkout is None:
        return base
    problems = result.problems
    if result.skipped and files is not None:
        problems = planned(job, result.checkout, files, dry.ports)[1].problems
    writes = [one for one in dry.writes if one.request.head == branch]
    base = replace(
        base,
        revision=result.checkout.revision,
        push=_push(job, dry.moved, commits),
        request=planned_request(writes, result.request),
        problems=tuple(f"{file}:{one.line}: {one.reason}" for file, one in problems),
    )
    if result.commit is None:
        return base
    changed = _changed(result.commit, job, session)
    return replace(base, message=result.message, changes=result.changes, files=changed)


def _push(job: UpdateJob, moved: Sequence[RefUpdate], commits: Collection[CommitId]) -> Push:
    """What the pushes would do to a job's branch; a new head that is none of the run's commits is the base."""
    own = [one for one in moved if one.ref == push_ref(job)]
    if not own:
        return ""
    if own[-1].new is None:
        return "delete"
    if own[-1].new not in commits:
        return "reset"
    return "create" if own[0].old is None else "update"


def _changed(commit: CommitId, job: UpdateJob, session: GitSession) -> Mapping[bytes, FileChange]:
    """The files that a commit changes."""
    path = job.automation.update.path if job.automation.update else ""
    [before] = session.tree(commit)[1]
    old = {one.path: one.blob for one in session.files(before, path)}
    new = {one.path: one.blob for one in session.files(commit, path) if old.get(one.path) != one.blob}
    blobs = session.read({*new.values(), *(old[path] for path in new)})
    return {path: FileChange(before=blobs[old[path]], after=blobs[blob]) for path, blob in new.items()}


def _with_other_requests(found: Sequence[Preview], writes: Sequence[RequestWrite]) -> list[Preview]:
    """The previews, the first of which has what would be done about requests of branches that none of them has."""
    heads = {one.branch for one in found}
    others = dict.fromkeys(one.request.head for one in writes if one.request.head not in heads)
    planned = (planned_request([one for one in writes if one.request.head == head], None) for head in others)
    left = tuple(one for one in planned if one is not None)
    return [replace(one, other_requests=left if index == 0 else ()) for index, one in enumerate(found)]
