"""Bitbucket Server."""

from __future__ import annotations

import pytest

from tests.unit.webhook_builder import Case, signed

BODY = {"eventKey": "repo:refs_changed"}


@pytest.mark.parametrize(
    ("wanted", "event", "everything", "remark"),
    [
        ((), "repo:refs_changed", True, ""),
        (("Repo:Refs_Changed",), "repo:refs_changed", True, ""),
        (("pr:merged",), "repo:refs_changed", False, "event"),
        ((), "diagnostics:ping", False, "ping"),
    ],
)
def test_a_signed_event_asks_for_all_resources_when_wanted(
    wanted: tuple[str, ...], event: str, everything: bool, remark: str
) -> None:
    headers = {"x-hub-signature": "sha256=" + signed(BODY), "x-event-key": event, "x-request-id": "id-1"}
    delivery = Case(kind="bitbucket", events=wanted).send(BODY, headers)
    assert delivery.all_resources == everything
    assert delivery.remark == remark
    assert delivery.delivery_id == "id-1"


def test_an_unsigned_event_is_refused() -> None:
    assert Case(kind="bitbucket").refusal(BODY, {"x-event-key": "repo:refs_changed"}) == (404, "signature")
