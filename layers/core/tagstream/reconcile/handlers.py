"""Events in, reconciles out: the loops behind functions/*/app.py.

In: events as Lambda passes them, the remaining time. Out: partial batch answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tagstream.domain.objects.model import ImagePolicy, ImageRepository, ImageUpdateAutomation, NamespacedName
from tagstream.domain.scan.schedule import jitter_s, offsets_in_tick
from tagstream.errors import ImageAutomationError
from tagstream.events.delivery import Delivery
from tagstream.events.ecr import ecr_delivery, is_ecr
from tagstream.events.queue import is_queue, parse_queue
from tagstream.events.schedule import is_tick
from tagstream.events.stream import StreamChange, is_stream, parse_stream
from tagstream.ports.bundle import Ports
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.queue import QueuedRun, QueuedScan
from tagstream.ports.webhook import LastDelivery
from tagstream.reconcile import due
from tagstream.reconcile.receive.paths import refresh_receivers
from tagstream.reconcile.receive.routing import pushed_tags, repositories_of
from tagstream.reconcile.receive.scan_windows import Push, ask_for_scans
from tagstream.reconcile.scan.repositories import ScanTrigger, scan_repositories
from tagstream.reconcile.select.policies import Cause, evaluate_policies
from tagstream.reconcile.stored_objects import parsed_objects
from tagstream.reconcile.update.automations import run_automations

INLINE_SCANS = 200
SCANS_PER_MESSAGE = 50
MARGIN_S = 5.0
Failures = dict[str, list[dict[str, str]]]


class UnknownEvent(ValueError):
    """An event that no source of template.yaml sends."""


def scan(event: Mapping[str, Any], remaining_ms: int, ports: Ports) -> Failures:
    """Do what a tick, a queue batch, a stream batch or a registry event asks of the scan half.

    Args:
        event: as Lambda passes it.
        remaining_ms: what is left of the invocation; work is handed on to the queue before it runs out.

    Returns:
        ``{"batchItemFailures": […]}``; empty for events that are no batches.

    Raises:
        UnknownEvent: none of the four.
    """
    deadline_s = ports.clock.monotonic_s() + remaining_ms / 1000 - MARGIN_S
    if is_tick(event):
        _tick(deadline_s, ports)
        return {"batchItemFailures": []}
    if is_queue(event):
        return _queue(event, deadline_s, ports)
    if is_stream(event):
        return _objects_changed(parse_stream(event), deadline_s, ports)
    if is_ecr(event):
        _ecr(event, ports)
        return {"batchItemFailures": []}
    raise UnknownEvent("the event is no tick, queue batch, stream batch or registry event")


def update(event: Mapping[str, Any], remaining_ms: int, owner: str, ports: Ports) -> Failures:
    """Run the automations that a stream batch names; what they do comes from the table, not from the records.

    Args:
        event: a DynamoDB stream event.
        remaining_ms: what is left of the invocation.
        owner: names this invocation, for the leases.
    """
    deadline_s = ports.clock.monotonic_s() + remaining_ms / 1000 - MARGIN_S
    changes = parse_stream(event) if is_stream(event) else ()
    try:
        run_automations(_automations(changes, ports), owner, deadline_s, ports)
    except ImageAutomationError as error:
        # The table itself failed: nothing was written, so the whole batch is repeated from its first record.
        ports.log.error("batch failed", reason=error.reason, error=error.message)
        return {"batchItemFailures": [{"itemIdentifier": change.sequence} for change in changes[:1]]}
    return {"batchItemFailures": []}


def _automations(changes: Sequence[StreamChange], ports: Ports) -> frozenset[NamespacedName]:
    """Flux: a changed latestRef wakes every automation of the policy's namespace, whatever its selector."""
    wanted = {change.key for change in changes if change.kind == "run"}
    for namespace in {change.key.namespace for change in changes if change.kind == "selection"}:
        wanted |= {stored.key for stored in ports.objects.list("ImageUpdateAutomation", namespace)}
    return frozenset(wanted)


def _tick(deadline_s: float, ports: Ports) -> None:
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


def _queue(event: Mapping[str, Any], deadline_s: float, ports: Ports) -> Failures:
    failed: list[str] = []
    # Asking for runs is a write each: they do not wait for a registry that takes its time.
    for message in sorted(parse_queue(event), key=lambda one: isinstance(one.request, QueuedScan)):
        if message.request is None:
            # Repeating cannot help; the queue's redrive puts it where an operator sees it.
            failed.append(message.message_id)
            ports.log.error("unreadable scan request", message_id=message.message_id)
            continue
        try:
            _requested(message.request, deadline_s, ports)
        except ImageAutomationError as error:
            failed.append(message.message_id)
            ports.log.error("scan request failed", reason=error.reason, error=error.message)
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def _requested(request: QueuedScan | QueuedRun, deadline_s: float, ports: Ports) -> None:
    if isinstance(request, QueuedScan):
        scan_repositories(request.repositories, ScanTrigger.of(request), deadline_s, ports)
        return
    for key in request.automations:
        ports.selections.request_run(key, request.reason, ports.clock.now())


def _objects_changed(changes: Sequence[StreamChange], deadline_s: float, ports: Ports) -> Failures:
    """An applied object is reconciled at once, as Flux's watches do."""
    trigger = ScanTrigger(reason="object changed", cause="apply")
    named = {kind: sorted({one.key for one in changes if one.object_kind == kind}) for kind in _kinds(changes)}
    try:
        scanned = scan_repositories(named.get("ImageRepository", ()), trigger, deadline_s, ports)
        policies = [key for key in named.get("ImagePolicy", ()) if key not in scanned]
        evaluate_policies(policies, Cause(text=trigger.cause), deadline_s, ports)
        _request_runs(named, ports)
    except ImageAutomationError as error:
        ports.log.error("batch failed", reason=error.reason, error=error.message)
        return {"batchItemFailures": [{"itemIdentifier": change.sequence} for change in changes[:1]]}
    return {"batchItemFailures": []}


def _kinds(changes: Sequence[StreamChange]) -> frozenset[str]:
    return frozenset(change.object_kind for change in changes if change.kind == "object")


def _request_runs(named: Mapping[str, Sequence[NamespacedName]], ports: Ports) -> None:
    """Flux: an automation runs on its own change and on a change of the GitRepository it names."""
    now = ports.clock.now()
    sources = set(named.get("GitRepository", ()))
    wanted = set(named.get("ImageUpdateAutomation", ()))
    if sources:
        for stored, automation in parsed_objects(
            ports.objects.list("ImageUpdateAutomation"), ImageUpdateAutomation, ports.log
        ):
            if automation.source.key in sources:
                wanted.add(stored.key)
    for key in sorted(wanted):
        ports.selections.request_run(key, "object changed", now)


def _ecr(event: Mapping[str, Any], ports: Ports) -> None:
    """As a webhook's delivery: a burst of pushes must not be a burst of listings."""
    delivery, received_at = ecr_delivery(event), ports.clock.now()
    # One event is of one image.
    tags = frozenset(pushed_tags(delivery.hints))
    wanted = dict.fromkeys(sorted(repositories_of(delivery.hints, ports.deliveries)), tags)
    push = Push(reason="registry event", cause=delivery.delivery_id, received_at=received_at)
    joined = ask_for_scans(wanted, push, ports.deliveries, ports.queue)
    _record_ecr(delivery, tuple(wanted), joined, ports)


def _record_ecr(delivery: Delivery, keys: Sequence[NamespacedName], joined: frozenset[str], ports: Ports) -> None:
    """There is no Receiver: the delivery is shown with the repositories it is for, and with none when there is none."""
    at = ports.clock.now()
    facts = {"sender": delivery.sender, "action": delivery.action, "tags": list(pushed_tags(delivery.hints))}
    entries = [
        LedgerEntry(
            at=at,
            kind="ImageRepository",
            key=key,
            severity="info",
            reason="DeliveryAccepted",
            message=f"{delivery.sender} delivery asks for a scan",
            cause=delivery.delivery_id,
            facts={**facts, "repositories": [str(key)], "joined": sorted(joined)},
        )
        for key in keys
    ]
    last = LastDelivery(at=at, sender=delivery.sender, delivery_id=delivery.delivery_id, result="asked for a scan")
    ports.ledger.record(entries)
    ports.deliveries.put_last_delivery("ImageRepository", keys, last)
