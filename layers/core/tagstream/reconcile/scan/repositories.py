"""Scan ImageRepositories: list, compare, store what changed, evaluate the policies it concerns.

An unchanged scan must write nothing for its repository.

Source: image-reflector-controller internal/controller/imagerepository_controller.go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.image_name import ImageName, InvalidImage, parse_repository_image
from tagstream.domain.objects.model import ImageRepository, NamespacedName
from tagstream.domain.scan.exclusion import InvalidExclusion, exclude
from tagstream.domain.scan.tag_grammar import sort_out
from tagstream.errors import ImageAutomationError, Overtaken, RetryableError, StalledError, ThrottledError
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.registry import RegistryAccess, TagListing
from tagstream.ports.tags import TagState
from tagstream.reconcile import status
from tagstream.reconcile.cool_downs import DEFAULT_COOL_DOWN_S, CoolDowns
from tagstream.reconcile.credentials import registry_access
from tagstream.reconcile.isolated import attempted, isolated
from tagstream.reconcile.registry_health import RegistryHealth
from tagstream.reconcile.scan.gathering import Gathering
from tagstream.reconcile.scan.host_turns import SHARED_S, WORKERS, HostTurns
from tagstream.reconcile.scan.portions import resumed
from tagstream.reconcile.scan.put_back import put_back
from tagstream.reconcile.scan.reported_tags import is_time_to_read, with_reported_state
from tagstream.reconcile.scan.scan_outcome import Scan, has_news, is_settled, transition
from tagstream.reconcile.scan.settling import (
    Settled,
    ToSettle,
    ToSettleAlone,
    settle_alone,
    settle_together,
    settled,
    since_ms,
)
from tagstream.reconcile.scan.tag_list import ScannedTags, Sightings
from tagstream.reconcile.scan.trigger import ScanTrigger
from tagstream.reconcile.select.evaluation import PolicyRun
from tagstream.reconcile.stored_objects import parsed_objects
from tagstream.reconcile.transition import report_each

KIND = "ImageRepository"
CONTROLLER = "imagerepository"
MIN_TIMEOUT_S = 1.0
SCANS_PER_MESSAGE = 50
# A time-out that comes this much early was the time-out all the same.
TOLERANCE_S = 0.5
# Of so many scans, the policies and their statuses are read in one call.
TOGETHER = 50
# A longer list is not kept until others come: with many of them, the memory would not do.
LONG_LIST = 2_000


class _CutShort(ImageAutomationError):
    """A tick had no time left for a list. That says nothing of the registry, and the scan is done by the queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What the scans of one call share."""

    trigger: ScanTrigger
    policies: PolicyRun
    cool_downs: CoolDowns
    turns: HostTurns[Scan | ToSettleAlone]
    in_tick: bool

    @property
    def deadline_s(self) -> float:
        return self.policies.deadline_s

    @property
    def health(self) -> RegistryHealth:
        return self.policies.health


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
    if not keys:
        return frozenset()
    found = ports.objects.get_many(KIND, keys, may_lag=trigger.may_lag)
    return scan_stored(found, trigger, deadline_s, ports, workers)


def scan_stored(
    stored: Sequence[StoredObject],
    trigger: ScanTrigger,
    deadline_s: float,
    ports: Ports,
    workers: int = WORKERS,
    *,
    in_tick: bool = False,
) -> frozenset[NamespacedName]:
    """Like ``scan_repositories``, for a caller that has just read the ImageRepositories.

    Where the trigger says so, the caller's read may be without the writes of the last moments, and the stored tags are
    known from the statuses: a scan that has something to write looks again first.

    ``in_tick`` says that the caller is a tick: a scan that its deadline cuts short has failed nothing, and goes to the
    queue, where it has all the time that its object allows.
    """
    if not stored:
        return frozenset()
    began_at = ports.clock.now()
    scans = _begun(stored, ports, may_lag=trigger.may_lag)
    by_host: dict[str, list[Scan | ToSettleAlone]] = {}
    for scan in scans:
        by_host.setdefault(scan.host, []).append(scan)
    cool_downs = CoolDowns(ports.tags, ports.clock)
    run = _Run(
        trigger=trigger,
        policies=PolicyRun(deadline_s=deadline_s, health=RegistryHealth(cool_downs, ports)),
        cool_downs=cool_downs,
        turns=HostTurns(by_host, workers),
        in_tick=in_tick,
    )
    started_s = ports.clock.monotonic_s()
    done: dict[NamespacedName, Settled] = {}
    try:
        with isolated():
            _carry_out(run, done, ports)
    except ImageAutomationError as error:
        # What is done is noted all the same, and the rest is put back: it may belong to other tenants.
        ports.log.error("scans broke off", reason=error.reason, error=error.message)
    times = {ObjectName(kind=KIND, key=key): one.times for key, one in done.items()}
    try:
        times |= _put_back([scan for scan in scans if scan.stored.key not in done], run, ports)
    finally:
        if times:
            # Others may have noted a retry or another interval while slow registries were waited for.
            ports.agenda.note(times, began_at)
    if done:
        _log_run(done.values(), started_s, ports)
    return frozenset(key for one in done.values() for key in one.evaluated)


def _carry_out(run: _Run, done: dict[NamespacedName, Settled], ports: Ports) -> None:
    """Scan all repositories; those that are not in ``done`` afterwards have to be scanned later.

    Each result is written as it arrives: one slow registry never holds up the others. What has not begun at the
    deadline is left.
    """

    def record(scan: Scan, outcome: Settled | ToSettleAlone | ImageAutomationError | None) -> None:
        if isinstance(outcome, Settled):
            done[scan.stored.key] = outcome
        elif isinstance(outcome, ImageAutomationError):
            # The table failed, or a mistake of ours: nothing is known, so nothing is recorded, and it is tried again.
            reason, message = outcome.reason, outcome.message
            ports.log.error("scan broke off", key=str(scan.stored.key), reason=reason, error=message)

    def settle(news: Sequence[ToSettle]) -> None:
        found: Sequence[Settled | ToSettleAlone | ImageAutomationError | None] = ()
        try:
            if ports.clock.monotonic_s() < run.deadline_s:
                found = settle_together(news, run.trigger, run.policies, ports)
        finally:
            # First, since nothing may keep the workers of these hosts waiting.
            for one, outcome in zip_longest(news, found):
                if isinstance(outcome, ToSettleAlone):
                    run.turns.again(one.scan.host, outcome)
                else:
                    run.turns.close(one.scan.host)
            for one, outcome in zip_longest(news, found):
                record(one.scan, outcome)

    gathering = Gathering(settle, TOGETHER)

    def act(item: Scan | ToSettleAlone) -> Callable[[], None] | None:
        if ports.clock.monotonic_s() >= run.deadline_s:
            return None
        if isinstance(item, ToSettleAlone):
            record(item.news.scan, settle_alone(item, run.trigger, run.policies, ports))
            return None
        found = _scan(item, run, ports)
        if isinstance(found, ToSettle):
            is_long = len(found.scanned.tags) > LONG_LIST
            return partial(settle, [found]) if is_long else partial(gathering.add, found)
        record(item, found)
        return None

    run.turns.carry_out(act, ports.workers)


def _log_run(scans: Collection[Settled], started_s: float, ports: Ports) -> None:
    """One line for all scans of a run; a scan that found nothing new has none of its own, since lines are paid for."""
    ports.log.info(
        "scans done",
        controller=CONTROLLER,
        scans=len(scans),
        unchanged=sum(scan.is_unchanged for scan in scans),
        failed=sum(scan.has_failed for scan in scans),
        requests=sum(scan.requests for scan in scans),
        duration_ms=round((ports.clock.monotonic_s() - started_s) * 1000),
    )


def _begun(found: Sequence[StoredObject], ports: Ports, *, may_lag: bool) -> list[Scan]:
    readable = parsed_objects(found, ImageRepository, ports.log)
    scans = [Scan(stored=stored, repository=one) for stored, one in readable if not one.suspend]
    if may_lag:
        now = ports.clock.now()
        scans = [scan if is_time_to_read(scan, now) else with_reported_state(scan) for scan in scans]
    before = ports.tags.states([scan.stored.key for scan in scans if not scan.is_from_status], may_lag=may_lag)
    return [scan if scan.is_from_status else replace(scan, before=before.get(scan.stored.key)) for scan in scans]


def _put_back(scans: Sequence[Scan], run: _Run, ports: Ports) -> Mapping[ObjectName, Times]:
    """Queue the remaining scans; those of a slow host go into separate messages, so that they delay no others.

    Returns:
        When they are due from now on.
    """
    groups: dict[str, list[NamespacedName]] = {}
    for scan in scans:
        groups.setdefault(scan.host if run.turns.is_slow(scan.host) else "", []).append(scan.stored.key)
    requests = [
        run.trigger.request(tuple(keys[start : start + SCANS_PER_MESSAGE]))
        for keys in groups.values()
        for start in range(0, len(keys), SCANS_PER_MESSAGE)
    ]
    return put_back(requests, ports)


def _scan(scan: Scan, run: _Run, ports: Ports) -> Settled | ToSettle | ImageAutomationError | None:
    """None when the scan has to be done later, an error when it broke off."""
    return attempted(partial(_scan_now, scan, run, ports))


def _scan_now(scan: Scan, run: _Run, ports: Ports) -> Settled | ToSettle | ImageAutomationError | None:
    started = ports.clock.monotonic_s()
    try:
        with isolated():
            scan = _listed(scan, run, ports)
            if scan.is_from_status and has_news(scan):
                scan = replace(scan, before=ports.tags.state(scan.stored.key), is_from_status=False)
    except ImageAutomationError as error:
        if isinstance(error, _CutShort) or _ran_out_of_turn(scan, run, started, ports):
            return None
        scan = replace(scan, error=_cool_down(error, run.cool_downs))
    cause = status.cause_of(scan.stored, run.trigger.cause)
    outcome = None if has_news(scan) else transition(scan, cause, since_ms(started, ports), ports.clock.now())
    if run.trigger.may_lag and (outcome is None or outcome.changes_status) and not _is_as_stored(scan, ports):
        # Somebody has just written it: the queue brings the scan back, which reads what is stored by then.
        return None
    if outcome is None:
        try:
            with isolated():
                scan = resumed(scan, ports)
                scanned = _store(scan, ports) if scan.changed else _as_stored(scan)
            if scanned is None:
                return None
        except ImageAutomationError as error:
            scan = replace(scan, error=error)
            outcome = transition(scan, cause, since_ms(started, ports), ports.clock.now())
        else:
            return ToSettle(scan=scan, scanned=scanned, cause=cause, started_s=started)
    (failure,) = report_each([outcome], ports)
    if isinstance(failure, Overtaken):
        return None
    return failure or settled(scan, outcome, run.trigger, ports)


def _is_as_stored(scan: Scan, ports: Ports) -> bool:
    """Whether what the scan began with is still what the table holds."""
    key = scan.stored.key
    is_same = ports.objects.get(KIND, key) == scan.stored
    return is_same and (scan.is_from_status or ports.tags.state(key) == scan.before)


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
    scan = replace(scan, image=image)
    if not names.tags and scan.known_tags:
        raise RetryableError(
            f"scan failed: the registry lists no tags where {scan.known_tags} are known; keeping those",
            reason="ReadOperationFailed",
        )
    return replace(
        scan,
        found=found,
        requests=listing.requests,
        warnings=listing.warnings,
        refused=names.refused,
    )


def _asked(scan: Scan, image: ImageName, access: RegistryAccess, run: _Run, ports: Ports) -> TagListing:
    timeout_s = _timeout_s(scan.repository)
    if run.turns.is_shared and timeout_s > SHARED_S:
        # What the other hosts cut short says nothing of this one.
        return _listing(image, access, SHARED_S, run, ports)
    with run.health.watched(scan.stored, image, access) as bounded:
        return _listing(image, bounded, timeout_s, run, ports)


def _listing(image: ImageName, access: RegistryAccess, timeout_s: float, run: _Run, ports: Ports) -> TagListing:
    end_s = ports.clock.monotonic_s() + timeout_s
    try:
        return ports.registry.list_tags(image, access, min(run.deadline_s, end_s))
    except ThrottledError:
        raise
    except RetryableError as error:
        is_over = ports.clock.monotonic_s() >= run.deadline_s - TOLERANCE_S
        if run.in_tick and is_over and run.deadline_s < end_s - TOLERANCE_S:
            raise _CutShort(error.message, reason=error.reason) from error
        raise


def _store(scan: Scan, ports: Ports) -> ScannedTags | None:
    """Replace the list this scan was compared with; None when another scan replaced it meanwhile."""
    assert scan.found is not None and scan.image is not None
    key, found, before = scan.stored.key, scan.found, scan.before
    now = ports.clock.now()
    state = TagState(
        revision=found.revision,
        tag_count=len(found.tags),
        latest_tags=found.latest_tags,
        scanned_at=now,
        canonical_image=scan.image.canonical,
        exclusion_list=scan.repository.exclusion_list,
        first_scanned_at=before.first_scanned_at if before and scan.is_same_image else now.replace(microsecond=0),
    )
    if before is not None and not scan.is_same_image:
        # What is known of the tags of another image says nothing of tags with the same names.
        ports.tags.put_creation_times(key, scan.image.canonical, {}, now)
    known = ports.tags.tags(key, before) if scan.is_same_image else ()
    sightings = Sightings(found.tags, known, now.replace(microsecond=0))
    if not ports.tags.put(key, state, sightings.records(), expected=before):
        return None
    return ScannedTags(
        tags=found.tags,
        revision=found.revision,
        difference=sightings.difference() if scan.is_same_image and is_settled(scan) else None,
        stored_at=now,
    )


def _as_stored(scan: Scan) -> ScannedTags:
    """The list that an earlier scan has stored, which this one has found, too."""
    assert scan.found is not None and scan.before is not None
    return ScannedTags(tags=scan.found.tags, revision=scan.found.revision, stored_at=scan.before.scanned_at)


def _cool_down(error: ImageAutomationError, cool_downs: CoolDowns) -> ImageAutomationError:
    """Leave a host alone that asked for it. The error says for how long, also where the host named no time."""
    if not isinstance(error, ThrottledError):
        return error
    cool_downs.begin(error.host, error.retry_after_s)
    if error.retry_after_s is not None:
        return error
    text = f"{error.message}; {error.host} is left alone for {DEFAULT_COOL_DOWN_S:.0f} s"
    return ThrottledError(text, reason=error.reason, host=error.host)
