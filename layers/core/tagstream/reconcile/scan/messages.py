"""Processes the messages of ScanQueue; a message that fails is returned to the queue alone, and soon."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from tagstream.errors import ImageAutomationError
from tagstream.events.queue import QueueMessage
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedRun, QueuedScan
from tagstream.reconcile.scan.repositories import ScanTrigger, scan_repositories

FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 720.0


class UnreadableMessage(Exception):
    """A message of the queue is no request; it is repeated until the queue gives up on it."""


def process_messages(messages: Sequence[QueueMessage], deadline_s: float, ports: Ports) -> PartialItemFailureResponse:
    """Do what each message of a batch asks for.

    Args:
        messages: in any order; requests for runs go first, since they are one write each and must not wait for a
            registry.
        deadline_s: monotonic; scans that are left then go back to the queue.
        ports: of the scan function.

    Returns:
        The ids of the messages that failed, as SQS wants them.
    """
    by_id = {one.message_id: one for one in messages}

    def process(record: SQSRecord) -> None:
        _process(by_id[record.message_id], deadline_s, ports)

    ordered = sorted(messages, key=lambda one: isinstance(one.request, QueuedScan))
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    with processor([dict(one.record) for one in ordered], process):
        processor.process()
    return processor.response()


def _process(message: QueueMessage, deadline_s: float, ports: Ports) -> None:
    if message.request is None:
        # A repetition cannot help. The queue soon moves the message to the dead letters, where an operator sees it.
        ports.log.error("unreadable scan request", message_id=message.message_id)
        _give_back(message, 0.0, ports)
        raise UnreadableMessage(message.message_id)
    try:
        _fulfil(message, message.request, deadline_s, ports)
    except ImageAutomationError as error:
        ports.log.error("scan request failed", reason=error.reason, error=error.message)
        _give_back(message, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (message.attempt - 1)), ports)
        raise


def _give_back(message: QueueMessage, after_s: float, ports: Ports) -> None:
    """Without this a failed message would come back after the queue's visibility timeout only, which is 12 minutes."""
    if message.receipt:
        with suppress(ImageAutomationError):
            ports.queue.give_back(message.receipt, after_s)


def _fulfil(message: QueueMessage, request: QueuedScan | QueuedRun, deadline_s: float, ports: Ports) -> None:
    if isinstance(request, QueuedScan):
        ports.log.correlate(request.cause or message.message_id)
        scan_repositories(request.repositories, ScanTrigger.of(request), deadline_s, ports)
        return
    ports.log.correlate(message.message_id)
    for key in request.automations:
        ports.selections.request_run(key, request.reason, ports.clock.now())
