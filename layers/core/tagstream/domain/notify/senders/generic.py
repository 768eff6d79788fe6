"""The types generic and generic-hmac: Flux's own JSON of an event.

Source: notification-controller internal/notifier/forwarder.go.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from tagstream.domain.notify.destination import Call, Destination, json_call
from tagstream.domain.notify.event import Event, event_document

EVENT_ID = "X-Event-Id"
"""A header of tagstream's: the same for every repetition, so that a receiver can tell one."""


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST; ``X-Signature`` is ``sha256=`` and the HMAC of the body under the token, for generic-hmac."""
    headers = {"gotk-component": event.controller, EVENT_ID: event.id, **destination.headers}
    call = json_call(destination.url, event_document(event), headers)
    if destination.type == "generic-hmac":
        token = destination.needed("token").encode()
        signature = hmac.new(token, call.body, hashlib.sha256).hexdigest()
        call = replace(call, headers={**call.headers, "X-Signature": f"sha256={signature}"})
    return (call,)
