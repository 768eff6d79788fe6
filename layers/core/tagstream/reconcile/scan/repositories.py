"""Scan ImageRepositories: list, compare, store what changed, evaluate the policies it concerns.

An unchanged scan must write nothing for its repository.

Source: image-reflector-controller internal/controller/imagerepository_controller.go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import zip_longest

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.image_name import ImageName, InvalidImage, parse_repository_image
from tagstream.domain.objects.model import ImageRepository, NamespacedName
from tagstream.domain.scan.exclusion import InvalidExclusion, exclude, keep
from tagstream.domain.scan.tag_grammar import sort_out
from tagstream.errors import ImageAutomationError, RetryableError, StalledError, ThrottledError
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.queue import QueuedScan
from tagstream.ports.registry import RegistryAccess, TagListing
from tagstream.ports.tags import TagState
from tagstream.reconcile import due, status
from tagstream.reconcile.cool_downs import DEFAULT_COOL_DOWN_S, CoolDowns
from tagstream.reconcile.credentials import registry_access
from tagstream.reconcile.isolated import attempted, attempted_each, isolated
from tagstream.reconcile.registry_health import RegistryHealth
from tagstream.reconcile.scan.gathering import Gathering
from tagstream.reconcile.scan.host_turns import SHARED_S, WORKERS, HostTurns
from tagstream.reconcile.scan.put_back import MOST_HOPS, put_back
from tagstream.reconcile.scan.scan_outcome import Scan, has_news, reported_revision, transition
from tagstream.reconcile.scan.tag_list import ScannedTags, Sightings
from tagstream.reconcile.select.policies import (
    Cause,
    ChangedRepository,
    Evaluation,
    PolicyRun,
    evaluate_together,
    evaluations_of,
)
from tagstream.reconcile.select.read_ahead import FRESH_S
from tagstream.reconcile.stored_objects import parsed_objects
from tagstream.reconcile.transition import Transition, report, report_each

KIND = "ImageRepository"
CONTROLLER = "imagerepository"
MIN_TIMEOUT_S = 1.0
# A registry may list a pushed tag late: look again before giving up on what a delivery named.
LATE_TAG_DELAYS_S = (5.0, 15.0, 45.0)
SCANS_PER_MESSAGE = 50
# A time-out that comes this much early was the time-out all the same.
TOLERANCE_S = 0.5
# Of so many scans, the policies and their statuses are read in one call.
TOGETHER = 50
# A longer list is not kept until others come: with many of them, the memory would not do.
LONG_LIST = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanTrigger:
    """Why a scan happens. ``cause`` is followed to the commit; ``expected_tags`` are what a delivery named."""

    reason: str
    cause: str
    received_at: datetime | None = None
    expected_tags: tuple[str, ...] = ()
    attempt: int = 0
    hops: int = 0

    @classmethod
    def of(cls, request: QueuedScan) -> ScanTrigger:
        """The trigger inside a queue message."""
        return cls(
            reason=request.reason,
            cause=request.cause,
            received_at=request.received_at,
            expected_tags=request.expected_tags,
            attempt=request.attempt,
            hops=request.hops,
        )

    def request(self, keys: tuple[NamespacedName, ...], delay_s: float = 0.0) -> QueuedScan:
        """A queue message for the same reason."""
        return QueuedScan(
            repositories=keys,
            reason=self.reason,
            cause=self.cause,
            delay_s=delay_s,
            received_at=self.received_at,
            expected_tags=self.expected_tags,
            attempt=self.attempt,
            hops=self.hops,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ToSettle:
    """A scan that is settled when its policies are evaluated and its status is written.

    ``scanned`` are the tags that it stored, None to read them.
    """

    scan: Scan
    scanned: ScannedTags | None
    cause: str
    started_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _ToSettleAlone:
    """A scan that is settled apart from others, since some of its policies may wait for a registry, AWS or a Secret.

    ``read_at_s`` is when its policies were read, on the monotonic clock.
    """

    news: _ToSettle
    evaluations: tuple[Evaluation, ...]
    read_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What the scans of one call share."""

    trigger: ScanTrigger
    policies: PolicyRun
    cool_downs: CoolDowns
    turns: HostTurns[Scan | _ToSettleAlone]
    may_lag: bool

    @property
    def deadline_s(self) -> float:
        return self.policies.deadline_s

    @property
    def health(self) -> RegistryHealth:
        return self.policies.health


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """A scan that is settled: the policies that were evaluated on the way, and when the repository is due again."""

    scan: Scan
    evaluated: frozenset[NamespacedName]
    times: Times


def scan_repositories(
    keys: Collection[NamespacedName], trigger: ScanTrigger, deadline_s: float, ports: Ports, workers: int = WORKERS
) -> frozenset[NamespacedName]:
    """Scan repositories concurrently; what the time does not allow goes back to the queue.

    Args:
        keys: suspended and deleted ones are passed over.
        trigger: why.
        deadline_s: on the monotonic clock.
        ports: everything.
        workers: how many of them are scanned at the same time.

    Returns:
        Names of the ImagePolicies that were evaluated on the way.
    """
    return scan_stored(ports.objects.get_many(KIND, keys), trigger, deadline_s, ports, workers) if keys else frozenset()


def scan_stored(
    stored: Sequence[StoredObject],
    trigger: ScanTrigger,
    deadline_s: float,
    ports: Ports,
    workers: int = WORKERS,
    *,
    may_lag: bool = False,
) -> frozenset[NamespacedName]:
    """Like ``scan_repositories``, for a caller that has just read the ImageRepositories.

    ``may_lag`` says that the caller's read, and that of the tag lists, may be without the writes of the last moments. A
    scan that has something to write looks again first.
    """
    if not stored:
        return frozenset()
    scans = _begun(stored, ports, may_lag=may_lag)
    by_host: dict[str, list[Scan | _ToSettleAlone]] = {}
    for scan in scans:
        by_host.setdefault(scan.host, []).append(scan)
    cool_downs = CoolDowns(ports.tags, ports.clock)
    run = _Run(
        trigger=trigger,
        policies=PolicyRun(deadline_s=deadline_s, health=RegistryHealth(cool_downs, ports)),
        cool_downs=cool_downs,
        turns=HostTurns(by_host, workers),
        may_lag=may_lag,
    )
    started_s = ports.clock.monotonic_s()
    done: dict[NamespacedName, _Done] = {}
    try:
        with isolated():
            _carry_out(run, done, ports)
    except ImageAutomationError as error:
        # What is done is noted all the same, and the rest is put back: it may belong to other tenants.
        ports.log.error("scans broke off", reason=error.reason, error=error.message)
    try:
        _put_back([scan for scan in scans if scan.stored.key not in done], run, ports)
    finally:
        if done:
            ports.agenda.note({ObjectName(kind=KIND, key=key): one.times for key, one in done.items()})
    if done:
        _log_run([one.scan for one in done.values()], started_s, ports)
    return frozenset(key for one in done.values() for key in one.evaluated)


def _carry_out(run: _Run, done: dict[NamespacedName, _Done], ports: Ports) -> None:
    """Scan all repositories; those that are not in ``done`` afterwards have to be scanned later.

    Each result is written as it arrives: one slow registry never holds up the others. What has not begun at the
    deadline is left.
    """

    def record(scan: Scan, outcome: _Done | _ToSettleAlone | ImageAutomationError | None) -> None:
        if isinstance(outcome, _Done):
            done[scan.stored.key] = outcome
        elif isinstance(outcome, ImageAutomationError):
            # The table failed, or a mistake of ours: nothing is known, so nothing is recorded, and it is tried again.
            reason, message = outcome.reason, outcome.message
            ports.log.error("scan broke off", key=str(scan.stored.key), reason=reason, error=message)

    def settle(news: Sequence[_ToSettle]) -> None:
        found: Sequence[_Done | _ToSettleAlone | ImageAutomationError] = ()
        try:
            if ports.clock.monotonic_s() < run.deadline_s:
                found = _evaluated(news, run, ports)
        finally:
            # First, since nothing may keep the workers of these hosts waiting.
            for one, outcome in zip_longest(news, found):
                if isinstance(outcome, _ToSettleAlone):
                    run.turns.again(one.scan.host, outcome)
                else:
                    run.turns.close(one.scan.host)
            for one, outcome in zip_longest(news, found):
                record(one.scan, outcome)

    gathering = Gathering(settle, TOGETHER)

    def act(item: Scan | _ToSettleAlone) -> Callable[[], None] | None:
        if ports.clock.monotonic_s() >= run.deadline_s:
            return None
        if isinstance(item, _ToSettleAlone):
            record(item.news.scan, _settled_alone(item, run, ports))
            return None
        found = _scan(item, run, ports)
        if isinstance(found, _ToSettle):
            is_long = len(found.scanned.tags if found.scanned else ()) > LONG_LIST
            return partial(settle, [found]) if is_long else partial(gathering.add, found)
        record(item, found)
        return None

    run.turns.carry_out(act)


def _log_run(scans: Sequence[Scan], started_s: float, ports: Ports) -> None:
    """One line for all scans of a run; a scan that found nothing new has none of its own, since lines are paid for."""
    ports.log.info(
        "scans done",
        controller=CONTROLLER,
        scans=len(scans),
        unchanged=sum(not scan.changed and scan.error is None for scan in scans),
        failed=sum(scan.error is not None for scan in scans),
        requests=sum(scan.requests for scan in scans),
        duration_ms=round((ports.clock.monotonic_s() - started_s) * 1000),
    )


def _begun(found: Sequence[StoredObject], ports: Ports, *, may_lag: bool) -> list[Scan]:
    readable = parsed_objects(found, ImageRepository, ports.log)
    wanted = [(stored, repository) for stored, repository in readable if not repository.suspend]
    before = ports.tags.states([stored.key for stored, _ in wanted], may_lag=may_lag)
    return [Scan(stored=stored, repository=repository, before=before.get(stored.key)) for stored, repository in wanted]


def _put_back(scans: Sequence[Scan], run: _Run, ports: Ports) -> None:
    """Queue the remaining scans; those of a slow host go into separate messages, so that they delay no others."""
    groups: dict[str, list[NamespacedName]] = {}
    for scan in scans:
        groups.setdefault(scan.host if run.turns.is_slow(scan.host) else "", []).append(scan.stored.key)
    requests = [
        run.trigger.request(tuple(keys[start : start + SCANS_PER_MESSAGE]))
        for keys in groups.values()
        for start in range(0, len(keys), SCANS_PER_MESSAGE)
    ]
    put_back(requests, ports)


def _scan(scan: Scan, run: _Run, ports: Ports) -> _Done | _ToSettle | ImageAutomationError | None:
    """None when the scan has to be done later, an error when it broke off."""
    return attempted(partial(_scan_now, scan, run, ports))


def _scan_now(scan: Scan, run: _Run, ports: Ports) -> _Done | _ToSettle | None:
    started = ports.clock.monotonic_s()
    try:
        with isolated():
            scan = _listed(scan, run, ports)
    except ImageAutomationError as error:
        if _ran_out_of_turn(scan, run, started, ports):
            return None
        scan = replace(scan, error=_cool_down(error, run.cool_downs))
    cause = status.cause_of(scan.stored, run.trigger.cause)
    outcome = None if has_news(scan) else transition(scan, cause, _since_ms(started, ports), ports.clock.now())
    if run.may_lag and (outcome is None or outcome.changes_status) and not _is_as_stored(scan, ports):
        # Somebody has just written it: the queue brings the scan back, which reads what is stored by then.
        return None
    if outcome is None:
        try:
            with isolated():
                scanned = _store(scan, ports) if scan.changed else None
            if scanned is None and scan.changed:
                return None
        except ImageAutomationError as error:
            scan = replace(scan, error=error)
            outcome = transition(scan, cause, _since_ms(started, ports), ports.clock.now())
        else:
            return _ToSettle(scan=scan, scanned=scanned, cause=cause, started_s=started)
    report([outcome], ports)
    return _done(scan, outcome, run.trigger, ports)


def _done(
    scan: Scan,
    outcome: Transition,
    trigger: ScanTrigger,
    ports: Ports,
    evaluations: Sequence[Evaluation] = (),
) -> _Done:
    _look_again(scan, trigger, ports)
    after = replace(scan.stored, status=outcome.status)
    return _Done(
        scan=scan,
        evaluated=frozenset(one.stored.key for one in evaluations),
        times=due.next_times(after, scan.repository, ports.clock.now()),
    )


def _evaluated(
    news: Sequence[_ToSettle], run: _Run, ports: Ports
) -> list[_Done | _ToSettleAlone | ImageAutomationError]:
    """Evaluate the policies of scans, and settle the scans, but for those whose policies may wait for somebody."""
    return attempted_each(news, lambda part: _evaluated_together(part, run, ports))


def _evaluated_together(
    news: Sequence[_ToSettle], run: _Run, ports: Ports
) -> list[_Done | _ToSettleAlone | ImageAutomationError]:
    read_at_s = ports.clock.monotonic_s()
    found = list(zip(news, _evaluations(news, run, ports), strict=True))
    at_once = [(one, evaluations) for one, evaluations in found if not any(each.may_wait for each in evaluations)]
    settled = iter(_settled(at_once, run.trigger, ports))
    return [
        _ToSettleAlone(news=one, evaluations=evaluations, read_at_s=read_at_s)
        if any(each.may_wait for each in evaluations)
        else next(settled)
        for one, evaluations in found
    ]


def _evaluations(news: Sequence[_ToSettle], run: _Run, ports: Ports) -> list[tuple[Evaluation, ...]]:
    return evaluations_of([_changed(one, run.trigger) for one in news], run.policies, ports)


def _settled_alone(alone: _ToSettleAlone, run: _Run, ports: Ports) -> _Done | ImageAutomationError:
    """Settle a scan whose policies are read again if it had to wait for its turn."""

    def settle() -> _Done | ImageAutomationError:
        evaluations = alone.evaluations
        if ports.clock.monotonic_s() - alone.read_at_s > FRESH_S:
            (evaluations,) = _evaluations([alone.news], run, ports)
        (outcome,) = _settled([(alone.news, evaluations)], run.trigger, ports)
        return outcome

    return attempted(settle)


def _settled(
    found: Sequence[tuple[_ToSettle, tuple[Evaluation, ...]]], trigger: ScanTrigger, ports: Ports
) -> list[_Done | ImageAutomationError]:
    """Evaluate, then report the scans.

    The statuses of the repositories come last: if this breaks off before, they have the old revision, and the next scan
    evaluates.
    """
    policies = [one for _, evaluations in found for one in evaluations]
    # What came of one is stored before the next one waits for somebody.
    parts = [[one] for one in policies] if any(one.may_wait for one in policies) else [policies]
    outcomes = iter([outcome for part in parts for outcome in evaluate_together(part, ports)])
    errors = [
        next((one for one in [next(outcomes) for _ in evaluations] if isinstance(one, ImageAutomationError)), None)
        for _, evaluations in found
    ]
    evaluated = [one for one, error in zip(found, errors, strict=True) if error is None]
    transitions = [
        transition(news.scan, news.cause, _since_ms(news.started_s, ports), ports.clock.now()) for news, _ in evaluated
    ]
    failures = report_each(transitions, ports)
    settled = iter(
        attempted(partial(_done, news.scan, outcome, trigger, ports, evaluations)) if failure is None else failure
        for (news, evaluations), outcome, failure in zip(evaluated, transitions, failures, strict=True)
    )
    return [error or next(settled) for error in errors]


def _changed(news: _ToSettle, trigger: ScanTrigger) -> ChangedRepository:
    scan = news.scan
    # An earlier scan may have stored a shorter list that no policy was evaluated on.
    known = max(scan.before.tag_count if scan.before else 0, status.reported_tags(scan.stored.status))
    cause = Cause(
        text=news.cause,
        received_at=trigger.received_at,
        dropped_from=known,
    )
    return ChangedRepository(repository=scan.repository, scanned=news.scanned, cause=cause)


def _is_as_stored(scan: Scan, ports: Ports) -> bool:
    """Whether what the scan began with is still what the table holds."""
    key = scan.stored.key
    return ports.objects.get(KIND, key) == scan.stored and ports.tags.state(key) == scan.before


def _since_ms(started: float, ports: Ports) -> float:
    return (ports.clock.monotonic_s() - started) * 1000


def _ran_out_of_turn(scan: Scan, run: _Run, started: float, ports: Ports) -> bool:
    """Whether only the other hosts of the run cut this scan short: then it failed nothing, and is done by itself."""
    took_s = ports.clock.monotonic_s() - started
    if not run.turns.is_shared or took_s < SHARED_S - TOLERANCE_S:
        return False
    run.turns.give_up(scan.host)
    return took_s < _timeout_s(scan.repository) - TOLERANCE_S


def _timeout_s(repository: ImageRepository) -> float:
    return max(MIN_TIMEOUT_S, repository.timeout_s or repository.interval_s or MIN_TIMEOUT_S)


def _listed(scan: Scan, run: _Run, ports: Ports) -> Scan:
    """Ask the registry.

    Raises:
        StalledError: ImageURLInvalid.
        RetryableError: ReadOperationFailed; the stored list stays.
    """
    repository = scan.repository
    try:
        image = parse_repository_image(repository.image)
    except InvalidImage as error:
        raise StalledError(str(error), reason="ImageURLInvalid") from error
    access = registry_access(repository, ports.secrets)
    until = run.cool_downs.until(image.registry)
    if until is not None:
        wait_s = (until - ports.clock.now()).total_seconds()
        raise RetryableError(
            f"scan failed: {image.registry} asked to be left alone until {instant_text(until)}",
            reason="ReadOperationFailed",
            retry_after_s=wait_s,
        )
    try:
        run.health.check(scan.stored, image, access)
    except RetryableError as error:
        text = f"scan failed: {error.message}"
        raise RetryableError(text, reason=error.reason, retry_after_s=error.retry_after_s) from error
    listing = _asked(scan, image, access, run, ports)
    names = sort_out(listing.tags)
    try:
        found = exclude(names.tags, repository.exclusion_list)
    except InvalidExclusion as error:
        raise RetryableError(f"scan failed: {error}", reason="ReadOperationFailed") from error
    if not names.tags and scan.before is not None and scan.before.tag_count:
        raise RetryableError(
            f"scan failed: the registry lists no tags where {scan.before.tag_count} are known; keeping those",
            reason="ReadOperationFailed",
        )
    return replace(
        scan,
        image=image,
        found=found,
        requests=listing.requests,
        warnings=listing.warnings,
        refused=names.refused,
    )


def _asked(scan: Scan, image: ImageName, access: RegistryAccess, run: _Run, ports: Ports) -> TagListing:
    now_s, timeout_s = ports.clock.monotonic_s(), _timeout_s(scan.repository)
    if run.turns.is_shared and timeout_s > SHARED_S:
        # What the other hosts cut short says nothing of this one.
        return ports.registry.list_tags(image, access, min(run.deadline_s, now_s + SHARED_S))
    with run.health.watched(scan.stored, image, access) as bounded:
        return ports.registry.list_tags(image, bounded, min(run.deadline_s, now_s + timeout_s))


def _store(scan: Scan, ports: Ports) -> ScannedTags | None:
    """Replace the list this scan was compared with; None when another scan replaced it meanwhile."""
    assert scan.found is not None and scan.image is not None
    key, found, before = scan.stored.key, scan.found, scan.before
    now = ports.clock.now()
    is_same_image = before is not None and before.canonical_image == scan.image.canonical
    state = TagState(
        revision=found.revision,
        tag_count=len(found.tags),
        latest_tags=found.latest_tags,
        scanned_at=now,
        canonical_image=scan.image.canonical,
        exclusion_list=scan.repository.exclusion_list,
        first_scanned_at=before.first_scanned_at if before and is_same_image else now.replace(microsecond=0),
    )
    known = ports.tags.tags(key, before) if before is not None else ()
    sightings = Sightings(found.tags, known, now.replace(microsecond=0))
    if not ports.tags.put(key, state, sightings.records(), expected=before):
        return None
    settled = before is not None and reported_revision(scan) == before.revision
    return ScannedTags(tags=found.tags, revision=found.revision, difference=sightings.difference() if settled else None)


def _cool_down(error: ImageAutomationError, cool_downs: CoolDowns) -> ImageAutomationError:
    """Leave a host alone that asked for it. The error says for how long, also where the host named no time."""
    if not isinstance(error, ThrottledError):
        return error
    cool_downs.begin(error.host, error.retry_after_s)
    if error.retry_after_s is not None:
        return error
    text = f"{error.message}; {error.host} is left alone for {DEFAULT_COOL_DOWN_S:.0f} s"
    return ThrottledError(text, reason=error.reason, host=error.host)


def _look_again(scan: Scan, trigger: ScanTrigger, ports: Ports) -> None:
    """A delivery named a tag that is not listed yet: caches between a registry's writers and readers are real."""
    if scan.found is None or trigger.attempt >= len(LATE_TAG_DELAYS_S) or trigger.hops >= MOST_HOPS:
        return
    expected = set(trigger.expected_tags)
    if trigger.received_at is not None and not trigger.attempt:
        expected |= ports.deliveries.joined_tags(scan.stored.key, trigger.cause)
    listed = set(scan.found.tags)
    wanted = keep(sorted(sort_out(expected).tags), scan.repository.exclusion_list)
    if all(tag in listed for tag in wanted):
        return
    delay_s = LATE_TAG_DELAYS_S[trigger.attempt]
    later = replace(trigger, expected_tags=tuple(wanted), attempt=trigger.attempt + 1, hops=trigger.hops + 1)
    ports.queue.send([later.request((scan.stored.key,), delay_s)])
