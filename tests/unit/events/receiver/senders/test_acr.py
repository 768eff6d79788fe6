"""Azure Container Registry, classic and through Event Grid."""

from __future__ import annotations

import json

import pytest

from tests.unit.webhook_builder import DIGEST, Case

ACR = Case(kind="acr")


def push(action: str = "push", **target: object) -> dict[str, object]:
    return {
        "id": "cb8c3971",
        "action": action,
        "target": {"repository": "hello-world", "digest": DIGEST} | target,
        "request": {"host": "r.azurecr.io"},
    }


def grid(event: object, kind: str = "Microsoft.ContainerRegistry.ImagePushed") -> dict[str, object]:
    return {"id": "831e1650", "eventType": kind, "data": event}


@pytest.mark.parametrize(
    ("body", "images"),
    [
        (push(tag="v1"), [f"push r.azurecr.io/hello-world:v1@{DIGEST}"]),
        (push("delete", tag="v1"), [f"delete r.azurecr.io/hello-world:v1@{DIGEST}"]),
        (push(), []),
        (push("delete"), []),
        (push("chart_push", tag="v1"), []),
        (push("quarantine", tag="v1"), []),
        (
            [grid(push(tag="v1")), grid(push(tag="v2"), "ImagePushed")],
            [f"push r.azurecr.io/hello-world:v{n}@{DIGEST}" for n in (1, 2)],
        ),
        ({"specversion": "1.0", "id": "1", "data": push(tag="v1")}, [f"push r.azurecr.io/hello-world:v1@{DIGEST}"]),
        ([{"specversion": "1.0", "id": "1", "data": push(tag="v1")}], [f"push r.azurecr.io/hello-world:v1@{DIGEST}"]),
        ([], []),
        ([1], []),
    ],
)
def test_tagged_pushes_and_deletions_are_hinted_at_in_every_envelope(body: object, images: list[str]) -> None:
    assert ACR.images(body) == images


@pytest.mark.parametrize(("body", "identity"), [(push(tag="v1"), "cb8c3971"), ([grid(push(tag="v1"))], "831e1650")])
def test_a_delivery_is_recognised_by_its_own_id(body: object, identity: str) -> None:
    assert ACR.send(body).delivery_id == identity


def test_the_portals_ping_is_quiet() -> None:
    assert ACR.send({"id": "1", "action": "ping"}).remark == "ping"


def test_event_grids_validation_is_answered_with_its_code() -> None:
    kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
    delivery = ACR.send([grid({"validationCode": "512d38b6", "validationUrl": "https://a.example"}, kind)])
    assert json.loads(delivery.answer.body) == {"validationResponse": "512d38b6"}
    assert delivery.answer.headers["Content-Type"] == "application/json"
    assert delivery.hints == ()
