"""The type pagerduty: an incident for an error, its end and a change event for anything else.

Source: notification-controller internal/notifier/pagerduty.go; PagerDuty Events API v2.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from tagstream.domain.notify.destination import Call, Destination, json_call
from tagstream.domain.notify.event import Event, time_text
from tagstream.domain.notify.words import name_and_description


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST for an error, two otherwise; the object's uid is the key of its incident."""
    parts = urlsplit(destination.url)
    base, routing_key = f"{parts.scheme}://{parts.netloc}", destination.needed("channel")
    name, description = name_and_description(event)
    about = {
        "summary": f"{description}: {name}",
        "source": f"Flux {event.controller}",
        "timestamp": time_text(event.at),
    }
    details = {"message": event.message, "metadata": dict(event.metadata)}
    incident: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": "trigger" if event.is_error else "resolve",
        "dedup_key": event.uid,
    }
    if event.is_error:
        more = {"severity": "error", "component": event.key.name, "group": event.kind, "custom_details": details}
        incident["payload"] = {**about, **more}
        return (json_call(f"{base}/v2/enqueue", incident),)
    change = {"routing_key": routing_key, "payload": {**about, "custom_details": details}}
    return json_call(f"{base}/v2/enqueue", incident), json_call(f"{base}/v2/change/enqueue", change)
