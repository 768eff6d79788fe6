"""The template's EventBridge rule lets through what the scan function understands: asked of EventBridge itself."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from tagstream.events.ecr import ecr_delivery
from tests.embedded.aws import CREDENTIALS, REGION, EmbeddedAws
from tests.house.source_files import ROOT
from tests.house.template_file import of_type

VECTORS = sorted((ROOT / "tests/vectors/data/webhooks").glob("ecr_*.json"))
EVENTS = {
    path.stem: json.loads(path.read_bytes())
    for path in (*VECTORS, *(ROOT / "events").glob("ecr_*.json"))
    if not path.name.endswith(".headers.json")
}
SENT = {name: event for name, event in EVENTS.items() if event.get("source") == "aws.ecr"}
REPLICATED = SENT["ecr_push"] | {
    "detail-type": "ECR Replication Action",
    "detail": SENT["ecr_push"]["detail"] | {"action-type": "REPLICATE", "source-region": "us-east-1"},
}
QUIET = {"ecr_push_failure": "irrelevant"}


@pytest.fixture(scope="module")
def events(aws: EmbeddedAws) -> Any:
    credentials = {name.lower(): value for name, value in CREDENTIALS.items() if name != "AWS_DEFAULT_REGION"}
    return boto3.client("events", endpoint_url=aws.endpoint, region_name=REGION, **credentials)  # type: ignore[call-overload]


def passes(events: Any, event: dict[str, Any]) -> bool:
    pattern = of_type("AWS::Events::Rule")["EcrRule"]["EventPattern"]
    # The service insists on members that some recordings lack.
    whole = {"account": "1", "region": "r", "time": "2026-01-01T00:00:00Z", "resources": [], "id": "1", **event}
    found: bool = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(whole))["Result"]
    return found


@pytest.mark.parametrize("name", sorted(SENT))
def test_the_rule_lets_through_what_names_a_tag_and_nothing_else(events: Any, name: str) -> None:
    delivery = ecr_delivery(SENT[name])
    assert passes(events, SENT[name]) == (bool(delivery.hints) or QUIET.get(name) == delivery.remark)


def test_pushes_and_deletions_replications_and_caches_are_among_them(events: Any) -> None:
    passed = {
        (one["detail-type"], one["detail"].get("action-type"))
        for one in (*SENT.values(), REPLICATED)
        if passes(events, one)
    }
    assert passed == {
        ("ECR Image Action", "PUSH"),
        ("ECR Image Action", "DELETE"),
        ("ECR Replication Action", "REPLICATE"),
        ("ECR Pull Through Cache Action", None),
    }


def test_an_event_forwarded_from_another_account_passes(events: Any) -> None:
    assert passes(events, SENT["ecr_push"] | {"account": "999999999999", "region": "ap-south-1"})
