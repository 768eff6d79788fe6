"""Docker Hub."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.webhook_builder import NOW, Case

HUB = Case(kind="dockerhub")


def body(name: object, tag: object = "1.0") -> dict[str, object]:
    return {"push_data": {"tag": tag, "pushed_at": 1.5e9}, "repository": {"repo_name": name}}


@pytest.mark.parametrize(
    ("name", "image"), [("team/app", "team/app"), ("library/nginx", "library/nginx"), ("nginx", "library/nginx")]
)
def test_a_push_hints_at_docker_io(name: str, image: str) -> None:
    assert HUB.images(body(name)) == [f"push docker.io/{image}:1.0"]


@pytest.mark.parametrize(
    ("given", "remark"),
    [
        (body("team/app", ""), "untagged"),
        (body("team/app", 7), "untagged"),
        (body(None), "irrelevant"),
        ([], "irrelevant"),
    ],
)
def test_a_body_without_image_or_tag_is_quiet(given: object, remark: str) -> None:
    delivery = HUB.send(given)
    assert delivery.hints == ()
    assert delivery.remark == remark


def test_the_same_tag_pushed_again_is_another_delivery() -> None:
    received = [NOW, NOW + timedelta(seconds=90)]
    assert len({HUB.send(body("a/b"), received_at=at).delivery_id for at in received}) == 2
