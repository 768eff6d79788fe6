"""The tick: once a minute, what is due is scanned, evaluated or asked for."""

from __future__ import annotations

from collections.abc import Sequence

from tagstream.domain.objects.model import ImagePolicy, ImageRepository, ImageUpdateAutomation, NamespacedName
from tagstream.domain.scan.schedule import jitter_s, offsets_in_tick
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedScan
from tagstream.reconcile import due
from tagstream.reconcile.receive.paths import refresh_receivers
from tagstream.reconcile.scan.repositories import ScanTrigger, scan_repositories
from tagstream.reconcile.select.policies import Cause, evaluate_policies
from tagstream.reconcile.stored_objects import parsed_objects

INLINE_SCANS = 200
SCANS_PER_MESSAGE = 50


def tick(deadline_s: float, ports: Ports) -> None:
    """Do what is due now, and put what is due before the next tick on the queue.

    Args:
        deadline_s: monotonic; what is left then is for the next tick.
        ports: of the scan function.
    """
    now = ports.clock.now()
    last = ports.tags.last_scans()
    trigger = ScanTrigger(reason="interval", cause="schedule")
    scans: list[NamespacedName] = []
    later: dict[float, list[NamespacedName]] = {}
    for stored, repository in parsed_objects(ports.objects.list("ImageRepository"), ImageRepository, ports.log):
        if due.repository_is_due(stored, repository, last.get(stored.key), now):
            scans.append(stored.key)
        for offset_s in () if repository.suspend else offsets_in_tick(repository.interval_s):
            later.setdefault(offset_s, []).append(stored.key)
    ports.queue.send(_spread(scans[INLINE_SCANS:], None, ports))
    for offset_s, keys in sorted(later.items()):
        ports.queue.send(_spread(keys, offset_s, ports))
    scan_repositories(scans[:INLINE_SCANS], trigger, deadline_s, ports)
    policies = [
        stored.key
        for stored, policy in parsed_objects(ports.objects.list("ImagePolicy"), ImagePolicy, ports.log)
        if due.policy_is_due(stored, policy, last.get(due.policy_key(stored.key)), now)
    ]
    evaluate_policies(policies, Cause(text=trigger.cause), deadline_s, ports)
    for stored, automation in parsed_objects(
        ports.objects.list("ImageUpdateAutomation"), ImageUpdateAutomation, ports.log
    ):
        if due.automation_is_due(stored, automation, now):
            ports.selections.request_run(stored.key, "interval", now)
    # Last: scans and runs do not wait for secrets.
    refresh_receivers(last, deadline_s, ports)


def _spread(keys: Sequence[NamespacedName], delay_s: float | None, ports: Ports) -> list[QueuedScan]:
    """Scans for later as messages: each of one shard, so that its worker writes one last-scan item."""
    messages = []
    for group in due.by_shard(keys, {key: ports.tags.shard(key) for key in keys}):
        for start in range(0, len(group), SCANS_PER_MESSAGE):
            part = group[start : start + SCANS_PER_MESSAGE]
            wait_s = jitter_s(str(part[0]), 5.0) if delay_s is None else delay_s
            messages.append(QueuedScan(repositories=part, reason="interval", cause="schedule", delay_s=wait_s))
    return messages
