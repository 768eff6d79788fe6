"""Turns the event that Lambda hands a function into the one thing it asks for.

Each source that template.yaml connects to a function has one type here; nothing else decides which source it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.data_classes import (
    DynamoDBStreamEvent,
    EventBridgeEvent,
    LambdaFunctionUrlEvent,
    SQSEvent,
)

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.delivery import Delivery, IncomingDelivery
from tagstream.events.ecr import ecr_delivery
from tagstream.events.function_url import incoming_delivery
from tagstream.events.queue import QueueMessage, queue_message
from tagstream.events.stream import StreamChange, stream_change


class UnknownEvent(ValueError):
    """The event comes from no source of template.yaml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The schedule asks what is due; it fires once a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """A Kustomization is to be brought up to date; ``cause`` is what led here, for the ledger."""

    kustomization: NamespacedName
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scans:
    """A batch of ScanQueue: requests for scans and runs, in the order of the batch."""

    messages: tuple[QueueMessage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A batch of the table's stream: the objects, selections and run requests that changed."""

    changes: tuple[StreamChange, ...]


Event = Tick | SyncRequest | Scans | Changes | Delivery | IncomingDelivery
"""What a function may be asked for."""


def read_event(event: Mapping[str, Any], received_at: datetime) -> Event:
    """What a Lambda event asks for.

    Args:
        event: as Lambda passes it.
        received_at: aware UTC, the arrival time of a webhook's request.

    Returns:
        A ``Delivery`` for an event of ECR, which AWS has authenticated; an ``IncomingDelivery`` for a request to the
        Function URL, which nobody has authenticated yet.

    Raises:
        UnknownEvent: the event comes from no source of template.yaml.
        RefusedDelivery: a Function URL event whose query or body cannot be read.

    Source: AWS Lambda developer guide, the event formats of each service; template.yaml, the ``Tick`` schedule's Input.
    """
    given = dict(event)
    if given.get("tagstream") == "tick":
        return Tick()
    if given.get("tagstream") == "sync":
        return _sync_request(given)
    if given.get("source") == "aws.ecr" and isinstance(given.get("detail"), Mapping):
        return ecr_delivery(EventBridgeEvent(given))
    context = given.get("requestContext")
    if isinstance(context, Mapping) and isinstance(context.get("http"), Mapping):
        return incoming_delivery(LambdaFunctionUrlEvent(given), received_at)
    try:
        match _record_source(given):
            case "aws:sqs":
                return Scans(messages=tuple(queue_message(record) for record in SQSEvent(given).records))
            case "aws:dynamodb":
                found = (stream_change(record) for record in DynamoDBStreamEvent(given).records)
                return Changes(changes=tuple(change for change in found if change is not None))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownEvent("a record of the event is not as AWS writes it") from error
    raise UnknownEvent("the event is no tick, queue batch, stream batch, registry event or Function URL request")


def _sync_request(event: Mapping[str, Any]) -> SyncRequest:
    namespace, slash, name = str(event.get("kustomization", "")).partition("/")
    if not (namespace and slash and name):
        raise UnknownEvent("a request for a sync names no Kustomization")
    return SyncRequest(kustomization=NamespacedName(namespace, name), cause=str(event.get("cause", "")))


def _record_source(event: Mapping[str, Any]) -> str:
    records = event.get("Records")
    if not isinstance(records, list) or not records or not isinstance(records[0], Mapping):
        return ""
    return str(records[0].get("eventSource"))
