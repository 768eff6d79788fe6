"""An event is the JSON that Flux's generic provider sends."""

from __future__ import annotations

from dataclasses import replace

from tagstream.domain.notify.event import event_document, is_told
from tests.unit.domain.notify.sample_events import EVENT, FAILURE


def test_the_document_of_an_event_has_the_members_of_flux() -> None:
    assert event_document(EVENT) == {
        "involvedObject": {
            "kind": "ImageUpdateAutomation",
            "namespace": "flux-system",
            "name": "apps",
            "uid": "11111111-2222-5333-8444-555555555555",
            "apiVersion": "image.toolkit.fluxcd.io/v1",
        },
        "severity": "info",
        "timestamp": "2026-11-27T10:00:00Z",
        "message": "pushed commit '0123456' to branch 'main'",
        "reason": "Succeeded",
        "metadata": {"branch": "main", "revision": "main@sha1:0123456789abcdef0123456789abcdef01234567"},
        "reportingController": "image-automation-controller",
        "reportingInstance": "tagstream",
    }
    assert "metadata" not in event_document(replace(EVENT, metadata={}))


def test_an_event_is_told_by_the_controller_that_flux_has_for_its_kind() -> None:
    assert FAILURE.controller == "image-reflector-controller"
    source = replace(EVENT, kind="GitRepository")
    assert (source.controller, source.api_version) == ("source-controller", "source.toolkit.fluxcd.io/v1")


def test_a_message_of_any_length_fits_into_an_event() -> None:
    assert len(str(event_document(replace(EVENT, message="x" * 50_000))["message"])) == 39_000


def test_every_entry_is_an_event_but_that_of_a_delivery() -> None:
    for kind in ("ImagePolicy", "Receiver", "Alert", "Provider", "Namespace", "Stack"):
        assert is_told(kind, "Succeeded")
    assert not is_told("ImageRepository", "DeliveryAccepted")
    assert not is_told("Receiver", "DeliveryAccepted")


def test_objects_that_flux_tells_no_events_of_have_their_own_versions() -> None:
    receiver, stack = replace(EVENT, kind="Receiver"), replace(EVENT, kind="Stack")
    assert (receiver.controller, receiver.api_version) == (
        "notification-controller",
        "notification.toolkit.fluxcd.io/v1",
    )
    assert stack.api_version == "tagstream.dev/v1"
