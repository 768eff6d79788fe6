"""Harbor."""

from __future__ import annotations

import pytest

from tagstream.events.delivery import PushHint
from tests.unit.webhook_builder import DIGEST, TOKEN, Case

HARBOR = Case(kind="harbor", secret={"token": TOKEN, "token-previous": b"old"})
AUTH = {"authorization": TOKEN.decode()}


def body(word: str, *resources: object) -> dict[str, object]:
    return {"type": word, "event_data": {"resources": resources, "repository": {"repo_full_name": "p/app"}}}


@pytest.mark.parametrize("value", ["", "Bearer hook-token-123", "hook-token-12", "hook-token-1234"])
def test_another_authorization_header_is_refused(value: str) -> None:
    assert HARBOR.refusal({}, {"authorization": value}) == (404, "signature")


def test_the_previous_token_is_still_accepted() -> None:
    assert HARBOR.send({}, {"authorization": "old"}).remark == "irrelevant"


@pytest.mark.parametrize(
    ("word", "action"), [("PUSH_ARTIFACT", "push"), ("pushImage", "push"), ("DELETE_ARTIFACT", "delete")]
)
def test_every_tagged_resource_is_hinted_at(word: str, action: str) -> None:
    resources = [
        {"tag": "1", "resource_url": "h.example/p/sub/app:1", "digest": DIGEST},
        {"tag": DIGEST, "resource_url": f"h.example/p/app@{DIGEST}"},
        {"tag": "2", "resource_url": "h.example/p/app:2"},
    ]
    assert HARBOR.images(body(word, *resources), AUTH) == [
        f"{action} h.example/p/sub/app:1@{DIGEST}",
        f"{action} h.example/p/app:2",
    ]


def test_a_resource_without_url_has_no_registry() -> None:
    assert HARBOR.images(body("PUSH_ARTIFACT", {"tag": "1"}), AUTH) == ["push None/p/app:1"]


def test_other_events_are_quiet() -> None:
    delivery = HARBOR.send(body("SCANNING_COMPLETED", {"tag": "1", "resource_url": "h.example/p/app:1"}), AUTH)
    assert delivery.hints == ()
    assert delivery.remark == "irrelevant"
    assert delivery.action == "SCANNING_COMPLETED"


def test_a_cloudevent_carries_its_id() -> None:
    event = {
        "specversion": "1.0",
        "id": "4b2f89a6",
        "type": "harbor.artifact.deleted",
        "data": {"resources": [{"tag": "1", "resource_url": "h.example/p/app:1"}]},
    }
    assert HARBOR.send(event, AUTH).delivery_id == "4b2f89a6"
    assert HARBOR.images(event, AUTH) == ["delete h.example/p/app:1"]


def by_digest(repository: str) -> dict[str, str]:
    return {"tag": DIGEST, "digest": DIGEST, "resource_url": f"h.example/{repository}@{DIGEST}"}


def test_an_image_that_is_named_by_its_digest_alone_is_scanned_without_a_tag() -> None:
    delivery = HARBOR.send(body("PUSH_ARTIFACT", by_digest("p/app"), by_digest("p/app")), AUTH)
    assert delivery.hints == ()
    assert delivery.rescans == (PushHint(registry="h.example", repository="p/app"),)
    assert delivery.remark == ""


def test_an_image_whose_tag_is_named_too_is_scanned_for_the_tag() -> None:
    tagged = {"tag": "1", "resource_url": "h.example/p/app:1"}
    assert HARBOR.send(body("PUSH_ARTIFACT", by_digest("p/app"), tagged), AUTH).rescans == ()


def test_a_deleted_digest_asks_for_nothing() -> None:
    delivery = HARBOR.send(body("DELETE_ARTIFACT", by_digest("p/app")), AUTH)
    assert delivery.rescans == ()
    assert delivery.remark == "untagged"
