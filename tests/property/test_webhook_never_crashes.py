"""Whatever arrives, a webhook is answered: a delivery or a refusal, never another error."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagstream.domain.objects.model import Metadata, NamespacedName, Receiver
from tagstream.domain.objects.receiver import SENDER, TYPES
from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import Delivery, IncomingDelivery
from tagstream.events.receiver import ReceiverSecret, accept
from tagstream.events.receiver.addressed import AddressedDelivery
from tagstream.events.receiver.senders.gcr import read as read_gcr
from tagstream.events.receiver.senders_table import MODULE_BY_SENDER
from tagstream.events.source import read_event

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SECRET = ReceiverSecret(data={"token": b"token", "email": b"a@b", "audience": b"me"})
# The members our senders read, so that random documents have something to be misunderstood about.
WORDS = st.sampled_from(
    [
        "events",
        "action",
        "push",
        "delete",
        "target",
        "repository",
        "tag",
        "digest",
        "request",
        "host",
        "url",
        "id",
        "type",
        "data",
        "specversion",
        "event_data",
        "resources",
        "resource_url",
        "PUSH_ARTIFACT",
        "repo_name",
        "push_data",
        "docker_url",
        "updated_tags",
        "package",
        "published",
        "package_type",
        "container",
        "package_version",
        "container_metadata",
        "name",
        "owner",
        "login",
        "message",
        "eventType",
        "validationCode",
        "component",
        "asset",
        "format",
        "docker",
        "version",
        "CREATED",
        "domain",
        "event_type",
        "pushed",
        "image_name",
        "repo_key",
        "jpd_origin",
        "context",
        "subject",
        "dev.cdevents.artifact.published.0.2.0",
        "detail",
        "source",
        "aws.ecr",
        "detail-type",
    ]
)
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
DOCUMENTS = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)
BODIES = st.binary(max_size=300) | DOCUMENTS.map(lambda value: json.dumps(value).encode())
VALUES = st.text(max_size=80) | st.sampled_from(
    ["token", "Bearer token", "Bearer a.b.c", "sha256=00", "gzip", "deflate", "OPTIONS", "package", "ping"]
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "authorization",
            "content-type",
            "content-encoding",
            "x-hub-signature-256",
            "x-hub-signature",
            "x-signature",
            "x-github-event",
            "x-gitlab-token",
            "x-gitlab-event",
            "x-nexus-webhook-signature",
            "x-jfrog-event-auth",
            "x-webhook-secret",
            "ce-type",
            "ce-id",
            "webhook-request-origin",
            "webhook-request-rate",
            "x-event-key",
            "x-delivery-id",
        ]
    ),
    VALUES,
    max_size=8,
)


def receiver(sender: str) -> Receiver:
    own = {} if sender in TYPES else {SENDER: sender}
    metadata = Metadata(key=NamespacedName(namespace="a", name="b"), annotations=own)
    kind = sender if sender in TYPES else "generic"
    return Receiver(metadata=metadata, type=kind, secret_ref="s", resources=(), resource_filter="true")


def outcome(sender: str, request: IncomingDelivery) -> Delivery | RefusedDelivery:
    try:
        return accept(receiver(sender), SECRET, request, keys=lambda issuer, fresh: {"keys": []})
    except RefusedDelivery as refused:
        return refused


def proofs(body: bytes) -> dict[str, str]:
    """Headers that authenticate this body with every sender but those with OIDC tokens."""
    digests = {name: hmac.new(b"token", body, name).hexdigest() for name in ("sha1", "sha256")}
    return {
        "x-hub-signature-256": f"sha256={digests['sha256']}",
        "x-signature": f"sha256={digests['sha256']}",
        "x-nexus-webhook-signature": digests["sha1"],
        "x-jfrog-event-auth": digests["sha256"],
        "x-gitlab-token": "token",
        "authorization": "token",
    }


@pytest.mark.parametrize("sender", sorted(MODULE_BY_SENDER))
@given(body=BODIES, headers=HEADERS, method=st.sampled_from(["POST", "OPTIONS", "GET"]))
@settings(max_examples=60, deadline=None)
def test_any_request_is_accepted_or_refused(sender: str, body: bytes, headers: dict[str, str], method: str) -> None:
    request = IncomingDelivery(method=method, path="/hook/x", headers=headers, body=body, received_at=NOW)
    found = outcome(sender, request)
    assert isinstance(found, Delivery) or found.status in {400, 404, 405, 413, 415}


@pytest.mark.parametrize("sender", sorted(set(MODULE_BY_SENDER) - {"gcr", "generic-oidc"}))
@given(body=BODIES, word=VALUES)
@settings(max_examples=60, deadline=None)
def test_any_authentic_body_is_accepted_with_well_formed_hints(sender: str, body: bytes, word: str) -> None:
    headers = proofs(body) | {"x-github-event": word, "x-event-key": word, "ce-id": word, "x-github-delivery": word}
    found = outcome(sender, IncomingDelivery(method="POST", path="/", headers=headers, body=body, received_at=NOW))
    assert isinstance(found, Delivery) and found.answer.status == 200
    assert all(hint.repository and hint.registry != "" for hint in found.hints) and len(found.delivery_id) <= 128


@given(document=DOCUMENTS, inner=DOCUMENTS | st.text(max_size=20))
@settings(max_examples=100, deadline=None)
def test_any_pub_sub_message_is_read(document: Any, inner: Any) -> None:
    request = IncomingDelivery(method="POST", path="/", received_at=NOW)
    addressed = AddressedDelivery(
        receiver=receiver("gcr"), secret=SECRET, incoming=request, keys=lambda issuer, fresh: {}
    )
    data = inner if isinstance(inner, str) else base64.b64encode(json.dumps(inner).encode()).decode()
    message = {"message": {"data": data, "messageId": document}}
    assert {read_gcr(addressed, one).sender for one in (document, message)} == {"gcr"}


@given(event=DOCUMENTS, body=st.text(max_size=50), query=st.text(max_size=50), encoded=st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_function_url_event_is_a_request_or_refused(event: Any, body: str, query: str, encoded: bool) -> None:
    context = {"requestContext": {"http": {"method": "POST"}}, "body": body, "rawQueryString": query}
    given_event = (event if isinstance(event, dict) else {}) | context | {"isBase64Encoded": encoded}
    try:
        incoming = read_event(given_event, NOW)
        assert isinstance(incoming, IncomingDelivery)
        found = incoming.method
    except RefusedDelivery as refused:
        found = str(refused.status)
    assert found in {"POST", "400"}


@given(event=DOCUMENTS)
@settings(max_examples=100, deadline=None)
def test_any_event_of_ecr_is_a_delivery(event: Any) -> None:
    given_event = {
        "source": "aws.ecr",
        "detail-type": "ECR Image Action",
        "detail": event if isinstance(event, dict) else {},
    }
    delivery = read_event(given_event, NOW)
    assert isinstance(delivery, Delivery) and delivery.sender == "ecr"
