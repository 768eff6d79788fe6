"""ECR events of EventBridge."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent

from tagstream.events.ecr import ecr_delivery, ecr_registry

EVENTS = pathlib.Path(__file__).parents[3] / "events"
DIGEST = "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd12345678"


def event(kind: str = "ECR Image Action", region: str = "us-west-2", **detail: Any) -> EventBridgeEvent:
    base = {
        "result": "SUCCESS",
        "repository-name": "team/app",
        "image-digest": DIGEST,
        "action-type": "PUSH",
        "image-tag": "1.4.2",
    }
    given = {
        "id": "13cde686-328b-6117-af20-0e5566167482",
        "detail-type": kind,
        "source": "aws.ecr",
        "account": "123456789012",
        "region": region,
        "detail": {key: value for key, value in (base | detail).items() if value is not None},
    }
    return EventBridgeEvent(given)


@pytest.mark.parametrize(("sample", "action"), [("ecr_push", "push"), ("ecr_delete", "delete")])
def test_a_sample_event_names_its_image(sample: str, action: str) -> None:
    delivery = ecr_delivery(EventBridgeEvent(json.loads((EVENTS / f"{sample}.json").read_bytes())))
    hint = delivery.hints[0]
    assert (
        f"{hint.registry}/{hint.repository}:{hint.tag}@{hint.digest}"
        == f"123456789012.dkr.ecr.us-west-2.amazonaws.com/team/app:1.4.2@{DIGEST}"
    )
    assert hint.action == action


@pytest.mark.parametrize(
    ("given", "remark"),
    [
        (event(**{"image-tag": ""}), "untagged"),
        (event(**{"image-tag": None}), "untagged"),
        (event(result="FAILURE"), "irrelevant"),
        (event(result=None), "irrelevant"),
        (event(kind="ECR Image Scan"), "irrelevant"),
        (event(**{"action-type": "SOMETHING"}), "irrelevant"),
        (event(**{"repository-name": ["team"]}), "untagged"),
    ],
)
def test_events_without_a_pushed_tag_are_quiet(given: dict[str, Any], remark: str) -> None:
    delivery = ecr_delivery(given)
    assert delivery.hints == ()
    assert delivery.remark == remark


def test_a_replication_is_a_push_into_the_events_own_region() -> None:
    delivery = ecr_delivery(event(kind="ECR Replication Action", region="eu-west-1", **{"action-type": "REPLICATE"}))
    assert delivery.hints[0].registry == "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def test_a_pull_through_cache_update_counts_when_it_succeeded() -> None:
    detail = {"sync-status": "SUCCESS", "result": None, "action-type": None}
    assert len(ecr_delivery(event(kind="ECR Pull Through Cache Action", **detail)).hints) == 1


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("eu-central-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("us-isob-east-1", "sc2s.sgov.gov"),
        ("eusc-de-east-1", "amazonaws.eu"),
    ],
)
def test_the_partition_decides_the_registrys_domain(region: str, domain: str) -> None:
    assert ecr_registry("123456789012", region) == f"123456789012.dkr.ecr.{region}.{domain}"
