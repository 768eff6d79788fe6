"""ECR through EventBridge: which events the template's rule lets in, and what these ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from tagstream.ports.bundle import Ports
from tagstream.reconcile.handlers import scan
from tagstream.reconcile.receive.scan_windows import WINDOW_S
from tests.contract.reconciling import Silent, document
from tests.embedded.aws import EmbeddedAws
from tests.house.template_file import of_type

VECTORS = Path(__file__).parents[3] / "vectors/data/webhooks"
# ECR events of EventBridge; the CloudEvents of an API destination are webhooks.
RECORDED = {
    entry["name"]: entry
    for entry in json.loads((VECTORS / "manifest.json").read_bytes())
    if entry["name"].startswith("ecr_") and entry["name"] != "ecr_cloudevents"
}
HOST = "123456789012.dkr.ecr.us-west-2.amazonaws.com"


def event(kind: str = "ECR Image Action", **changes: Any) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "result": "SUCCESS",
        "repository-name": "team/app",
        "image-digest": "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd12345678",
        "action-type": "PUSH",
        "image-tag": "1.4.2",
    }
    detail |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {
        "version": "0",
        "id": "13cde686-328b-6117-af20-0e5566167482",
        "detail-type": kind,
        "source": "aws.ecr",
        "account": "123456789012",
        "time": "2019-11-16T01:54:34Z",
        "region": "us-west-2",
        "resources": [],
        "detail": {name: value for name, value in detail.items() if value is not None},
    }


def let_in(aws: EmbeddedAws, one: dict[str, Any]) -> bool:
    client = boto3.client(
        "events",
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    pattern = json.dumps(of_type("AWS::Events::Rule")["EcrRule"]["EventPattern"])
    return client.test_event_pattern(EventPattern=pattern, Event=json.dumps(one))["Result"]


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_the_rule_lets_in_the_recorded_events_that_name_a_tag_and_no_others(aws: EmbeddedAws, name: str) -> None:
    entry = RECORDED[name]
    recorded = json.loads((VECTORS / entry["body"]).read_bytes())
    assert let_in(aws, recorded) is bool(entry["expected_events"])


REPLICATION = "ECR Replication Action"


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (event(), True),
        (event() | {"account": "210987654321", "region": "cn-north-1"}, True),
        (event(action_type="DELETE"), True),
        (event(REPLICATION, action_type="REPLICATE", source_account="210987654321"), True),
        (event(image_tag=""), False),
        (event(image_tag=None), False),
        (event(action_type="DELETE", image_tag=None), False),
        (event(result="FAILURE"), False),
        (event(REPLICATION, action_type="REPLICATE", result="FAILURE"), False),
        (event("ECR Pull Through Cache Action", sync_status="FAILURE", result=None, action_type=None), False),
        (event("ECR Image Scan"), False),
        (event() | {"source": "team.app"}, False),
    ],
)
def test_the_rule_lets_in_what_can_change_a_list_of_tags(aws: EmbeddedAws, one: dict[str, Any], expected: bool) -> None:
    assert let_in(aws, one) is expected


@pytest.mark.parametrize(
    "image",
    [
        f"{HOST}/team/app",
        "123456789012.dkr.ecr-fips.us-west-2.amazonaws.com/team/app",
        "123456789012.dkr-ecr.us-west-2.on.aws/team/app",
    ],
)
def test_a_burst_of_pushes_asks_for_a_scan_at_once_and_one_at_its_end(ports: Ports, silent: Silent, image: str) -> None:
    ports.objects.put(document("ImageRepository", image=image, interval="1h"))
    for number in range(5):
        scan(event(image_tag=f"v{number}") | {"id": f"event-{number}"}, 60_000, ports)
    at_once, at_the_end = silent.sent
    assert at_once.delay_s == 0.0
    assert at_once.expected_tags == ("v0",)
    assert at_once.cause == "event-0"
    assert at_the_end.delay_s > WINDOW_S and at_the_end.expected_tags == ("v1",)
    (key,) = at_the_end.repositories
    assert ports.deliveries.joined_tags(key, "event-1") == {"v2", "v3", "v4"}


def test_a_deletion_asks_for_a_scan_that_waits_for_no_tag(ports: Ports, silent: Silent) -> None:
    ports.objects.put(document("ImageRepository", image=f"{HOST}/team/app", interval="1h"))
    scan(event(action_type="DELETE"), 60_000, ports)
    assert [one.expected_tags for one in silent.sent] == [()]


@pytest.mark.parametrize("change", [{"account": "210987654321"}, {"region": "eu-west-1"}])
def test_a_repository_of_another_account_or_region_is_not_meant(
    ports: Ports, silent: Silent, change: dict[str, str]
) -> None:
    ports.objects.put(document("ImageRepository", image=f"{HOST}/team/app", interval="1h"))
    scan(event() | change, 60_000, ports)
    assert silent.sent == []


@pytest.mark.parametrize(
    ("region", "domain"),
    [("us-gov-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn"), ("us-iso-east-1", "c2s.ic.gov")],
)
def test_the_account_and_region_of_a_forwarded_event_make_the_host(
    ports: Ports, silent: Silent, region: str, domain: str
) -> None:
    image = f"210987654321.dkr.ecr.{region}.{domain}/team/app"
    ports.objects.put(document("ImageRepository", image=image, interval="1h"))
    scan(event() | {"account": "210987654321", "region": region}, 60_000, ports)
    assert len(silent.sent) == 1
