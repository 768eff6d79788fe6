"""Alibaba Cloud Container Registry."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.receiver import REGISTRY
from tests.unit.webhook_builder import DIGEST, Case

BODY = {
    "push_data": {"digest": DIGEST, "tag": "1"},
    "repository": {"repo_full_name": "team/app", "region": "cn-hangzhou"},
}


@pytest.mark.parametrize(
    ("annotations", "registry"),
    [({}, "registry.cn-hangzhou.aliyuncs.com"), ({REGISTRY: "x.cr.aliyuncs.com"}, "x.cr.aliyuncs.com")],
)
def test_a_push_hints_at_the_regions_registry_unless_annotated(annotations: dict[str, str], registry: str) -> None:
    case = Case(kind="generic", sender="aliyun", annotations=annotations)
    assert case.images(BODY) == [f"push {registry}/team/app:1@{DIGEST}"]


def test_a_body_without_repository_is_quiet() -> None:
    assert Case(kind="generic", sender="aliyun").send({}).remark == "irrelevant"
