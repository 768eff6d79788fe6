"""The tick: once a minute it asks the agenda what is due, and acts on nothing else.

Once an hour it looks at every object, so that whatever got lost between the agenda and the objects comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tagstream.domain.objects.model import (
    FluxObject,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    NamespacedName,
    Receiver,
)
from tagstream.domain.scan.schedule import jitter_s, offsets_in_tick
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.agenda import Agenda, ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.queue import QueuedScan
from tagstream.ports.runtime import Log
from tagstream.ports.selections import INTERVAL
from tagstream.reconcile import due, status
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.migrations import migrate
from tagstream.reconcile.receive.paths import refresh_receivers
from tagstream.reconcile.scan.put_back import in_queue
from tagstream.reconcile.scan.repositories import scan_stored
from tagstream.reconcile.scan.sync_requests import request_syncs
from tagstream.reconcile.scan.trigger import ScanTrigger
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tagstream.reconcile.stack_calendar import read_stack_calendar
from tagstream.reconcile.stored_objects import parsed_objects

INLINE_SCANS = 1_000
SCANS_PER_MESSAGE = 100
SPREAD_S = 5.0
WORKERS = 16
SWEEP_EVERY = timedelta(hours=1)
# Ticks had no time for what has been due for so long, or died at it: of memory, or of time that nobody can bound.
LATE_AFTER = timedelta(minutes=2)
# What is late for so long shares a message with few others, and in the end with none: one may kill its workers.
# The bounds are for thousands of scans that are late because no tick ran for a while. Other messages of a worker
# that is killed come again, most of them to another worker.
FEW_AFTER, SCANS_OF_FEW, MOST_OF_FEW = timedelta(minutes=10), 10, 200
ALONE_AFTER, MOST_ALONE = timedelta(minutes=20), 20
# Late policies are evaluated in at least so many groups; if a tick dies, its group is due again after this time.
LATE_GROUPS = 4
LATE_AGAIN_AFTER = timedelta(minutes=3)
# The longest time a sync has; when it ends it notes when the next one is due.
SYNC_AGAIN_AFTER = timedelta(minutes=5)
# By when these have to end, as parts of a tick's time. Each may wait for slow hosts and leaves the next one some time.
SCANS_END, POLICIES_END, RECEIVERS_END = 0.6, 0.85, 0.95
# What a tick spends on the rest of deleted objects; what is left then is removed by the next ticks.
CLEAN_UP_S = 20.0
CLEANED = ("Receiver", "ImagePolicy", "ImageUpdateAutomation", "ImageRepository", "Kustomization")
CLASSES = {one.__name__: one for one in due.KINDS}
TRIGGER = ScanTrigger(reason=INTERVAL, cause="schedule")
# The first look at these may be the cheaper one: what a scan has found is read again before it is written, and a run
# reads its automation itself.
MAY_LAG = ("ImageRepository", "ImageUpdateAutomation")


@dataclass(frozen=True, slots=True, kw_only=True)
class _DueObject:
    """An object that is due, as it is stored and as a value of its class, and since when it is due."""

    stored: StoredObject
    parsed: FluxObject
    since: datetime

    @property
    def key(self) -> NamespacedName:
        return self.stored.key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """What a look at the objects that the agenda lists has shown.

    Attributes:
        wanted: what is due.
        others: when the others are due.
        gone: names of objects that are not there any more.
    """

    wanted: Sequence[_DueObject]
    others: Mapping[ObjectName, Times]
    gone: Sequence[NamespacedName]

    def late(self, now: datetime, after: timedelta = LATE_AFTER) -> list[NamespacedName]:
        """Those that have been due for so long that they may be what ticks die of, the oldest first."""
        return [one.key for one in sorted(self.wanted, key=lambda one: one.since) if now - one.since >= after]


def tick(deadline_s: float, ports: Ports) -> None:
    """Do what is due: runs first, because they only have to be asked for; then scans, policies and Receivers.

    Args:
        deadline_s: on the monotonic clock. Scans that are left by then go to the queue, all else stays due.
    """
    begun_s = ports.clock.monotonic_s()
    migrate(ports)
    _check_parameters(ports)
    now = ports.clock.now()
    agenda = ports.agenda.read(folds=True)
    if agenda.swept_at is None or now - agenda.swept_at >= SWEEP_EVERY:
        agenda = _swept(agenda, now, ports)
    gone: dict[str, Sequence[NamespacedName]] = {}

    def due_now(kind: str) -> _Due:
        found = _due(kind, agenda, now, ports)
        gone[kind] = found.gone
        if found.others:
            ports.agenda.note(found.others, now)
        return found

    def end_s(share: float) -> float:
        return begun_s + share * (deadline_s - begun_s)

    automations = _due("ImageUpdateAutomation", agenda, now, ports)
    gone["ImageUpdateAutomation"] = automations.gone
    _request_runs(automations, now, ports)
    _request_syncs(due_now("Kustomization").wanted, now, ports)
    _scan(due_now("ImageRepository"), now, end_s(SCANS_END), ports)
    _evaluate(due_now("ImagePolicy"), now, end_s(POLICIES_END), ports)
    # Scans and runs do not wait for secrets.
    found = due_now("Receiver").wanted
    receivers = [(one.stored, one.parsed) for one in found if isinstance(one.parsed, Receiver)]
    refresh_receivers(receivers, end_s(RECEIVERS_END), ports)
    _clean_up(gone, min(deadline_s, ports.clock.monotonic_s() + CLEAN_UP_S), ports)


def _check_parameters(ports: Ports) -> None:
    """Tell of a window or a freeze of the stack that cannot be read: nothing is pushed until it is mended.

    Automations say so when they run next, which may be in hours. This counts as held selections, for their alarm.
    """
    try:
        read_stack_calendar(ports.stack_calendar)
    except RetryableError as error:
        ports.log.error("stack parameter invalid", reason=error.reason, error=error.message)
        ports.metrics.add("SelectionsHeld", 1, "imagepolicy")


def _swept(agenda: Agenda, now: datetime, ports: Ports) -> Agenda:
    """Everything there is, looked at itself; ``now`` is from before the agenda was read."""
    times: dict[ObjectName, Times] = {}
    ports.objects.put_index_right(ports.objects.list("GitRepository"))
    for kind in due.KINDS:
        stored = ports.objects.list(kind.__name__)
        if kind in (ImagePolicy, ImageUpdateAutomation):
            # A function of an older version, which may run again for a while, does not know the entries of these.
            ports.objects.put_index_right(stored)
        for one in stored:
            name = due.name_of(one)
            known = agenda.times.get(name)
            last = known.last if known else None
            # One that this version cannot read is there, but not due.
            times[name] = Times(last=last, due=None)
            for _, parsed in parsed_objects([one], kind, ports.log):
                times[name] = _times(one, parsed, last, ports.log)
    return ports.agenda.rewrite(times, now)


def _due(kind: str, agenda: Agenda, now: datetime, ports: Ports) -> _Due:
    """What the agenda says is due and is, seen from the objects themselves.

    A look that may lag is believed only if it says that an object is due.
    """
    listed = _listed(kind, agenda, now)
    known = sum(name.kind == kind for name in agenda.times)
    wanted: dict[NamespacedName, _DueObject] = {}
    if kind in MAY_LAG:
        seen = ports.objects.get_many(kind, listed, total=known, may_lag=True)
        wanted, _ = _sorted_out(seen, agenda, now, ports)
    exact = ports.objects.get_many(kind, [key for key in listed if key not in wanted], total=known)
    more, others = _sorted_out(exact, agenda, now, ports)
    wanted |= more
    there = {stored.key for stored in exact} | set(wanted)
    return _Due(
        wanted=[wanted[key] for key in listed if key in wanted],
        others=others,
        gone=[key for key in listed if key not in there],
    )


def _due_since(stored: StoredObject, due_at: datetime, noted_at: datetime | None) -> datetime:
    """Since when an object is due by itself; as the agenda says where it does not tell.

    The agenda alone does not tell: an object that waits in the queue was noted with a later time. One that was changed
    is due since then, and one that nobody has looked at yet since it is there.
    """
    if due_at != due.AT_ONCE:
        return due_at
    created_at = None if stored.status else status.created_at(stored)
    return min((one for one in (noted_at, stored.changed_at, created_at) if one is not None), default=due_at)


def _listed(kind: str, agenda: Agenda, now: datetime) -> list[NamespacedName]:
    """The objects of a kind that the agenda says are due, the oldest first."""
    found = [
        (times.due, name.key)
        for name, times in agenda.times.items()
        if name.kind == kind and times.due is not None and times.due <= now
    ]
    return [key for _, key in sorted(found)]


def _sorted_out(
    stored: Iterable[StoredObject], agenda: Agenda, now: datetime, ports: Ports
) -> tuple[dict[NamespacedName, _DueObject], dict[ObjectName, Times]]:
    """Those that are due, and when the others are; one that this version cannot read is neither."""
    wanted: dict[NamespacedName, _DueObject] = {}
    others: dict[ObjectName, Times] = {}
    for one in stored:
        for _, parsed in parsed_objects([one], CLASSES[one.kind], ports.log):
            noted = agenda.times[due.name_of(one)]
            times = _times(one, parsed, noted.last, ports.log)
            if times.due is not None and times.due <= now:
                since = _due_since(one, times.due, noted.due)
                wanted[one.key] = _DueObject(stored=one, parsed=parsed, since=since)
            else:
                others[due.name_of(one)] = times
    return wanted, others


def _times(stored: StoredObject, parsed: FluxObject, last: datetime | None, log: Log) -> Times:
    """When an object is due: at once if that cannot be told from it, because a reconcile writes its status anew."""
    try:
        with isolated():
            return due.next_times(stored, parsed, last)
    except ImageAutomationError as error:
        log.error("due time unknown", kind=stored.kind, key=str(stored.key), error=error.message)
        return Times(last=last, due=due.AT_ONCE)


def _clean_up(gone: Mapping[str, Sequence[NamespacedName]], deadline_s: float, ports: Ports) -> None:
    """Remove what is left of deleted objects: whoever deleted them may have died before all of it was gone.

    Thousands may be deleted at once, so this comes last and has a time of its own; what is left stays due. Receivers
    come first, because their addresses are open until then.
    """
    names = [ObjectName(kind=kind, key=key) for kind in CLEANED for key in gone.get(kind, ())]

    def remove(name: ObjectName) -> ObjectName | None:
        if ports.clock.monotonic_s() >= deadline_s:
            return None
        try:
            ports.objects.delete_derived(name.kind, name.key)
        except ImageAutomationError as error:
            ports.log.error("clean-up broke off", kind=name.kind, key=str(name.key), error=error.message)
            return None
        return name

    if names:
        done = ports.workers.carry_out(remove, names, most=WORKERS)
        ports.agenda.forget([name for name in done if name is not None])


def _request_runs(automations: _Due, now: datetime, ports: Ports) -> None:
    """Ask for runs, and note when the other automations are due.

    Those whose runs are asked for stay due until their runs have noted when they are due next. A run that has died, or
    takes longer, is so asked for again by the next tick.
    """

    def request(key: NamespacedName) -> None:
        try:
            ports.selections.request_run(key, INTERVAL, now)
        except ImageAutomationError as error:
            # It stays due. The table may have no room for this one, which must not keep the tick from its scans.
            ports.log.error("run not asked for", key=str(key), reason=error.reason, error=error.message)

    if automations.wanted:
        ports.workers.carry_out(request, [one.key for one in automations.wanted], most=WORKERS)
    if automations.others:
        ports.agenda.note(automations.others, now)


def _request_syncs(kustomizations: Sequence[_DueObject], now: datetime, ports: Ports) -> None:
    keys = [one.key for one in kustomizations]
    if not keys:
        return
    try:
        request_syncs(keys, TRIGGER.cause, ports)
    except ImageAutomationError as error:
        # They stay due. Lambda may have no room for syncs, which must not keep the tick from its scans.
        ports.log.error("syncs not asked for", reason=error.reason, error=error.message)
        return
    ports.agenda.note(due.noted("Kustomization", keys, now + SYNC_AGAIN_AFTER), now)


def _scan(repositories: _Due, now: datetime, deadline_s: float, ports: Ports) -> None:
    """Scan here what fits into a tick, and leave the rest, and what comes round within the minute, to the queue.

    Late ones are left to the queue too: a tick that dies of one of them would die of it every time.
    """
    late = repositories.late(now)
    alone = repositories.late(now, ALONE_AFTER)[:MOST_ALONE]
    few = repositories.late(now, FEW_AFTER)[len(alone) :][:MOST_OF_FEW]
    is_late = set(late)
    in_time = [one for one in repositories.wanted if one.key not in is_late]
    later: dict[float, list[NamespacedName]] = {}
    for one in in_time:
        interval_s = one.parsed.interval_s if isinstance(one.parsed, ImageRepository) else 0.0
        for offset_s in offsets_in_tick(interval_s):
            later.setdefault(offset_s, []).append(one.key)
    spread = [one.key for one in in_time[INLINE_SCANS:]]
    ports.queue.send(_messages(alone, None, 1))
    ports.queue.send(_messages(few, None, SCANS_OF_FEW))
    ports.queue.send(_messages([*late[len(alone) + len(few) :], *spread], None))
    if queued := [*late, *spread]:
        ports.agenda.note(in_queue(queued, now), now)
    for offset_s, names in sorted(later.items()):
        ports.queue.send(_messages(names, offset_s))
    scan_stored([one.stored for one in in_time[:INLINE_SCANS]], TRIGGER, deadline_s, ports, in_tick=True)


def _evaluate(policies: _Due, now: datetime, deadline_s: float, ports: Ports) -> None:
    """Evaluate what is due, late ones first and in groups.

    If this tick dies of a late one, the next ticks pass its group by, and do all else. Groups are others each time.
    """
    cause = Cause(text=TRIGGER.cause)
    late = sorted(policies.late(now), key=lambda key: jitter_s(f"{key} at {now.isoformat()}", 1.0))
    size = min(WORKERS, -(-len(late) // LATE_GROUPS))
    for start in range(0, len(late), size or 1):
        if ports.clock.monotonic_s() >= deadline_s:
            return
        group = late[start : start + size]
        ports.agenda.note(due.noted("ImagePolicy", group, now + LATE_AGAIN_AFTER), now)
        if left := evaluate_policies(group, cause, deadline_s, ports):
            ports.agenda.note(due.noted("ImagePolicy", left, now))
    is_late = set(late)
    evaluate_policies([one.key for one in policies.wanted if one.key not in is_late], cause, deadline_s, ports)


def _messages(keys: Sequence[NamespacedName], delay_s: float | None, most: int = SCANS_PER_MESSAGE) -> list[QueuedScan]:
    """Scans for later, at most so many in a message; without a delay they are spread over a few seconds."""
    messages = []
    for start in range(0, len(keys), most):
        part = tuple(sorted(keys[start : start + most]))
        wait_s = jitter_s(str(part[0]), SPREAD_S) if delay_s is None else delay_s
        messages.append(QueuedScan(repositories=part, reason="interval", cause=TRIGGER.cause, delay_s=wait_s))
    return messages
