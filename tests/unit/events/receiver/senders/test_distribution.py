"""The distribution registry's notifications: who may send them."""

from __future__ import annotations

import pytest

from tests.unit.webhook_builder import Case

REGISTRY = Case(kind="generic", sender="distribution")


@pytest.mark.parametrize("value", ["Bearer hook-token-123", "hook-token-123"])
def test_the_configured_header_is_the_token_with_or_without_bearer(value: str) -> None:
    assert REGISTRY.send({}, {"authorization": value}).sender == "distribution"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "bearer hook-token-123", "Basic hook-token-123"])
def test_another_header_is_refused(value: str) -> None:
    assert REGISTRY.refusal({}, {"authorization": value}) == (404, "signature")


@pytest.mark.parametrize(
    ("host", "tag", "remark"),
    [
        ("r.example", "1", ""),
        ("r.example", "", "untagged"),
        ("not a host", "1", "malformed"),
        ("not a host", "", "untagged"),
    ],
)
def test_a_tag_of_what_is_no_image_is_not_called_untagged(host: str, tag: str, remark: str) -> None:
    event = {"action": "push", "target": {"repository": "app", "tag": tag}, "request": {"host": host}}
    delivery = REGISTRY.send({"events": [event]}, {"authorization": "hook-token-123"})
    assert delivery.remark == remark
