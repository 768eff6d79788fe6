"""Quay."""

from __future__ import annotations

import pytest

from tests.unit.webhook_builder import Case

QUAY = Case(kind="quay")


def test_every_updated_tag_is_hinted_at_on_the_docker_urls_host() -> None:
    body = {"docker_url": "quay.example.com:8443/team/app", "updated_tags": ["1", "2", 3, None]}
    assert QUAY.images(body) == [f"push quay.example.com:8443/team/app:{tag}" for tag in (1, 2)]


@pytest.mark.parametrize("body", [{}, {"updated_tags": ["1"]}, {"docker_url": "quay.io/a/b", "updated_tags": "1"}])
def test_a_templated_body_that_lacks_members_is_quiet(body: object) -> None:
    assert QUAY.send(body).hints == ()
    assert QUAY.send(body).remark == "irrelevant"


@pytest.mark.parametrize("body", [{"docker_url": "team/app"}, {"repository": "team/app"}])
def test_a_templated_body_without_a_host_hints_at_the_path(body: dict[str, object]) -> None:
    assert QUAY.images(body | {"updated_tags": ["1"]}) == ["push None/team/app:1"]
