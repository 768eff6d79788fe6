"""All due automations of one Git URL and push branch: one lease, one fetch, a commit each, one push.

In: prepared jobs of the same destination. Out: one RunResult per job.

Source: image-automation-controller internal/controller (reconcile, steps in reference order) and pkg/git; unlike Flux
a refused push is repeated at once from the new head, and all automations of a branch share a fetch and a push.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from tagstream.domain.destination import parse_refspec
from tagstream.domain.marker import MarkerReport
from tagstream.domain.message import MessageData, TemplateError, render_message
from tagstream.domain.model import CommitId, Revision
from tagstream.domain.setters import Change, FilePlan, apply_edits, has_marker, is_candidate, plan_file
from tagstream.errors import ImageAutomationError, RetryableError, StalledError
from tagstream.ports import Checkout, CommitText, GitSession, Ports, PushConflict, RefUpdate, TreeFile
from tagstream.reconcile.push_event import PushedCommit, push_event
from tagstream.reconcile.update_job import UpdateJob
from tagstream.records import CommitIntent, Lease, LedgerEntry

PUSH_TRIES = 8
MIN_LEASE_S = 30.0
MIN_TIMEOUT_S = 1.0
LEASE_POLL_S = 0.5
FIRST_PAUSE_S = 0.1
NO_REVISION = Revision("")
MAX_PAUSE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run of one automation ended. ``commit`` is set when something was pushed for it."""

    job: UpdateJob
    checkout: Checkout | None = None
    commit: CommitId | None = None
    revision: Revision = NO_REVISION
    message: str = ""
    changes: tuple[Change, ...] = ()
    markers: tuple[tuple[str, MarkerReport], ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: bool = False
    event: LedgerEntry | None = None
    error: ImageAutomationError | None = None


@contextmanager
def held(target: str, owner: str, deadline_s: float, ports: Ports) -> Iterator[Lease]:
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
    """Commits a former holder pushed without living to report it: its last intent is the branch's head.

    Anything else it intended is not on the branch, or is under newer commits: setters are compared with the head
    itself, so neither can lead to a second commit.
    """
    intents = ports.leases.intents(lease.target)
    if not intents:
        return ()
    try:
        with closing(ports.git.open(jobs[0].access)) as session:
            head = session.refs().get(_ref(jobs[0]))
    except ImageAutomationError:
        return ()
    return intents if head == intents[-1].commit else ()


def _run(jobs: Sequence[UpdateJob], lease: Lease, deadline_s: float, ports: Ports) -> tuple[RunResult, ...]:
    left_s = max(MIN_TIMEOUT_S, deadline_s - ports.clock.monotonic_s())
    access = replace(jobs[0].access, timeout_s=min(jobs[0].access.timeout_s, left_s))
    with closing(ports.git.open(access)) as session:
        return _run_in(session, jobs, lease, deadline_s, ports)


def _run_in(
    session: GitSession, jobs: Sequence[UpdateJob], lease: Lease, deadline_s: float, ports: Ports
) -> tuple[RunResult, ...]:
    checkout = _resolve(session, jobs[0])
    if all(_is_current(job, checkout, session) for job in jobs):
        return tuple(RunResult(job=job, checkout=checkout, revision=checkout.revision, skipped=True) for job in jobs)
    for attempt in range(PUSH_TRIES):
        results = _with_events(_apply(jobs, session, checkout, ports), ports.clock.now())
        made = [result for result in results if result.commit is not None]
        if not made or _is_already_pushed(made, session):
            return tuple(replace(result, commit=None, event=None) for result in results)
        try:
            _push(made, lease, session, ports)
        except PushConflict as conflict:
            ports.metrics.add("PushConflicts", 1, "imageupdateautomation")
            if attempt + 1 == PUSH_TRIES or ports.clock.monotonic_s() >= deadline_s:
                raise RetryableError(f"failed to push to remote: {conflict}", reason="GitOperationFailed") from conflict
            ports.clock.sleep(random.uniform(0, min(MAX_PAUSE_S, FIRST_PAUSE_S * 2**attempt)))
            session.refresh()
            checkout = _resolve(session, jobs[0])
            continue
        return results
    raise AssertionError("unreachable: the last try returns or raises")


def _resolve(session: GitSession, job: UpdateJob) -> Checkout:
    try:
        return session.resolve(job.destination.checkout)
    except RetryableError as error:
        raise RetryableError(
            f"failed to checkout source: {error.message}", reason=error.reason, retry_after_s=error.retry_after_s
        ) from error


def _is_current(job: UpdateJob, checkout: Checkout, session: GitSession) -> bool:
    """Whether neither the object, its policies nor the branch moved since the last successful run."""
    status = job.stored.status
    if status.get("observedGeneration") != job.automation.metadata.generation:
        return False
    if status.get("observedPolicies") != job.observed:
        return False
    if status.get("observedSourceRevision") != checkout.revision:
        return False
    if not job.destination.switches:
        return True
    return session.refs().get(_ref(job)) == status.get("lastPushCommit")


def _apply(jobs: Sequence[UpdateJob], session: GitSession, checkout: Checkout, ports: Ports) -> tuple[RunResult, ...]:
    """One commit on top of the other for every job that changes something."""
    tip = checkout.commit
    results = []
    for job in jobs:
        try:
            result = _apply_one(job, tip, session, ports)
        except ImageAutomationError as error:
            results.append(RunResult(job=job, checkout=checkout, error=error))
            continue
        tip = result.commit or tip
        results.append(replace(result, checkout=checkout))
    return tuple(replace(result, revision=_revision(result, checkout, tip)) for result in results)


def _with_events(results: Sequence[RunResult], now: datetime) -> tuple[RunResult, ...]:
    """What is to be told of each commit is settled before it is pushed: another worker may have to tell it."""
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
                    warnings=result.warnings,
                ),
                now,
            ),
        )
        for result in results
    )


def _revision(result: RunResult, checkout: Checkout, tip: CommitId) -> Revision:
    if result.job.destination.switches:
        return checkout.revision
    return Revision(checkout.revision.replace(checkout.commit, tip))


def _apply_one(job: UpdateJob, tip: CommitId, session: GitSession, ports: Ports) -> RunResult:
    plans, sources = _plans(job, tip, session, ports)
    edits = {path: apply_edits(sources[path], plan.edits) for path, plan in plans.items() if plan.edits}
    changes = tuple(change for _, plan in sorted(plans.items()) for change in plan.changes)
    markers = tuple(
        (path.decode(errors="replace"), one) for path, plan in sorted(plans.items()) for one in plan.markers
    )
    if not edits:
        return RunResult(job=job, markers=markers)
    try:
        rendered = render_message(
            job.commit.message_template,
            MessageData(
                automation=job.automation.metadata.key,
                changes=changes,
                refs=job.refs,
                values=job.commit.message_template_values,
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


def _plans(
    job: UpdateJob, tip: CommitId, session: GitSession, ports: Ports
) -> tuple[dict[bytes, FilePlan], Mapping[bytes, bytes]]:
    path = job.automation.update.path if job.automation.update else ""
    try:
        files = [one for one in session.files(tip, path) if is_candidate(one.path)]
    except FileNotFoundError as error:
        raise RetryableError(f"failed to apply policies: {error}", reason="UpdateFailed") from error
    wanted = [one for one in files if ports.markers.is_marked(one.blob) is not False]
    blobs = session.read({one.blob for one in wanted})
    marked = [one for one in wanted if _learn(one, blobs[one.blob], ports)]
    sources = {one.path: blobs[one.blob] for one in marked}
    plans = {one.path: plan_file(one.path, blobs[one.blob], job.refs, known=job.known_policies) for one in marked}
    return plans, sources


def _learn(file: TreeFile, source: bytes, ports: Ports) -> bool:
    marked = has_marker(source)
    ports.markers.learn(file.blob, marked)
    return marked


def _ref(job: UpdateJob) -> bytes:
    return b"refs/heads/" + job.destination.push_branch.encode()


def _is_already_pushed(made: Sequence[RunResult], session: GitSession) -> bool:
    """A push branch with these very trees on this base is left alone: rebuilt commits would differ in time only."""
    job = made[-1].job
    theirs, ours = session.refs().get(_ref(job)), made[-1].commit
    if not job.destination.switches:
        return False
    for _ in made:
        if theirs is None or ours is None:
            return False
        their_tree, their_parents = session.tree(theirs)
        our_tree, our_parents = session.tree(ours)
        if their_tree != our_tree or len(their_parents) != 1:
            return False
        theirs, ours = their_parents[0], our_parents[0]
    return theirs == ours


def _push(made: Sequence[RunResult], lease: Lease, session: GitSession, ports: Ports) -> None:
    job = made[0].job
    tip = made[-1].commit
    if tip is None:
        raise StalledError("nothing to push", reason="GitOperationFailed")
    ports.leases.put_intent(
        lease,
        [
            CommitIntent(
                automation=result.job.automation.metadata.key,
                commit=result.commit,
                branch=job.destination.push_branch,
                made_at=result.event.at,
                event=result.event,
            )
            for result in made
            if result.commit is not None and result.event is not None
        ],
    )
    updates = [RefUpdate(ref=_ref(job), old=session.refs().get(_ref(job)), new=tip, force=job.destination.switches)]
    updates += _refspec_update(job, tip, session)
    options = {key: value for result in made for key, value in result.job.push_options.items()}
    session.push(updates, options)


def _refspec_update(job: UpdateJob, tip: CommitId, session: GitSession) -> list[RefUpdate]:
    """``spec.git.push.refspec`` goes with the branch, in one push: Flux's second push can fail after the first."""
    if not job.destination.refspec:
        return []
    refspec = parse_refspec(job.destination.refspec)
    if refspec.target == _ref(job):
        return []
    new = tip if refspec.source in (b"HEAD", _ref(job)) else session.refs().get(refspec.source)
    if new is None:
        raise RetryableError(
            f"failed to push to remote: src refspec {job.destination.refspec} does not match any",
            reason="GitOperationFailed",
        )
    old = session.refs().get(refspec.target)
    return [RefUpdate(ref=refspec.target, old=old, new=new, force=refspec.force)]
