"""Reads the messages of ScanQueue, which ``adapters/aws/queue.py`` writes.

A message that nobody can read is reported as such and never raised: the others of its batch must be processed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.notices import parse_notice
from tagstream.ports.notices import QueuedNotice
from tagstream.ports.queue import Queued, QueuedRun, QueuedScan, QueuedSync

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """A message of a batch.

    ``request`` is None when the body cannot be read. ``receipt`` is the handle with which the queue is told when to
    hand out the message again, ``attempt`` counts how often it was handed out, from 1. ``record`` is the record as SQS
    wrote it.
    """

    message_id: str
    request: Queued | QueuedNotice | None
    receipt: str = ""
    attempt: int = 1
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)


def queue_message(record: SQSRecord) -> QueueMessage:
    """One message of an SQS batch."""
    attributes = record.get("attributes") or {}
    return QueueMessage(
        message_id=record.message_id,
        request=parse_request(record.body),
        receipt=str(record.get("receiptHandle") or ""),
        attempt=int(attributes.get("ApproximateReceiveCount", 1)),
        record=record.raw_event,
    )


def parse_request(body: str) -> Queued | QueuedNotice | None:
    """The request in a message's body; None when it is none.

    Reverses ``adapters.aws.queue.message_body`` and ``adapters.aws.notices.notice_body``.
    """
    try:
        found = json.loads(body)
        if "entries" in found:
            return parse_notice(found)
        if "automations" in found:
            asked, numbers = tuple(map(_named, found["automations"])), found.get("requests")
            told = None if numbers is None else tuple(str(one) for one in numbers)
            return QueuedRun(automations=asked, reason=str(found["reason"]), requests=told)
        if "sources" in found:
            sources, others = (tuple(map(_named, found.get(name, ()))) for name in ("sources", "kustomizations"))
            return QueuedSync(sources=sources, kustomizations=others, cause=str(found["cause"]))
        received = found.get("receivedAt")
        return QueuedScan(
            repositories=tuple(_named(one) for one in found["repositories"]),
            reason=str(found["reason"]),
            cause=str(found.get("cause", "")),
            received_at=datetime.fromisoformat(received) if received else None,
            expected_tags=tuple(str(tag) for tag in found.get("expectedTags", ())),
            attempt=int(found.get("attempt", 0)),
            hops=int(found.get("hops", 0)),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _named(value: str) -> NamespacedName:
    namespace, slash, name = value.partition("/")
    if not (namespace and slash and name):
        raise ValueError(f"not a namespaced name: {value!r}")
    return NamespacedName(namespace, name)
