"""Messages of ScanQueue.

In: an SQS event. Out: one value per message; a message nobody can read is named, not raised.

Source: adapters/aws/queue.py writes them; AWS Lambda developer guide, "Using Lambda with Amazon SQS".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.queue import QueuedRun, QueuedScan


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """A message's id, for partial batch answers, and its request; None when it cannot be read."""

    message_id: str
    request: QueuedScan | QueuedRun | None


def is_queue(event: Mapping[str, Any]) -> bool:
    """True for an SQS event."""
    records = event.get("Records")
    return isinstance(records, list) and bool(records) and records[0].get("eventSource") == "aws:sqs"


def parse_queue(event: Mapping[str, Any]) -> tuple[QueueMessage, ...]:
    """All messages of a batch."""
    return tuple(
        QueueMessage(message_id=str(record.get("messageId", "")), request=parse_request(str(record.get("body", ""))))
        for record in event["Records"]
    )


def parse_request(body: str) -> QueuedScan | QueuedRun | None:
    """The inverse of ``adapters.queue.message_body``; None for anything else."""
    try:
        found = json.loads(body)
        if "automations" in found:
            return QueuedRun(automations=tuple(map(_named, found["automations"])), reason=str(found["reason"]))
        received = found.get("receivedAt")
        return QueuedScan(
            repositories=tuple(_named(one) for one in found["repositories"]),
            reason=str(found["reason"]),
            cause=str(found.get("cause", "")),
            received_at=datetime.fromisoformat(received) if received else None,
            expected_tags=tuple(str(tag) for tag in found.get("expectedTags", ())),
            attempt=int(found.get("attempt", 0)),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _named(value: str) -> NamespacedName:
    namespace, slash, name = value.partition("/")
    if not (namespace and slash and name):
        raise ValueError(f"not a namespaced name: {value!r}")
    return NamespacedName(namespace, name)
