"""Keel's native webhook."""

from __future__ import annotations

import pytest

from tests.unit.webhook_builder import Case

KEEL = Case(kind="generic", sender="keel")


@pytest.mark.parametrize(
    ("body", "images"),
    [
        ({"name": "gcr.io/team/app", "tag": "1"}, ["push gcr.io/team/app:1"]),
        ({"name": "team/app", "tag": "1"}, ["push docker.io/team/app:1"]),
        ({"name": "nginx", "tag": "1"}, ["push docker.io/library/nginx:1"]),
        ({"name": "gcr.io/team/app:2"}, ["push gcr.io/team/app:2"]),
        ({"name": "gcr.io/team/app"}, []),
        ({"tag": "1"}, []),
    ],
)
def test_name_and_tag_become_a_hint(body: object, images: list[str]) -> None:
    assert KEEL.images(body) == images
