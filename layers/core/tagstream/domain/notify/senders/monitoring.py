"""The types opsgenie, alertmanager, grafana and datadog: what happened, for systems that watch.

Source: notification-controller internal/notifier/opsgenie.go, alertmanager.go, grafana.go, datadog.go.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from tagstream.domain.notify.destination import Call, Destination, basic, bearer, json_call
from tagstream.domain.notify.event import Event, time_text

MAX_OPSGENIE = 130
"""Characters of the title of an alert; a longer one is refused."""


def calls(event: Event, destination: Destination) -> tuple[Call, ...]:
    """One POST."""
    made = {"opsgenie": _opsgenie, "alertmanager": _alertmanager, "grafana": _grafana, "datadog": _datadog}
    return (made[destination.type](event, destination),)


def _opsgenie(event: Event, destination: Destination) -> Call:
    payload = {
        "message": f"{event.kind}/{event.key.name}"[:MAX_OPSGENIE],
        "description": event.message,
        "details": {**event.metadata, "severity": event.severity},
    }
    return json_call(destination.url, payload, {"Authorization": f"GenieKey {destination.needed('token')}"})


def _alertmanager(event: Event, destination: Destination) -> Call:
    facts = dict(event.metadata)
    summary = facts.pop("summary", None)
    # Go's cases.Title: the first letter of a word stays large, all others become small.
    title = event.reason[:1].upper() + event.reason[1:].lower()
    labels = {
        **facts,
        "alertname": f"Flux{event.kind}{title}",
        "severity": event.severity,
        "reason": event.reason,
        "kind": event.kind,
        "name": event.key.name,
        "namespace": event.key.namespace,
        "reportingcontroller": event.controller,
    }
    annotations = {"message": event.message, **({} if summary is None else {"summary": summary})}
    alert = {"status": "firing", "labels": labels, "annotations": annotations, "startsAt": time_text(event.at)}
    login = basic(destination.username, destination.password) or bearer(destination.token)
    return json_call(destination.url, [alert], login)


def _grafana(event: Event, destination: Destination) -> Call:
    facts = [f"{name}: {value}".replace(":", "|").replace("| ", ": ", 1) for name, value in event.metadata.items()]
    about = [f"kind: {event.kind}", f"name: {event.key.name}", f"namespace: {event.key.namespace}"]
    payload = {
        # Flux sends seconds; Grafana's API counts milliseconds.
        "when": int(event.at.timestamp()),
        "text": event.object_name,
        "tags": ["flux", event.controller, *sorted(facts), *about],
    }
    login = bearer(destination.token) or basic(destination.username, destination.password)
    return json_call(destination.url, payload, login)


def _datadog(event: Event, destination: Destination) -> Call:
    parts = urlsplit(destination.url)
    tags = [
        f"flux_reporting_controller:{event.controller}",
        f"flux_reason:{event.reason}",
        f"kube_kind:{event.kind}",
        f"kube_name:{event.key.name}",
        f"kube_namespace:{event.key.namespace}",
        *(f"{name}:{value}" for name, value in sorted(event.metadata.items())),
    ]
    payload = {
        "title": f"Events from the {event.kind} {event.key.name}/{event.key.namespace}",
        "text": event.message[:4_000],
        "tags": [one.lower() for one in tags],
        "source_type_name": "fluxcd",
        "date_happened": int(event.at.timestamp()),
        "alert_type": "error" if event.is_error else "info",
    }
    headers = {"DD-API-KEY": destination.needed("token")}
    return json_call(f"{parts.scheme}://{parts.netloc}/api/v1/events", payload, headers)
