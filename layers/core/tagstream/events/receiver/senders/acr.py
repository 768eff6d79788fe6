"""Azure Container Registry: its own webhooks, and Event Grid with both of its schemas.

A delivery is one event, a CloudEvent, or an array of either. ``validationUrl`` is never called: a body must not
choose a host.

Source: learn.microsoft.com container-registry-webhook-reference,
event-grid/end-point-validation-event-grid-events-schema; vectors webhooks/acr*.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tagstream.events.delivery import Delivery, DeliveryAnswer, PushAction, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, by_path, image_delivery, plain_delivery
from tagstream.events.receiver.document import member, text_at

_ACTIONS: Mapping[str, PushAction] = {"push": "push", "delete": "delete"}
_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
_CODE_LIMIT = 512

authenticate = by_path


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint per pushed or deleted tag, from the registry's own event inside whatever envelope."""
    events: Sequence[object] = document if isinstance(document, list) else [document]
    code = _validation_code(events)
    if code:
        body = json.dumps({"validationResponse": code}).encode()
        answer = DeliveryAnswer(headers={"Content-Type": "application/json"}, body=body)
        return replace(plain_delivery(addressed, _VALIDATION, "handshake"), answer=answer)
    inner = [_registry_event(one) for one in events]
    words = sorted({text_at(one, "action") for one in inner})
    if words == ["ping"]:
        return plain_delivery(addressed, "ping", "ping", text_at(document, "id"))
    named = [hint for one in inner for hint in _hints(one)]
    return image_delivery(addressed, ",".join(words), named, *(text_at(one, "id") for one in events))


def _registry_event(envelope: object) -> object:
    if text_at(envelope, "eventType") or text_at(envelope, "specversion"):
        return member(envelope, "data")
    return envelope


def _hints(event: object) -> list[PushHint]:
    action = _ACTIONS.get(text_at(event, "action"))
    if action is None:
        return []
    target = member(event, "target")
    return [
        PushHint(
            registry=text_at(event, "request", "host") or None,
            repository=text_at(target, "repository"),
            tag=text_at(target, "tag"),
            digest=text_at(target, "digest"),
            action=action,
        )
    ]


def _validation_code(events: Sequence[object]) -> str:
    if len(events) != 1 or text_at(events[0], "eventType") != _VALIDATION:
        return ""
    return text_at(events[0], "data", "validationCode")[:_CODE_LIMIT]
