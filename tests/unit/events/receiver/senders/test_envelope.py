"""The notification envelope of distribution and GitLab's registry."""

from __future__ import annotations

import pytest

from tests.unit.webhook_builder import DIGEST, Case

REGISTRY = Case(kind="generic", sender="distribution")
AUTH = {"authorization": "Bearer hook-token-123"}


def event(identity: str, action: str = "push", host: object = "r.example:5000", **target: object) -> dict[str, object]:
    return {
        "id": identity,
        "action": action,
        "target": {"repository": "apps/podinfo"} | target,
        "request": {"host": host},
    }


@pytest.mark.parametrize(
    "media",
    ["application/vnd.docker.distribution.events.v1+json", "application/vnd.docker.distribution.events.v2+json", ""],
)
def test_only_tagged_pushes_and_deletions_of_an_envelope_are_hinted_at(media: str) -> None:
    events = [
        event("1", digest=DIGEST),
        event("2", digest=DIGEST, tag="6.5.0"),
        event("3", "delete", digest=DIGEST),
        event("4", "delete", tag="6.4.0"),
        event("5", "pull", tag="6.5.0"),
        event("6", "mount", tag="6.5.0"),
        "not an event",
    ]
    assert REGISTRY.images({"events": events}, AUTH | {"content-type": media}) == [
        f"push r.example:5000/apps/podinfo:6.5.0@{DIGEST}",
        "delete r.example:5000/apps/podinfo:6.4.0",
    ]


def test_a_single_event_is_recognised_by_its_id() -> None:
    assert REGISTRY.send({"events": [event("e-1")]}, AUTH).delivery_id == "e-1"


@pytest.mark.parametrize(
    ("url", "image"),
    [
        ("http://r.example/v2/x", "push r.example/apps/podinfo:1"),
        ("", "push None/apps/podinfo:1"),
        (None, "push None/apps/podinfo:1"),
    ],
)
def test_the_host_comes_from_the_targets_url_when_the_request_names_none(url: object, image: str) -> None:
    assert REGISTRY.images({"events": [event("1", host=None, tag="1", url=url)]}, AUTH) == [image]


@pytest.mark.parametrize("body", [{}, {"events": {}}, {"events": [1]}, []])
def test_an_envelope_without_events_is_quiet(body: object) -> None:
    assert REGISTRY.send(body, AUTH).hints == ()
    assert REGISTRY.send(body, AUTH).remark == "irrelevant"
