"""What systems that watch are sent, by their published payloads and as Flux fills them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tagstream.domain.notify.destination import Unsendable
from tagstream.domain.notify.senders import monitoring, pagerduty, sentry
from tests.unit.domain.notify.sample_events import EVENT, FAILURE, body, destination


def test_pagerduty_gets_an_incident_for_an_error() -> None:
    (call,) = pagerduty.calls(FAILURE, destination("pagerduty", "https://events.pagerduty.com/x", channel="key"))
    found = body(call)
    assert call.url == "https://events.pagerduty.com/v2/enqueue"
    assert (found["routing_key"], found["event_action"], found["dedup_key"]) == ("key", "trigger", FAILURE.uid)
    payload = found["payload"]
    assert payload["summary"] == "read operation failed: prod/imagerepository/apps"
    assert (payload["severity"], payload["source"]) == ("error", "Flux image-reflector-controller")
    assert (payload["component"], payload["group"]) == ("apps", "ImageRepository")
    assert payload["custom_details"]["message"] == FAILURE.message


def test_what_went_well_ends_the_incident_of_its_object_and_is_a_change() -> None:
    incident, change = pagerduty.calls(EVENT, destination("pagerduty", "https://events.pagerduty.com", channel="key"))
    assert body(incident) == {"routing_key": "key", "event_action": "resolve", "dedup_key": EVENT.uid}
    assert change.url == "https://events.pagerduty.com/v2/change/enqueue"
    assert body(change)["payload"]["timestamp"] == "2026-11-27T10:00:00Z"


def test_opsgenie_gets_an_alert_with_the_key_of_its_api() -> None:
    (call,) = monitoring.calls(FAILURE, destination("opsgenie", token="key"))
    assert call.headers["Authorization"] == "GenieKey key"
    assert body(call) == {
        "message": "ImageRepository/apps",
        "description": FAILURE.message,
        "details": {"summary": "prod", "severity": "error"},
    }


def test_alertmanager_gets_labels_and_annotations() -> None:
    (call,) = monitoring.calls(FAILURE, destination("alertmanager", username="a", password="b"))
    (alert,) = body(call)
    assert alert["status"] == "firing"
    assert alert["labels"] == {
        "alertname": "FluxImageRepositoryReadoperationfailed",
        "severity": "error",
        "reason": "ReadOperationFailed",
        "kind": "ImageRepository",
        "name": "apps",
        "namespace": "flux-system",
        "reportingcontroller": "image-reflector-controller",
    }
    assert alert["annotations"] == {"message": FAILURE.message, "summary": "prod"}
    assert alert["startsAt"] == "2026-11-27T10:00:00Z"
    assert call.headers["Authorization"] == "Basic YTpi"


def test_grafana_gets_an_annotation_whose_tags_have_one_colon() -> None:
    event = replace(EVENT, metadata={"a:b": "c:d"})
    (call,) = monitoring.calls(event, destination("grafana", token="t"))
    found = body(call)
    assert call.headers["Authorization"] == "Bearer t"
    assert found["text"] == "imageupdateautomation/apps.flux-system"
    assert found["when"] == int(EVENT.at.timestamp())
    assert found["tags"] == [
        *("flux", "image-automation-controller", "a|b: c|d"),
        *("kind: ImageUpdateAutomation", "name: apps", "namespace: flux-system"),
    ]


def test_datadog_gets_an_event_with_tags_in_lower_case() -> None:
    (call,) = monitoring.calls(FAILURE, destination("datadog", "https://api.datadoghq.eu/x", token="key"))
    found = body(call)
    assert call.url == "https://api.datadoghq.eu/api/v1/events"
    assert call.headers["DD-API-KEY"] == "key"
    assert (found["alert_type"], found["source_type_name"]) == ("error", "fluxcd")
    assert found["title"] == "Events from the ImageRepository apps/flux-system"
    assert found["tags"][2:] == [
        *("kube_kind:imagerepository", "kube_name:apps", "kube_namespace:flux-system", "summary:prod"),
    ]


def test_sentry_gets_an_event_of_the_project_of_its_dsn() -> None:
    home = destination("sentry", "https://key@sentry.example.com/a/42", channel="prod")
    (call,) = sentry.calls(FAILURE, home)
    found = body(call)
    assert call.url == "https://sentry.example.com/a/api/42/store/"
    assert "sentry_version=7" in call.headers["X-Sentry-Auth"]
    assert call.headers["X-Sentry-Auth"].endswith("sentry_key=key")
    assert re.fullmatch(r"[0-9a-f]{32}", found["event_id"])
    assert found["event_id"] == body(sentry.calls(FAILURE, home)[0])["event_id"]
    assert (found["level"], found["environment"], found["platform"]) == ("error", "prod", "other")
    assert found["message"] == {"formatted": FAILURE.message}


@pytest.mark.parametrize(
    "address", ["https://sentry.example.com/42", "https://key@sentry.example.com/", "https://k@s/x"]
)
def test_sentry_needs_a_dsn(address: str) -> None:
    with pytest.raises(Unsendable, match="is a DSN"):
        sentry.calls(EVENT, destination("sentry", address))
