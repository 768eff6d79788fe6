"""ECR through an EventBridge API destination."""

from __future__ import annotations

import pytest

from tests.unit.webhook_builder import DIGEST, Case

ECR = Case(kind="generic", sender="ecr")
AUTH = {"x-webhook-secret": "hook-token-123"}


def body(
    word: str = "com.amazon.ecr.image.push", source: str = "urn:aws:ecr:cn-north-1:123456789012:repository/a"
) -> object:
    data = {"repositoryName": "a", "imageTag": "1", "imageDigest": DIGEST}
    return {"specversion": "1.0", "id": "e1", "type": word, "source": source, "data": data}


@pytest.mark.parametrize(
    ("headers", "query"),
    [(AUTH, {}), ({}, {"secret": "hook-token-123"}), ({"authorization": "Bearer hook-token-123"}, {})],
)
def test_the_token_may_be_in_either_header_or_the_query(headers: dict[str, str], query: dict[str, str]) -> None:
    assert ECR.send(body(), headers, query=query).delivery_id == "e1"


@pytest.mark.parametrize("query", [{}, {"secret": ""}, {"secret": "x"}])
def test_another_token_is_refused(query: dict[str, str]) -> None:
    assert ECR.refusal(body(), {}, query=query) == (404, "signature")


@pytest.mark.parametrize(
    ("given", "images"),
    [
        (body(), [f"push 123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a:1@{DIGEST}"]),
        (
            body("com.amazon.ecr.image.delete"),
            [f"delete 123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a:1@{DIGEST}"],
        ),
        (body("com.amazon.ecr.scan"), []),
        (body(source="urn:aws:s3:::bucket"), []),
        ({}, []),
    ],
)
def test_account_and_region_come_from_the_source(given: object, images: list[str]) -> None:
    assert ECR.images(given, AUTH) == images
