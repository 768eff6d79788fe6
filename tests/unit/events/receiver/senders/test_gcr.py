"""Artifact Registry through Pub/Sub, with the tokens of the vectors."""

from __future__ import annotations

import base64
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import pytest

from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import Delivery, IncomingDelivery
from tagstream.events.receiver import ReceiverSecret, accept
from tests.unit.webhook_builder import DIGEST, NOW, Case

JWT = json.loads((pathlib.Path(__file__).parents[4] / "vectors/data/webhooks/gcr_pubsub.jwt.json").read_bytes())
IMAGE = "europe-docker.pkg.dev/p/r/app"
SECRET = {"token": b"t", "email": JWT["email"].encode(), "audience": JWT["audience"].encode()}


def send(body: object, secret: Mapping[str, bytes] = SECRET, **headers: str) -> Delivery:
    request = IncomingDelivery(
        method="POST",
        path="/hook/x",
        headers={"authorization": f"Bearer {JWT['good']['iss_https']}"} | headers,
        body=json.dumps(body).encode(),
        received_at=NOW,
    )
    data = ReceiverSecret(data=secret)
    return accept(Case(kind="gcr").receiver(), data, request, keys=lambda issuer, fresh: JWT["jwks"])


def wrapped(event: Any) -> dict[str, object]:
    data = base64.b64encode(json.dumps(event).encode()).decode()
    return {"message": {"data": data, "messageId": "2070443601311540"}, "subscription": "s"}


@pytest.mark.parametrize(
    ("event", "images"),
    [
        ({"action": "INSERT", "digest": f"{IMAGE}@{DIGEST}", "tag": f"{IMAGE}:1"}, [("push", "1", DIGEST)]),
        ({"action": "DELETE", "tag": f"{IMAGE}:1"}, [("delete", "1", None)]),
        ({"action": "INSERT", "digest": f"{IMAGE}@{DIGEST}"}, []),
        ({"action": "OTHER", "tag": f"{IMAGE}:1"}, []),
        ({}, []),
        ([], []),
    ],
)
def test_an_inserted_or_deleted_tag_is_hinted_at(event: object, images: list[object]) -> None:
    delivery = send(wrapped(event))
    assert delivery.delivery_id == "2070443601311540"
    assert [(hint.action, hint.tag, hint.digest) for hint in delivery.hints] == images


def test_an_unwrapped_payload_is_read_with_its_id_from_the_header() -> None:
    delivery = send({"action": "INSERT", "tag": f"{IMAGE}:1"}, **{"x-goog-pubsub-message-id": "77"})
    assert delivery.delivery_id == "77"
    assert delivery.hints[0].repository == "p/r/app"


@pytest.mark.parametrize("data", ["%%%", "", "é", base64.b64encode(b"{").decode(), None])
def test_a_message_that_cannot_be_read_is_quiet(data: object) -> None:
    delivery = send({"message": {"data": data, "messageId": "1"}})
    assert delivery.hints == ()
    assert delivery.remark == "irrelevant"


def test_filters_see_the_event_inside_the_message() -> None:
    event = {"action": "INSERT", "digest": f"{IMAGE}@{DIGEST}", "tag": f"{IMAGE}:1"}
    assert send(wrapped(event)).document == event


@pytest.mark.parametrize("missing", ["email", "audience", "token"])
def test_a_secret_that_lacks_a_member_refuses_every_token(missing: str) -> None:
    with pytest.raises(RefusedDelivery, match="secret"):
        send({}, {key: value for key, value in SECRET.items() if key != missing})
