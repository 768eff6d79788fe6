"""The one door of the functions: each event is read here and handed to the stage that it concerns.

A function imports its own stage only, and with its first event: the webhook's layers hold neither Git nor YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from tagstream.errors import ImageAutomationError, RefusedDelivery
from tagstream.events.delivery import Delivery, IncomingDelivery
from tagstream.events.function_url import function_url_answer
from tagstream.events.source import Changes, Scans, SyncRequest, Tick, UnknownEvent, read_event
from tagstream.events.stream import StreamChange
from tagstream.ports.bundle import NotifyPorts, Ports, WebhookPorts

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse

MARGIN_S = 5.0


def scan(event: Mapping[str, Any], remaining_ms: int, ports: Ports) -> PartialItemFailureResponse:
    """Do what a tick, a queue batch, a stream batch or a registry event asks of the scan half.

    Args:
        event: as Lambda passes it.
        remaining_ms: what is left of the invocation; work is handed on to the queue before it runs out.
        ports: of the scan function.

    Returns:
        ``{"batchItemFailures": […]}``; empty for events that are no batches.

    Raises:
        UnknownEvent: none of the four.
    """
    from tagstream.reconcile.notify.forward import forward_entries
    from tagstream.reconcile.receive.registry_event import receive_registry_event
    from tagstream.reconcile.scan.changes import reconcile_changed
    from tagstream.reconcile.scan.messages import process_messages
    from tagstream.reconcile.scan.tick import tick

    deadline_s = _deadline_s(remaining_ms, ports)
    match read_event(event, ports.clock.now()):
        case Tick():
            tick(deadline_s, ports)
        case Scans(messages=messages):
            return process_messages(messages, deadline_s, ports)
        case Changes(changes=changes):
            failure = _failure_of(lambda: reconcile_changed(changes, deadline_s, ports))
            # The records from the first object on come again if that failed, and would be told again each time.
            settled = changes if failure is None else tuple(takewhile(lambda one: one.entry, changes))
            untold = _failure_of(lambda: forward_entries(settled, ports))
            if untold is not None:
                return _batch_failed(changes, untold, ports)
            if failure is not None:
                return _batch_failed(changes[len(settled) :], failure, ports)
        case Delivery() as delivery:
            receive_registry_event(delivery, ports)
        case IncomingDelivery() | SyncRequest():
            raise UnknownEvent("the scan function has no Function URL, and syncs nothing")
    return {"batchItemFailures": []}


def update(event: Mapping[str, Any], remaining_ms: int, owner: str, ports: Ports) -> PartialItemFailureResponse:
    """Run the automations that a stream batch names; what they do comes from the table, not from the records.

    Args:
        event: a DynamoDB stream event.
        remaining_ms: what is left of the invocation.
        owner: names this invocation, for the leases.
        ports: of the update function.

    Raises:
        UnknownEvent: no stream batch.
    """
    from tagstream.reconcile.update.automations import run_automations
    from tagstream.reconcile.update.wake import automations_to_run, only_by_interval

    found = read_event(event, ports.clock.now())
    if not isinstance(found, Changes):
        raise UnknownEvent("the update function reads the table's stream only")
    causes = sorted({change.cause for change in found.changes if change.cause})
    if causes:
        ports.log.correlate(",".join(causes))
    try:
        woken, may_lag = automations_to_run(found.changes, ports), only_by_interval(found.changes)
        deadline_s = _deadline_s(remaining_ms, ports)
        run_automations(woken.named, owner, deadline_s, ports, may_lag=may_lag, listed=woken.listed)
    except ImageAutomationError as error:
        return _batch_failed(found.changes, error, ports)
    return {"batchItemFailures": []}


def sync(event: Mapping[str, Any], remaining_ms: int, owner: str, ports: Ports) -> None:
    """Bring the Kustomization that a request names up to date.

    Args:
        event: what ``SyncRequests`` sent.
        remaining_ms: what is left of the invocation.
        owner: names this invocation, for the lease.
        ports: of the sync function.

    Raises:
        UnknownEvent: no request for a sync.
        RetryableError: the table failed, or another invocation keeps the Kustomization; Lambda repeats the request.
    """
    from tagstream.reconcile.sync.sync import sync as sync_kustomization

    found = read_event(event, ports.clock.now())
    if not isinstance(found, SyncRequest):
        raise UnknownEvent("the sync function is asked for syncs only")
    ports.log.correlate(found.cause)
    sync_kustomization(found.kustomization, found.cause, owner, _deadline_s(remaining_ms, ports), ports)


def webhook(event: Mapping[str, Any], ports: WebhookPorts) -> dict[str, object]:
    """Answer one delivery.

    Args:
        event: a Function URL event, payload format 2.0.
        ports: of the webhook function.

    Returns:
        A Function URL response: 2xx for everything authentic, 4xx for what is not, 503 when the table, a secret or the
        queue cannot be reached.
    """
    from tagstream.reconcile.receive.deliver import deliver, refuse

    try:
        incoming = read_event(event, ports.clock.now())
    except UnknownEvent:
        return function_url_answer(refuse(RefusedDelivery(400, "event"), ports))
    except RefusedDelivery as refusal:
        return function_url_answer(refuse(refusal, ports))
    if not isinstance(incoming, IncomingDelivery):
        return function_url_answer(refuse(RefusedDelivery(400, "event"), ports))
    return function_url_answer(deliver(incoming, ports))


def notify(event: Mapping[str, Any], remaining_ms: int, ports: NotifyPorts) -> None:
    """Tell what a notice asks for.

    Args:
        event: as the scan function or a person sends it.
        remaining_ms: what is left of the invocation.
        ports: of the notify function.

    Raises:
        UnknownEvent: no notice.
        ImageAutomationError: the table, a queue or the event bus failed; Lambda repeats the invocation.
    """
    from tagstream.events.notices import parse_notice
    from tagstream.reconcile.notify.tell import tell

    notice = parse_notice(event)
    if notice is None:
        raise UnknownEvent("the notify function tells notices only")
    tell(notice, _deadline_s(remaining_ms, ports), ports)


def _deadline_s(remaining_ms: int, ports: Ports | NotifyPorts) -> float:
    return ports.clock.monotonic_s() + remaining_ms / 1000 - MARGIN_S


def _failure_of(stage: Callable[[], None]) -> ImageAutomationError | None:
    try:
        stage()
    except ImageAutomationError as error:
        return error
    return None


def _batch_failed(
    changes: Sequence[StreamChange], error: ImageAutomationError, ports: Ports
) -> PartialItemFailureResponse:
    """The table or the queue failed, so the batch is repeated from the first of these changes."""
    ports.log.error("batch failed", reason=error.reason, error=error.message)
    return {"batchItemFailures": [{"itemIdentifier": change.sequence} for change in changes[:1]]}
