"""Reads requests to the Function URL (payload format 2.0, the same as HTTP APIs') and writes the answers to them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import DeliveryAnswer, IncomingDelivery
from tagstream.events.receiver.body import BODY_LIMIT

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent

_QUERY_FIELDS = 100


def incoming_delivery(event: LambdaFunctionUrlEvent, received_at: datetime) -> IncomingDelivery:
    """The request inside a Function URL event, with the body's original bytes.

    Args:
        event: payload format 2.0.
        received_at: aware UTC.

    Raises:
        RefusedDelivery: 400 for an event, query or base64 body that cannot be read, 413 for a body over 3 MiB.

    Source: AWS Lambda developer guide, "Invoking Lambda function URLs", request payload format.
    """
    headers = event.get("headers")
    return IncomingDelivery(
        method=str(event["requestContext"]["http"].get("method", "")).upper(),
        path=str(event.get("rawPath", "")),
        headers=_headers(headers if isinstance(headers, Mapping) else {}),
        query=_query(str(event.get("rawQueryString") or "")),
        body=_body(event.get("body"), event.get("isBase64Encoded") is True),
        received_at=received_at,
    )


def function_url_answer(answer: DeliveryAnswer) -> dict[str, object]:
    """The Lambda return value for an answer; bodies are text (JSON) only."""
    return {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.body.decode()}


def _headers(headers: Mapping[Any, Any]) -> Mapping[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _query(raw: str) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=_QUERY_FIELDS)
    except ValueError as error:
        raise RefusedDelivery(400, "query") from error
    return dict(reversed(pairs))


def _body(body: object, is_base64: bool) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str):
        raise RefusedDelivery(400, "event")
    # Four characters of base64 hold three bytes: refuse before decoding.
    if len(body) > (BODY_LIMIT * 4 // 3 + 4 if is_base64 else BODY_LIMIT):
        raise RefusedDelivery(413, "size")
    try:
        return base64.b64decode(body, validate=True) if is_base64 else body.encode()
    except (binascii.Error, ValueError) as error:
        raise RefusedDelivery(400, "encoding") from error
