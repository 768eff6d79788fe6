"""Lambda Function URL events (payload format 2.0, the same as HTTP APIs') as hook requests.

In: the event and the time it arrived. Out: a ``IncomingDelivery`` with the body's original bytes.

Source: AWS Lambda developer guide, "Invoking Lambda function URLs", request payload format.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import DeliveryAnswer, IncomingDelivery
from tagstream.events.receiver.body import BODY_LIMIT

_QUERY_FIELDS = 100


def is_function_url(event: Mapping[str, Any]) -> bool:
    """True for a Function URL or HTTP API event."""
    context = event.get("requestContext")
    return isinstance(context, Mapping) and isinstance(context.get("http"), Mapping)


def incoming_delivery(event: Mapping[str, Any], received_at: datetime) -> IncomingDelivery:
    """The request inside a Function URL event.

    Args:
        event: payload format 2.0.
        received_at: aware UTC.

    Raises:
        RefusedDelivery: 400 for an event, query or base64 body that cannot be read, 413 for a body over 3 MiB.
    """
    if not is_function_url(event):
        raise RefusedDelivery(400, "event")
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
