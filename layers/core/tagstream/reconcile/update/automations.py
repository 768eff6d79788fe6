"""Reconcile ImageUpdateAutomations: prepare them, run each branch, report what became of each.

A failure is a condition of its automation and never stops another one. Branches run at the same time in a few threads,
so that a Git server that hangs holds up nobody else.

Source: image-automation-controller internal/controller/imageupdateautomation_controller.go.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tagstream.domain.objects.model import CommitId, ImageUpdateAutomation, NamespacedName
from tagstream.errors import ImageAutomationError, Overtaken, RetryableError, raise_first
from tagstream.ports.bundle import Ports
from tagstream.ports.leases import Lease
from tagstream.ports.objects import Document, StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.kept_requests import TRIES, known_requests, with_forgotten
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.transition import Transition, record, report, report_each
from tagstream.reconcile.update.batches import companions, goes_with, grouped, joined
from tagstream.reconcile.update.branch import pushed_before, update_branch
from tagstream.reconcile.update.branch_writers import KIND
from tagstream.reconcile.update.debounce import departs_at, pause, record_refusal, wake_after
from tagstream.reconcile.update.host_apis import HostApis, api_way_of
from tagstream.reconcile.update.host_health import API, HostHealth, is_proven, way_of
from tagstream.reconcile.update.job import UpdateJob, prepare
from tagstream.reconcile.update.lanes import LAST_TURN, THREADS, Work, run_lanes
from tagstream.reconcile.update.last_look import seen_last
from tagstream.reconcile.update.lease import Holding, lease_held
from tagstream.reconcile.update.next_runs import NextRuns
from tagstream.reconcile.update.nothing_to_do import unchanged
from tagstream.reconcile.update.outcome import not_run, outcome, put_off
from tagstream.reconcile.update.policy_branches import update_policy_branches, with_branch_requests
from tagstream.reconcile.update.postpone import SHORT_PAUSE_S, Postponed, PushHeld, departing, write_down
from tagstream.reconcile.update.recovery import recover, recover_former
from tagstream.reconcile.update.requests.keeping import with_requests
from tagstream.reconcile.update.reverts import HELD_BACK, without_reverted
from tagstream.reconcile.update.run_result import RunResult
from tagstream.reconcile.update.secrets_ahead import SecretsAhead
from tagstream.reconcile.update.selected import Selected
from tagstream.reconcile.update.snapshot import Snapshot

# A branch whose server answers slowly may take this much of an invocation.
BRANCH_BUDGET_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What the branches of one call share.

    ``deadline_s`` is on the monotonic clock; ``owner`` names the worker for the leases; ``places`` bounds how many
    branches are run at the same time; ``next_runs`` collects when those that were run are due again.
    """

    owner: str
    deadline_s: float
    health: HostHealth
    api_health: HostHealth
    ports: Ports
    places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(THREADS))
    next_runs: NextRuns = field(default_factory=NextRuns)

    def ports_of(self, jobs: Sequence[UpdateJob], deadline_s: float) -> Ports:
        """The ports of a branch's run, which ask the APIs of Git hosts until its deadline only."""
        apis = HostApis(jobs, deadline_s, self.api_health, self.ports)
        return replace(self.ports, git_hosts=apis, host_commits=apis)


def run_automations(
    keys: Collection[NamespacedName],
    owner: str,
    deadline_s: float,
    ports: Ports,
    *,
    may_lag: bool = False,
    listed: Sequence[StoredObject] = (),
) -> None:
    """Bring these automations up to date; suspended and deleted ones are passed over.

    Args:
        keys: in any order; each branch runs its automations in the order of names.
        owner: names this worker, for the leases.
        deadline_s: on the monotonic clock.
        ports: everything is read and written through.
        may_lag: whether only intervals are over and nothing new is known of. The first look may then miss what was
            written in the last moments, and take what was selected from the statuses; what is committed is read again.
            The agenda is told when the intervals end next.
        listed: automations that have just been read, to be run with the others.

    Raises:
        ImageAutomationError: the table or the queue failed; the call may be repeated.
    """
    health, api_health = HostHealth(ports), HostHealth(ports, API)
    run = _Run(owner=owner, deadline_s=deadline_s, health=health, api_health=api_health, ports=ports)
    began_at = ports.clock.now()
    stored = [*listed, *(ports.objects.get_many(KIND, keys) if keys else ())]
    _run_stored(stored, Snapshot(ports, may_lag=may_lag), run)
    if may_lag:
        run.next_runs.note(began_at, ports)


def _run_stored(stored: Sequence[StoredObject], snapshot: Snapshot, run: _Run) -> None:
    automations = _read_branches(stored, snapshot)
    waiting = _waiting_for_secrets(automations, snapshot)
    at_once = [one for one in stored if one.key not in waiting]
    if not at_once or not waiting:
        _run_all(stored, snapshot, run)
        return
    # Secrets Manager may hang, which must not hold up those that need nothing of it.
    with ThreadPoolExecutor(max_workers=1) as pool:
        others = pool.submit(_run_all, [one for one in stored if one.key in waiting], snapshot, run)
        _run_all(at_once, snapshot, run)
    others.result()


def _waiting_for_secrets(automations: Sequence[ImageUpdateAutomation], snapshot: Snapshot) -> set[NamespacedName]:
    """The automations that need a secret, and all others of their branches: those of a branch run one by one."""
    branches = {one.metadata.key: snapshot.branch_of(one) for one in automations}
    needing = {one.metadata.key for one in automations if snapshot.secrets_of(one)}
    theirs = {branches[key] for key in needing}
    return {key for key, branch in branches.items() if key in needing or branch in theirs}


def _run_all(stored: Sequence[StoredObject], snapshot: Snapshot, run: _Run) -> None:
    groups = grouped(_prepared_from(stored, snapshot, run.ports))
    now = run.ports.clock.now()
    # Those that wait for more selections come last, so that they hold up none of the others.
    groups.sort(key=lambda group: departs_at(group, now))
    run_lanes([_work(group, run) for group in groups], run.places)


def _work(group: list[UpdateJob], run: _Run) -> Work:
    """The run of a group, for a thread."""

    def carry_out() -> None:
        settled = _settled(group, run)
        if settled:
            _run_group(settled, run)

    turn = min(_turn(job) for job in group)
    apis = sorted({way for job in group if (way := api_way_of(job))})
    host = " ".join([way_of(group[0]), *apis])
    return Work(target=group[0].destination.target, host=host, turn=turn, carry_out=carry_out)


def _turn(job: UpdateJob) -> int:
    if is_proven(job):
        return 0
    return LAST_TURN if status.retry_at(job.stored.status) is not None else 1


def _settled(group: list[UpdateJob], run: _Run) -> list[UpdateJob]:
    """The jobs of a push when they may go, read again after each pause; none when they come back later."""
    ports = run.ports
    seen_at = ports.clock.now()
    while group := departing(group, ports)[0]:
        wait = pause(group, seen_at, ports)
        if wait.is_refused:
            record_refusal(group, wait, ports)
            return []
        if wait.seconds > SHORT_PAUSE_S:
            wake_after(group, wait, ports)
            return []
        if ports.clock.monotonic_s() + wait.seconds >= run.deadline_s:
            put_off(group, ports)
            return []
        if wait.seconds == 0.0:
            break
        ports.clock.sleep(wait.seconds)
        group = _prepared_again(group, ports)
    return group


def _run_group(group: Sequence[UpdateJob], run: _Run) -> None:
    ports, started_s = run.ports, run.ports.clock.monotonic_s()
    deadline_s = min(run.deadline_s, started_s + BRANCH_BUDGET_S)
    target = group[0].destination.target
    try:
        with isolated():
            run.health.check(group[0])
            if run.health.is_waited_for_enough(group[0]):
                put_off(group, ports)
                return
            results = _unchanged(group, deadline_s, run)
            if results is not None:
                run.health.note_answer(group[0])
                with_theirs = with_branch_requests if group[0].destination.is_template else with_requests
                asking = run.ports_of(group, deadline_s)
                _report_unchanged(with_theirs(results, deadline_s, asking), started_s, run)
                return
            with lease_held(target, run.owner, deadline_s, ports) as holding:
                _run_leased(group, holding, deadline_s, run)
    except ImageAutomationError as error:
        _report_error(group, error, ports)


def _unchanged(group: Sequence[UpdateJob], deadline_s: float, run: _Run) -> tuple[RunResult, ...] | None:
    if group[0].snapshot.is_in_doubt(group[0].destination):
        return None
    with run.health.watched(group):
        return unchanged(group, deadline_s, run.ports)


def _run_leased(group: Sequence[UpdateJob], holding: Holding, deadline_s: float, run: _Run) -> None:
    lease, ports, started_s = holding.lease, run.ports, run.ports.clock.monotonic_s()
    with run.health.watched(group):
        pushed = pushed_before(group, lease, deadline_s, ports)
    recover(pushed, ports, of_template=group[0].destination.is_template)
    current = list(group)
    if pushed or not group[0].snapshot.is_current(lease):
        # Another worker may just have committed newer values than those that were read before the lease.
        current = _prepared_again(group, ports)
    if current and recover_former(current, run.owner, deadline_s, ports):
        current = _prepared_again(current, ports)
    current, waiting = _with_companions(current, ports)
    if not current:
        return
    asking = run.ports_of(current, deadline_s)
    try:
        with run.health.watched(current):
            if current[0].destination.is_template:
                results = update_policy_branches(current, lease, deadline_s, asking, waiting)
            else:
                results = update_branch(current, lease, deadline_s, asking)
        run.health.note_answer(current[0])
    except PushHeld as held:
        _hold(current, held, ports)
        return
    except ImageAutomationError as error:
        results = tuple(RunResult(job=job, error=error) for job in current)
    if not current[0].destination.is_template:
        results = with_requests(results, deadline_s, asking)
    reported = _report_held(results, lease, started_s, ports)
    if reported is None:
        # Whoever has it by now reports what was pushed here, and may have gone further.
        put_off(current, ports)
        return
    run.next_runs.add(reported)
    _write_holds(results, ports)
    if lease.has_intents or any(result.commit or result.reset_to for result in results):
        _settle_intents(results, {one.commit for one in pushed}, holding, ports)


def _settle_intents(
    results: Sequence[RunResult], recovered: Collection[CommitId], holding: Holding, ports: Ports
) -> None:
    """Forget the commits whose statuses are written; the next holder looks for those that are still in doubt.

    Args:
        results: reported by now.
        recovered: the commits of former holders that were found on the server, and are reported too.
        holding: of the lease under which they were pushed; it is over if nothing is in doubt.
        ports: the intents are kept through.
    """
    lease = holding.lease
    before = ports.leases.intents(lease.target) if any(_has_failed(one) for one in results) else ()
    left = [one for one in before if one.commit not in recovered and _is_in_doubt(one.branch, results)]
    if not left:
        holding.clear_intents(ports)
    elif len(left) < len(before):
        # Whoever has got the lease meanwhile finds more than is in doubt, which does no harm.
        with suppress(RetryableError):
            ports.leases.put_intent(lease, left)


def _has_failed(result: RunResult) -> bool:
    return result.error is not None or any(part.error is not None for part in result.parts)


def _is_in_doubt(branch: str, results: Sequence[RunResult]) -> bool:
    """Whether nothing shows what became of the last push to a branch.

    All automations of one branch have one push, so one that succeeded shows that it arrived. Each branch of a template
    has a push of its own; one that no automation has any more is not looked for, if a run got so far as to know that.
    An automation that leaves a branch, to which others push, says nothing of their push.
    """
    parts = [one for result in results for one in result.parts if one.job.destination.push_branch == branch]
    if parts:
        pushing = [one for one in parts if one.job.selections]
        return all(one.error is not None for one in pushing or parts)
    return all(one.error is not None and not one.parts and not one.unnamed for one in results)


def _prepared_again(group: Sequence[UpdateJob], ports: Ports) -> list[UpdateJob]:
    """The jobs as they are now; one that goes elsewhere by now is run by the change that moved it."""
    found = _prepared(ports.objects.get_many(KIND, [job.stored.key for job in group]), ports)
    return [job for job in found if goes_with(job, group[0])]


def _hold(group: Sequence[UpdateJob], held: PushHeld, ports: Ports) -> None:
    """Write down what waits since a moment ago; the others of a branch that is only added to run again at once."""
    late = {one.job.stored.key for one in held.late}
    write_down(held.late, ports)
    put_off([job for job in group if job.stored.key not in late], ports)


def _write_holds(results: Sequence[RunResult], ports: Ports) -> None:
    """Write down which automations of a template have branches that wait, after what became of the others."""
    held = {one.job.stored.key: one.held for one in results if one.held is not None}
    if not held:
        return
    # What was pushed is in the statuses by now, so that only what waits is new.
    stored = ports.objects.get_many(KIND, held)
    jobs = {one.job.stored.key: one.job for one in results}
    write_down([replace(held[one.key], job=replace(jobs[one.key], stored=one), in_part=True) for one in stored], ports)


def _with_companions(group: list[UpdateJob], ports: Ports) -> tuple[list[UpdateJob], list[Postponed]]:
    """The jobs and those of the same branch that belong into the same push, in the order of names; and who waits."""
    if not group:
        return group, []
    now, snapshot = ports.clock.now(), group[0].snapshot
    others = companions(group[0], group, now)
    # Who joins may hold the others back, and what was read again under the lease may say that nobody may go.
    return departing(joined(group, _prepared_from((one.stored for one in others), snapshot, ports), now), ports)


def _prepared(stored: Collection[StoredObject], ports: Ports) -> list[UpdateJob]:
    """The jobs of automations as they are now; why one cannot run is in its status."""
    snapshot = Snapshot(ports)
    _read_branches(stored, snapshot)
    return _prepared_from(stored, snapshot, ports)


def _read_branches(stored: Collection[StoredObject], snapshot: Snapshot) -> Sequence[ImageUpdateAutomation]:
    """Have the snapshot read what these automations refer to; those that can run."""
    parsed = (_parsed(one) for one in stored)
    automations = [one for one in parsed if one is not None and not one.suspend]
    snapshot.branch_writers.know(stored)
    snapshot.read_branches(automations)
    return automations


def _prepared_from(stored: Iterable[StoredObject], snapshot: Snapshot, ports: Ports) -> list[UpdateJob]:
    stored = list(stored)
    parsed = [(one, automation) for one in stored if (automation := _parsed(one)) and not automation.suspend]
    names = frozenset[NamespacedName]().union(*(snapshot.secrets_of(automation) for _, automation in parsed))
    ports = replace(ports, secrets=SecretsAhead(ports.secrets, names))
    seen = _seen_last(parsed, snapshot, ports) if snapshot.may_lag else {}
    found = (_prepared_one(one, seen.get(one.key), snapshot, ports) for one in stored)
    return [job for job in found if job is not None]


def _seen_last(
    automations: Iterable[tuple[StoredObject, ImageUpdateAutomation]], snapshot: Snapshot, ports: Ports
) -> Mapping[NamespacedName, Selected]:
    """What the last runs have seen, of the automations that need not read it; the others read it together."""
    now, found, others = ports.clock.now(), {}, []
    for one, automation in automations:
        seen = None
        # Whatever is wrong with a status is reported when its automation is prepared.
        with suppress(ImageAutomationError), isolated():
            seen = seen_last(one, automation, now)
        if seen is None:
            others.append(automation)
        else:
            found[one.key] = seen
    snapshot.look_ahead(others)
    return found


def _parsed(stored: StoredObject) -> ImageUpdateAutomation | None:
    """None for an automation that this version cannot read; preparing it tells so."""
    try:
        return parse_stored(stored, ImageUpdateAutomation)
    except ImageAutomationError:
        return None


def _prepared_one(stored: StoredObject, seen: Selected | None, snapshot: Snapshot, ports: Ports) -> UpdateJob | None:
    selections = Selected()
    try:
        automation = parse_stored(stored, ImageUpdateAutomation)
        if automation.suspend:
            return None
        with isolated():
            selections = snapshot.admitted(automation, seen)
            job = prepare(stored, automation, selections, snapshot, ports)
            # A run looks for reverts itself; one that may be skipped has to know of those before it.
            return without_reverted(job) if stored.status.get(HELD_BACK) else job
    except ImageAutomationError as error:
        report([not_run(stored, selections, error, ports.clock.now())], ports)
        return None


Reported = list[tuple[StoredObject, ImageUpdateAutomation]]
"""Automations with their statuses as they are now."""


def _report_held(results: Sequence[RunResult], lease: Lease, started_s: float, ports: Ports) -> Reported | None:
    """Report what was done under a lease; None if another worker has it by now, which reports it in our place.

    The lease is not read if everything went well: the statuses are written if they are still those that were read.
    Whoever has the lease has not reported anything then, and sees what is reported here.
    """
    # A run that only waits has neither succeeded nor failed.
    told = [one for one in results if one.held is None or one.parts or one.error]
    found = _outcomes(told, started_s, ports)
    if len(told) == len(results) and all(_went_well(one) for one in found):
        failures = report_each(found, ports)
        raise_first([None if isinstance(one, Overtaken) else one for one in failures])
        late = [one for one, failure in zip(found, failures, strict=True) if failure is not None]
    else:
        late = found
    if late:
        if not ports.leases.is_held(lease):
            return None
        _report(late, ports)
    return _reported(told, found)


def _went_well(one: Transition) -> bool:
    """Whether a run did all that there was to do, and has no pull request, of which hosts tell at any time."""
    return one.outcome in ("committed", "reconciled") and not known_requests(one.status)


def _outcomes(results: Sequence[RunResult], started_s: float, ports: Ports) -> list[Transition]:
    now, duration_ms = ports.clock.now(), (ports.clock.monotonic_s() - started_s) * 1000
    return [outcome(result, duration_ms, now) for result in results]


def _report(found: Sequence[Transition], ports: Ports) -> None:
    keeping = [one for one in found if known_requests(one.status)]
    record(keeping, ports)
    for one in keeping:
        if one.changes_status:
            _put_status(one, ports)
    report([_as_written(one) if one in keeping else one for one in found], ports)


def _reported(results: Sequence[RunResult], found: Sequence[Transition]) -> Reported:
    return [
        (_as_written(one).attempt.stored, result.job.automation) for one, result in zip(found, results, strict=True)
    ]


def _put_status(one: Transition, ports: Ports) -> None:
    """Write a status with requests, without losing what a Git host has told of them during the run."""
    before = stored = one.attempt.stored
    after: Document = one.status
    for _ in range(TRIES):
        if ports.objects.replace_status(stored, after):
            return
        now = ports.objects.get(before.kind, before.key)
        if now is None:
            return
        stored, after = now, with_forgotten(one.status, before.status, now.status)
    # What was pushed must be known, whatever else is lost.
    raise_first(ports.objects.put_statuses([(stored, after)]))


def _report_unchanged(results: Sequence[RunResult], started_s: float, run: _Run) -> None:
    """Report without the lease: a status that a run with the lease has written meanwhile is not overwritten."""
    ports = run.ports
    found = _outcomes(results, started_s, ports)
    record(found, ports)
    written = [
        (_as_written(one), result.job.automation)
        for one, result in zip(found, results, strict=True)
        if ports.objects.replace_status(one.attempt.stored, one.status)
    ]
    report([one for one, _ in written], ports)
    run.next_runs.add((one.attempt.stored, automation) for one, automation in written)


def _as_written(transition: Transition) -> Transition:
    """The same, when its status and its entries are in the table already."""
    attempt = transition.attempt
    stored = replace(attempt.stored, status=transition.status)
    return replace(transition, attempt=replace(attempt, stored=stored), entries=())


def _report_error(group: Sequence[UpdateJob], error: ImageAutomationError, ports: Ports) -> None:
    """Another worker may have run them while this one waited for the lease: its words are not overwritten."""
    stored = {one.key: one for one in ports.objects.get_many(KIND, [job.stored.key for job in group])}
    now = [replace(job, stored=stored[job.stored.key]) for job in group if job.stored.key in stored]
    _report(_outcomes([RunResult(job=job, error=error) for job in now], ports.clock.monotonic_s(), ports), ports)
