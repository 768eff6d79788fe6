"""Processes the messages of ScanQueue; a message that fails is returned to the queue alone, and soon.

The messages of a batch are processed at the same time, so that a registry that hangs holds up no other message. Those
that come again may be what their worker has died of. They are processed one after the other, so that a message which
kills its workers is left alone with that soon, and goes to the dead letters without the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.events.queue import QueueMessage
from tagstream.ports.bundle import Ports
from tagstream.ports.notices import QueuedNotice
from tagstream.ports.queue import WEBHOOK, Queued, QueuedScan, QueuedSync
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.kept_requests import forget_reads
from tagstream.reconcile.scan.changes import kustomizations_of
from tagstream.reconcile.scan.held_messages import HeldMessages
from tagstream.reconcile.scan.host_turns import WORKERS
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.sync_requests import request_syncs
from tagstream.reconcile.scan.trigger import ScanTrigger

FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 720.0
# As many messages as a batch has at most (template.yaml).
THREADS = 10
# A message may name repositories of several hosts, of which some hang.
LEAST_WORKERS = 8


class UnreadableMessage(Exception):
    """A message of the queue is no request; it is repeated until the queue gives up on it."""


def process_messages(messages: Sequence[QueueMessage], deadline_s: float, ports: Ports) -> PartialItemFailureResponse:
    """Do what each message of a batch asks for.

    Args:
        messages: in any order; requests for runs and notifications are begun first, since they are one call each.
        deadline_s: monotonic; scans that are left then go back to the queue.
        ports: of the scan function.

    Returns:
        The ids of the messages that failed, as SQS wants them.
    """
    ports.log.correlate(",".join(sorted({_cause(one) for one in messages})))
    ordered = sorted(messages, key=lambda one: isinstance(one.request, QueuedScan))
    lanes = _lanes(ordered)
    workers = max(LEAST_WORKERS, WORKERS // max(1, len(lanes)))
    failed: dict[str, Exception] = {}
    held = HeldMessages(messages, ports)

    def carry_out(lane: Sequence[QueueMessage]) -> None:
        for message in lane:
            try:
                with held.singled_out(message):
                    _process(message, held, deadline_s, workers, ports)
            except (ImageAutomationError, UnreadableMessage) as error:
                failed[message.message_id] = error

    with held.kept(), ThreadPoolExecutor(max_workers=THREADS) as pool:
        list(pool.map(carry_out, lanes))

    def settle(record: SQSRecord) -> None:
        if record.message_id in failed:
            raise failed[record.message_id]

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    with processor([dict(one.record) for one in ordered], settle):
        processor.process()
    return processor.response()


def _lanes(messages: Sequence[QueueMessage]) -> list[list[QueueMessage]]:
    """Messages that may be processed at the same time: those that come again are processed one after the other.

    One that has come more often comes later, so that a message that kills its workers does so after the others.

    So are those of one repository: scans of it at the same time would only find that another one has replaced the list
    meanwhile.
    """
    again = sorted((one for one in messages if one.attempt > 1), key=attrgetter("attempt"))
    lanes = [({name for one in again for name in _repositories(one)}, again)] if again else []
    for message in (one for one in messages if one.attempt == 1):
        names = set(_repositories(message))
        joined = [lane for lane in lanes if lane[0] & names]
        lanes = [lane for lane in lanes if not lane[0] & names]
        lanes.append(
            (names.union(*(lane[0] for lane in joined)), [*(one for lane in joined for one in lane[1]), message])
        )
    return [found for _, found in lanes]


def _cause(message: QueueMessage) -> str:
    """What the log calls a message: the delivery that caused it, if there is one."""
    return (message.request.cause if isinstance(message.request, QueuedScan) else "") or message.message_id


def _repositories(message: QueueMessage) -> Collection[NamespacedName]:
    return message.request.repositories if isinstance(message.request, QueuedScan) else ()


def _process(message: QueueMessage, held: HeldMessages, deadline_s: float, workers: int, ports: Ports) -> None:
    if message.request is None:
        # A repetition cannot help. The queue soon moves the message to the dead letters, where an operator sees it.
        ports.log.error("unreadable scan request", message_id=message.message_id)
        held.give_back(message, 0.0)
        raise UnreadableMessage(message.message_id)
    try:
        with isolated():
            _fulfil(message.request, deadline_s, workers, ports)
    except ImageAutomationError as error:
        ports.log.error("scan request failed", reason=error.reason, error=error.message)
        held.give_back(message, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (message.attempt - 1)))
        raise


def _fulfil(request: Queued | QueuedNotice, deadline_s: float, workers: int, ports: Ports) -> None:
    if isinstance(request, QueuedScan):
        scan_repositories(request.repositories, ScanTrigger.of(request), deadline_s, ports, workers)
        return
    if isinstance(request, QueuedNotice):
        ports.notifier.tell([request])
        return
    if isinstance(request, QueuedSync):
        # These are a few: whoever sent them has spread them over time.
        ports.syncs.request(request.kustomizations, request.cause)
        if request.sources:
            request_syncs(kustomizations_of(request.sources, ports), request.cause, ports)
        return
    if request.reason == WEBHOOK:
        forget_reads(request.automations, ports, request.requests)
    for key in request.automations:
        ports.selections.request_run(key, request.reason, ports.clock.now())
