"""The tick: once a minute it asks the agenda what is due, and acts on nothing else.

Once an hour it looks at every object, so that whatever got lost between the agenda and the objects comes back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from tagstream.domain.objects.model import (
    FluxObject,
    ImageRepository,
    NamespacedName,
    Receiver,
)
from tagstream.domain.scan.schedule import jitter_s, offsets_in_tick
from tagstream.ports.agenda import Agenda, ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.queue import QueuedScan
from tagstream.reconcile import due
from tagstream.reconcile.receive.paths import refresh_receivers
from tagstream.reconcile.scan.repositories import ScanTrigger, scan_repositories
from tagstream.reconcile.select.policies import Cause, evaluate_policies
from tagstream.reconcile.stored_objects import parsed_objects

INLINE_SCANS = 200
SCANS_PER_MESSAGE = 50
SPREAD_S = 5.0
WORKERS = 16
SWEEP_EVERY = timedelta(hours=1)
# A run, or a scan from the queue, has this time before the tick asks for it again.
RUN_AGAIN_AFTER = timedelta(seconds=55)
SCAN_AGAIN_AFTER = timedelta(minutes=3)
Found = Sequence[tuple[StoredObject, FluxObject]]
TRIGGER = ScanTrigger(reason="interval", cause="schedule")


def tick(deadline_s: float, ports: Ports) -> None:
    """Do what is due: runs first, because they only have to be asked for; then scans, policies and Receivers.

    Args:
        deadline_s: on the monotonic clock; what is left then stays due.
    """
    now = ports.clock.now()
    agenda = ports.agenda.read()
    if agenda.swept_at is None or now - agenda.swept_at >= SWEEP_EVERY:
        agenda = _swept(agenda, now, ports)
    _request_runs(_due("ImageUpdateAutomation", agenda, now, ports), now, ports)
    _scan(_due("ImageRepository", agenda, now, ports), now, deadline_s, ports)
    policies = _due("ImagePolicy", agenda, now, ports)
    evaluate_policies([stored.key for stored, _ in policies], Cause(text=TRIGGER.cause), deadline_s, ports)
    # Last: scans and runs do not wait for secrets.
    receivers = _due("Receiver", agenda, now, ports)
    refresh_receivers([(stored, one) for stored, one in receivers if isinstance(one, Receiver)], deadline_s, ports)


def _swept(agenda: Agenda, now: datetime, ports: Ports) -> Agenda:
    """Everything there is, looked at itself."""
    times: dict[ObjectName, Times] = {}
    for kind in due.KINDS:
        stored = ports.objects.list(kind.__name__)
        if agenda.swept_at is None:
            # The table may be of a version that had other indexes.
            ports.objects.reindex(stored)
        for one, parsed in parsed_objects(stored, kind, ports.log):
            known = agenda.times.get(due.name_of(one))
            times[due.name_of(one)] = due.next_times(one, parsed, known.last if known else None)
    ports.agenda.rewrite(times)
    return Agenda(times=times, swept_at=now)


def _due(kind: str, agenda: Agenda, now: datetime, ports: Ports) -> list[tuple[StoredObject, FluxObject]]:
    """What the agenda says is due and is, seen from the objects themselves; the agenda learns of the others."""
    listed = [(times.due, name.key) for name, times in agenda.times.items() if _is_listed(name, times, kind, now)]
    found = {one.key: one for one in ports.objects.get_many(kind, [key for _, key in listed])}
    gone = [key for _, key in listed if key not in found]
    _forget(kind, gone, ports)
    wanted: list[tuple[StoredObject, FluxObject]] = []
    others: dict[ObjectName, Times] = {}
    classes = {one.__name__: one for one in due.KINDS}
    in_order = [found[key] for _, key in sorted(listed, key=lambda one: (one[0] or now, one[1])) if key in found]
    for stored, parsed in parsed_objects(in_order, classes[kind], ports.log):
        last = agenda.times[due.name_of(stored)].last
        if due.is_due(stored, parsed, last, now):
            wanted.append((stored, parsed))
        else:
            others[due.name_of(stored)] = due.next_times(stored, parsed, last)
    if others:
        ports.agenda.note(others)
    return wanted


def _is_listed(name: ObjectName, times: Times, kind: str, now: datetime) -> bool:
    return name.kind == kind and times.due is not None and times.due <= now


def _forget(kind: str, gone: Collection[NamespacedName], ports: Ports) -> None:
    """Whoever deleted these objects may have died before all that was derived from them was gone."""
    for key in gone:
        ports.objects.delete_derived(kind, key)
    if gone:
        ports.agenda.forget([ObjectName(kind=kind, key=key) for key in gone])


def _request_runs(automations: Found, now: datetime, ports: Ports) -> None:
    if not automations:
        return
    keys = [stored.key for stored, _ in automations]
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        list(pool.map(lambda key: ports.selections.request_run(key, "interval", now), keys))
    again = Times(last=None, due=now + RUN_AGAIN_AFTER)
    ports.agenda.note({due.name_of(stored): again for stored, _ in automations})


def _scan(repositories: Found, now: datetime, deadline_s: float, ports: Ports) -> None:
    """Scan here what fits into a tick, and leave the rest, and what comes round within the minute, to the queue."""
    keys = [stored.key for stored, _ in repositories]
    later: dict[float, list[NamespacedName]] = {}
    for stored, parsed in repositories:
        interval_s = parsed.interval_s if isinstance(parsed, ImageRepository) else 0.0
        for offset_s in offsets_in_tick(interval_s):
            later.setdefault(offset_s, []).append(stored.key)
    spread = keys[INLINE_SCANS:]
    ports.queue.send(_messages(spread, None))
    if spread:
        again = Times(last=None, due=now + SCAN_AGAIN_AFTER)
        ports.agenda.note({ObjectName(kind="ImageRepository", key=key): again for key in spread})
    for offset_s, names in sorted(later.items()):
        ports.queue.send(_messages(names, offset_s))
    scan_repositories(keys[:INLINE_SCANS], TRIGGER, deadline_s, ports)


def _messages(keys: Sequence[NamespacedName], delay_s: float | None) -> list[QueuedScan]:
    """Scans for later, fifty in a message; without a delay they are spread over a few seconds."""
    messages = []
    for start in range(0, len(keys), SCANS_PER_MESSAGE):
        part = tuple(sorted(keys[start : start + SCANS_PER_MESSAGE]))
        wait_s = jitter_s(str(part[0]), SPREAD_S) if delay_s is None else delay_s
        messages.append(QueuedScan(repositories=part, reason="interval", cause=TRIGGER.cause, delay_s=wait_s))
    return messages
