"""All due automations of one Git URL and push branch: one lease, one fetch, a commit each, one push.

In: prepared jobs of the same destination. Out: one RunResult per job.

Source: image-automation-controller internal/controller (reconcile, steps in reference order) and pkg/git; unlike Flux
a refused push is repeated at once from the new head, and all automations of a branch share a fetch and a push.
"""

from __future__ import annotations

import posixpath
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from tagstream.domain.objects.model import CommitId, Revision
from tagstream.domain.setters.marker import MarkerReport
from tagstream.domain.setters.plan import Change, FilePlan, apply_edits, has_marker, is_candidate, plan_file
from tagstream.domain.update.message import MessageData, TemplateError, render_message
from tagstream.errors import AuthenticationError, ImageAutomationError, RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import Checkout, CommitText, GitSession, PushConflict, TreeFile
from tagstream.ports.leases import CommitIntent, Lease
from tagstream.ports.ledger import LedgerEntry
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.push_event import PushedCommit, push_event, reset_event
from tagstream.reconcile.update.ref_updates import (
    PUSH_REVISION,
    check_push,
    is_already_pushed,
    push_ref,
    push_revision,
    ref_updates,
    stale_head,
    with_default_branch,
)

PUSH_TRIES = 8
MIN_LEASE_S = 30.0
MIN_TIMEOUT_S = 1.0
LEASE_POLL_S = 0.5
FIRST_PAUSE_S = 0.1
NO_REVISION = Revision("")
# How far below a branch's head a commit of a worker that died is looked for.
RECENT_COMMITS = 20
MAX_PAUSE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run of one automation ended. ``commit`` is set when something was pushed for it."""

    job: UpdateJob
    checkout: Checkout | None = None
    commit: CommitId | None = None
    revision: Revision = NO_REVISION
    push_revision: str = ""
    message: str = ""
    changes: tuple[Change, ...] = ()
    markers: tuple[tuple[str, MarkerReport], ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: bool = False
    event: LedgerEntry | None = None
    reset_to: CommitId | None = None
    error: ImageAutomationError | None = None


@contextmanager
def lease_held(target: str, owner: str, deadline_s: float, ports: Ports) -> Iterator[Lease]:
    """Hold the lease of a destination, waiting for another holder until ``deadline_s`` on the monotonic clock.

    Raises:
        RetryableError: GitOperationFailed, another worker kept it.
    """
    # The lease outlives the invocation a little: a worker that is killed at its deadline cannot push after it.
    ttl_s = max(MIN_LEASE_S, deadline_s - ports.clock.monotonic_s() + MIN_LEASE_S)
    lease = ports.leases.acquire(target, owner, ttl_s)
    while lease is None:
        if ports.clock.monotonic_s() >= deadline_s:
            raise RetryableError("another worker is writing to this Git branch", reason="GitOperationFailed")
        ports.clock.sleep(LEASE_POLL_S)
        lease = ports.leases.acquire(target, owner, ttl_s)
    try:
        yield lease
    finally:
        ports.leases.release(lease)


def update_branch(jobs: Sequence[UpdateJob], lease: Lease, deadline_s: float, ports: Ports) -> tuple[RunResult, ...]:
    """Run every job of one destination; the caller holds its lease.

    Args:
        jobs: at least one, all of the same destination and the same Git access.
        lease: of this destination.
        deadline_s: on the monotonic clock; no new try is begun after it.

    Returns:
        One result per job, in the same order; errors are in the results.
    """
    try:
        return _run(jobs, lease, deadline_s, ports)
    except ImageAutomationError as error:
        return tuple(RunResult(job=job, error=error) for job in jobs)


def pushed_before(jobs: Sequence[UpdateJob], lease: Lease, ports: Ports) -> tuple[CommitIntent, ...]:
    """Commits a former holder pushed without living to report it: its last intent is the branch's head, or just below.

    What else it intended is not on the branch: setters are compared with the head itself, so neither can lead to a
    second commit.

    Raises:
        RetryableError: GitOperationFailed, nobody can say now.
    """
    intents = ports.leases.intents(lease.target)
    if not intents:
        return ()
    with closing(ports.git.open(jobs[0].access, {push_ref(jobs[0])})) as session:
        head = session.refs().get(push_ref(jobs[0]))
        pushed = head is not None and session.descends(head, intents[-1].commit, RECENT_COMMITS)
    return intents if pushed else ()


def _run(jobs: Sequence[UpdateJob], lease: Lease, deadline_s: float, ports: Ports) -> tuple[RunResult, ...]:
    left_s = max(MIN_TIMEOUT_S, deadline_s - ports.clock.monotonic_s())
    access = replace(jobs[0].access, timeout_s=min(jobs[0].access.timeout_s, left_s))
    refs = frozenset(name for job in jobs for name in job.destination.refs)
    with closing(ports.git.open(access, refs)) as session:
        return _run_in(session, jobs, lease, deadline_s, ports)


def _run_in(
    session: GitSession, jobs: Sequence[UpdateJob], lease: Lease, deadline_s: float, ports: Ports
) -> tuple[RunResult, ...]:
    with _checking_out():
        jobs = with_default_branch(jobs, session)
        checkout = session.resolve(jobs[0].destination.checkout)
    if all(_is_current(job, checkout, session) for job in jobs):
        return tuple(_skipped(job, checkout, session) for job in jobs)
    for attempt in range(PUSH_TRIES):
        results = _with_events(_apply(jobs, session, checkout, ports), ports.clock.now())
        made = [result.commit for result in results if result.commit is not None]
        if made and is_already_pushed(jobs, made, session):
            results = tuple(replace(result, commit=None, event=None) for result in results)
            made = []
        elif not made:
            results = _reset(results, checkout, session, ports.clock.now())
        try:
            results = _pushed(results, lease, session, ports)
        except PushConflict as conflict:
            ports.metrics.add("PushConflicts", 1, "imageupdateautomation")
            if attempt + 1 == PUSH_TRIES or ports.clock.monotonic_s() >= deadline_s:
                raise RetryableError(f"failed to push to remote: {conflict}", reason="GitOperationFailed") from conflict
            ports.clock.sleep(random.uniform(0, min(MAX_PAUSE_S, FIRST_PAUSE_S * 2**attempt)))
            session.refresh()
            with _checking_out():
                checkout = session.resolve(jobs[0].destination.checkout)
            continue
        return results
    raise AssertionError("unreachable: the last try returns or raises")


@contextmanager
def _checking_out() -> Iterator[None]:
    try:
        yield
    except RetryableError as error:
        raise RetryableError(
            f"failed to checkout source: {error.message}", reason=error.reason, retry_after_s=error.retry_after_s
        ) from error
    except AuthenticationError as error:
        raise AuthenticationError(f"failed to checkout source: {error.message}", reason=error.reason) from error


def _is_current(job: UpdateJob, checkout: Checkout, session: GitSession) -> bool:
    """Whether neither the object, its policies nor the branch moved since the last successful run."""
    status = job.stored.status
    if status.get("observedGeneration") != job.automation.metadata.generation:
        return False
    if status.get("observedPolicies") != job.observed:
        return False
    if status.get("observedSourceRevision") != checkout.revision:
        return False
    if not job.destination.rebuilds_branch:
        return True
    return status.get(PUSH_REVISION) == push_revision(job, session)


def _skipped(job: UpdateJob, checkout: Checkout, session: GitSession) -> RunResult:
    head = push_revision(job, session)
    return RunResult(job=job, checkout=checkout, revision=checkout.revision, push_revision=head, skipped=True)


def _apply(jobs: Sequence[UpdateJob], session: GitSession, checkout: Checkout, ports: Ports) -> tuple[RunResult, ...]:
    """One commit on top of the other for every job that changes something."""
    tip = checkout.commit
    session.fetch(tip, {_path(job) for job in jobs})
    results = []
    for job in jobs:
        try:
            with isolated():
                result = _apply_one(job, (checkout, tip), session, ports)
        except ImageAutomationError as error:
            results.append(RunResult(job=job, checkout=checkout, error=error))
            continue
        tip = result.commit or tip
        results.append(replace(result, checkout=checkout))
    return tuple(replace(result, revision=_revision(result, checkout, tip)) for result in results)


def _with_events(results: Sequence[RunResult], now: datetime) -> tuple[RunResult, ...]:
    """What is to be told of each commit is settled before it is pushed: another worker may have to tell it."""
    commits = sum(result.commit is not None for result in results)
    return tuple(
        result
        if result.commit is None
        else replace(
            result,
            event=push_event(
                PushedCommit(
                    job=result.job,
                    commit=result.commit,
                    revision=result.revision,
                    message=result.message,
                    changes=result.changes,
                ),
                now,
                commits,
            ),
        )
        for result in results
    )


def _revision(result: RunResult, checkout: Checkout, tip: CommitId) -> Revision:
    if result.job.destination.rebuilds_branch:
        return checkout.revision
    return Revision(checkout.revision.replace(checkout.commit, tip))


def _apply_one(job: UpdateJob, base: tuple[Checkout, CommitId], session: GitSession, ports: Ports) -> RunResult:
    checkout, tip = base
    plans, sources = _plans(job, tip, session, ports)
    edits = {path: apply_edits(sources[path], plan.edits) for path, plan in plans.items() if plan.edits}
    changes = tuple(change for _, plan in sorted(plans.items()) for change in plan.changes)
    markers = tuple(
        (path.decode(errors="replace"), one) for path, plan in sorted(plans.items()) for one in plan.markers
    )
    if not edits:
        return RunResult(job=job, markers=markers)
    check_push(job, checkout, session)
    try:
        rendered = render_message(
            job.commit.message_template,
            MessageData(
                automation=job.automation.metadata.key,
                changes=_as_named_by_flux(changes, job),
                refs=job.refs,
                values=job.commit.message_template_values,
                now=ports.clock.now(),
                entropy=ports.entropy,
            ),
        )
    except TemplateError as error:
        raise RetryableError(f"failed to update source: {error}", reason="GitOperationFailed") from error
    text = CommitText(
        author_name=job.commit.author_name,
        author_email=job.commit.author_email,
        message=rendered.text.encode(),
        time=ports.clock.now(),
        sign=job.sign,
    )
    commit = session.commit(tip, edits, text)
    return RunResult(
        job=job, commit=commit, message=rendered.text, changes=changes, markers=markers, warnings=rendered.warnings
    )


def _as_named_by_flux(changes: Sequence[Change], job: UpdateJob) -> tuple[Change, ...]:
    """Templates see file names from ``update.path`` on, or from its folder where it is a file."""
    path = job.automation.update.path if job.automation.update else ""
    base = posixpath.normpath(f"/{path}").strip("/")
    named = []
    for change in changes:
        folder = posixpath.dirname(base) if change.file == base else base
        named.append(replace(change, file=posixpath.relpath(f"/{change.file}", f"/{folder}")))
    return tuple(named)


def _plans(
    job: UpdateJob, tip: CommitId, session: GitSession, ports: Ports
) -> tuple[dict[bytes, FilePlan], Mapping[bytes, bytes]]:
    try:
        files = [one for one in session.files(tip, _path(job)) if is_candidate(one.path)]
    except FileNotFoundError as error:
        raise RetryableError(f"failed to apply policies: {error}", reason="UpdateFailed") from error
    wanted = [one for one in files if ports.markers.is_marked(one.blob) is not False]
    blobs = session.read({one.blob for one in wanted})
    marked = [one for one in wanted if _learn(one, blobs[one.blob], ports)]
    sources = {one.path: blobs[one.blob] for one in marked}
    known, namespace = job.known_policies, job.automation.metadata.key.namespace
    plans = {one.path: plan_file(one.path, blobs[one.blob], job.refs, known, namespace) for one in marked}
    return plans, sources


def _learn(file: TreeFile, source: bytes, ports: Ports) -> bool:
    marked = has_marker(source)
    ports.markers.learn(file.blob, marked)
    return marked


def _path(job: UpdateJob) -> str:
    return job.automation.update.path if job.automation.update else ""


def _reset(
    results: Sequence[RunResult], checkout: Checkout, session: GitSession, now: datetime
) -> tuple[RunResult, ...]:
    """A push branch that is rebuilt from a base that needs nothing is that base: what it offers has had its day."""
    job = results[0].job
    stale = stale_head([result.job for result in results], checkout, session)
    if stale is None or any(result.error is not None for result in results):
        return tuple(results)
    event = reset_event(job, stale, checkout.revision, now)
    return (replace(results[0], event=event, reset_to=checkout.commit), *results[1:])


def _pushed(results: Sequence[RunResult], lease: Lease, session: GitSession, ports: Ports) -> tuple[RunResult, ...]:
    """What there is to push is on the remote; every result says where that left the push branch."""
    made = [result for result in results if result.commit is not None]
    tip = made[-1].commit if made else results[0].reset_to
    if tip is not None:
        ports.leases.put_intent(lease, _intents(made))
        jobs = [result.job for result in made]
        updates = ref_updates(push_ref(results[0].job), jobs, tip, session)
        session.push(updates, {key: value for job in jobs for key, value in job.push_options.items()})
    return tuple(replace(result, push_revision=push_revision(result.job, session)) for result in results)


def _intents(made: Sequence[RunResult]) -> list[CommitIntent]:
    return [
        CommitIntent(
            automation=result.job.automation.metadata.key,
            commit=result.commit,
            branch=result.job.destination.push_branch,
            made_at=result.event.at,
            event=result.event,
        )
        for result in made
        if result.commit is not None and result.event is not None
    ]
