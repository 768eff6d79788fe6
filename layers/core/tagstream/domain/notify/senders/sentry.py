"""The type sentry: an event of the project that a DSN names.

Flux sends what is no error as a trace; here it is an event of level info, which needs no tracing in the project.

Source: notification-controller internal/notifier/sentry.go; Sentry's developer documentation, "Event Payloads" and
"Authentication".
"""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from tagstream.domain.notify.destination import Call, Destination, Unsendable, json_call
from tagstream.domain.notify.event import Event, time_text


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST to the project's store."""
    parts = urlsplit(destination.url)
    path, _, project = parts.path.rstrip("/").rpartition("/")
    if not (parts.username and project.isdecimal()):
        raise Unsendable("sentry needs an address that is a DSN: https://<key>@<host>/<project>")
    host = parts.netloc.rpartition("@")[2]
    payload = {
        # 32 hex digits; Sentry takes an id once.
        "event_id": hashlib.sha256(f"{destination.uid} {event.id}".encode()).hexdigest()[:32],
        "timestamp": time_text(event.at),
        "platform": "other",
        "level": event.severity,
        "server_name": event.controller,
        "environment": destination.channel or "production",
        "transaction": f"{event.kind}: {event.key.namespace}/{event.key.name}",
        "message": {"formatted": event.message[:8_192]},
        "tags": {"reason": event.reason},
        "extra": dict(event.metadata),
    }
    login = f"Sentry sentry_version=7, sentry_client=tagstream/1.0, sentry_key={parts.username}"
    return (json_call(f"{parts.scheme}://{host}{path}/api/{project}/store/", payload, {"X-Sentry-Auth": login}),)
