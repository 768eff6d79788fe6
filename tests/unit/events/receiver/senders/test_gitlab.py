"""GitLab."""

from __future__ import annotations

import pytest

from tests.unit.webhook_builder import Case

AUTH = {"x-gitlab-token": "hook-token-123"}
ENVELOPE = {
    "events": [
        {"id": "e1", "action": "push", "target": {"repository": "g/p", "tag": "1"}, "request": {"host": "r.example"}}
    ]
}


@pytest.mark.parametrize("value", ["", "hook-token-12", "Bearer hook-token-123"])
def test_another_token_is_refused(value: str) -> None:
    assert Case(kind="gitlab").refusal({}, {"x-gitlab-token": value}) == (404, "signature")


def test_a_registry_notification_hints_at_its_image() -> None:
    case = Case(kind="gitlab", events=("Push Hook",))
    assert case.images(ENVELOPE, AUTH) == ["push r.example/g/p:1"]
    assert case.send(ENVELOPE, AUTH).delivery_id == "e1"


@pytest.mark.parametrize(
    ("wanted", "everything", "remark"),
    [((), True, ""), (("push hook",), True, ""), (("Tag Push Hook",), False, "event")],
)
def test_a_project_event_asks_for_all_resources_when_wanted(
    wanted: tuple[str, ...], everything: bool, remark: str
) -> None:
    headers = AUTH | {"x-gitlab-event": "Push Hook", "x-gitlab-event-uuid": "u-1"}
    delivery = Case(kind="gitlab", events=wanted).send({}, headers)
    assert delivery.all_resources == everything
    assert delivery.remark == remark
    assert delivery.delivery_id == "u-1"


@pytest.mark.parametrize(
    ("headers", "identity"),
    [
        ({"x-gitlab-webhook-uuid": "hook", "x-gitlab-event-uuid": "chain", "idempotency-key": "k-1"}, "k-1"),
        ({"x-gitlab-webhook-uuid": "hook", "x-gitlab-event-uuid": "chain"}, "chain"),
    ],
)
def test_the_id_of_the_webhook_is_no_id_of_a_delivery(headers: dict[str, str], identity: str) -> None:
    case = Case(kind="gitlab")
    assert case.send({}, AUTH | headers).delivery_id == identity
    assert case.send({}, AUTH | {"x-gitlab-webhook-uuid": "hook"}).delivery_id.startswith("sha256:")
