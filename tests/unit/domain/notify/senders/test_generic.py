"""generic and generic-hmac send Flux's JSON."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from tagstream.domain.notify.destination import Unsendable
from tagstream.domain.notify.event import event_document
from tagstream.domain.notify.senders.generic import calls
from tests.unit.domain.notify.sample_events import EVENT, body, destination


def test_an_event_is_posted_with_the_headers_of_the_secret() -> None:
    (call,) = calls(EVENT, destination("generic", headers={"X-Key": "1"}))
    assert (call.method, call.url) == ("POST", "https://chat.example.com/hook/s3cr3t")
    assert body(call) == event_document(EVENT)
    assert call.headers["gotk-component"] == "image-automation-controller"
    assert call.headers["X-Event-Id"] == EVENT.id
    assert call.headers["X-Key"] == "1"
    assert "X-Signature" not in call.headers


def test_a_signature_is_over_the_bytes_that_are_sent() -> None:
    (call,) = calls(EVENT, destination("generic-hmac", token="key"))
    digest = hmac.new(b"key", call.body, hashlib.sha256).hexdigest()
    assert call.headers["X-Signature"] == f"sha256={digest}"


def test_nothing_is_signed_without_a_token() -> None:
    with pytest.raises(Unsendable, match="generic-hmac needs a token"):
        calls(EVENT, destination("generic-hmac"))
