"""Notices and events on the embedded AWS."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import boto3
import pytest

from tagstream.adapters.aws.event_bus import DefaultEventBus
from tagstream.adapters.aws.notices import FunctionNotifier, SqsNoticeQueue, notice_body
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.events.notices import parse_notice
from tagstream.events.queue import parse_request
from tagstream.ports.notices import BusEvent, QueuedNotice
from tests.embedded.aws import EmbeddedAws

NOTICE = QueuedNotice(entries=("2026-11-27T10:00:00.000001Z#1",), alert=NamespacedName("ns", "chat"), attempt=3, hops=4)


@pytest.fixture
def queues(sqs: Any) -> tuple[str, str]:
    """The URLs of two queues."""
    names = (f"scans-{uuid.uuid4().hex}", f"dead-{uuid.uuid4().hex}")
    return tuple(sqs.create_queue(QueueName=name)["QueueUrl"] for name in names)


def bodies(sqs: Any, url: str) -> list[str]:
    return [one["Body"] for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]


def test_a_notice_for_later_is_read_back_by_the_scan_function(sqs: Any, queues: tuple[str, str]) -> None:
    queue = SqsNoticeQueue(client=sqs, url=queues[0], dead_letters_url=queues[1])
    queue.send(NOTICE)
    queue.bury(NOTICE)
    for url in queues:
        (body,) = bodies(sqs, url)
        assert parse_request(body) == NOTICE


def test_a_notice_for_the_bus_alone_is_read_back() -> None:
    notice = replace(NOTICE, alert=None, only_bus=True)
    assert parse_request(notice_body(notice)) == notice


def test_a_queue_that_is_gone_is_an_error_that_may_pass(sqs: Any, queues: tuple[str, str]) -> None:
    queue = SqsNoticeQueue(client=sqs, url=queues[0] + "x", dead_letters_url=queues[1] + "x")
    for act in (queue.send, queue.bury):
        with pytest.raises(RetryableError) as caught:
            act(NOTICE)
        assert caught.value.reason == "QueueOperationFailed"


def test_a_function_that_is_missing_is_an_error_that_may_pass(aws: EmbeddedAws, session: boto3.Session) -> None:
    client = session.client("lambda", endpoint_url=aws.endpoint)
    with pytest.raises(RetryableError, match="failed to ask for notifications: ResourceNotFoundException"):
        FunctionNotifier(client=lambda: client, function="nobody").tell([NOTICE])


def test_events_reach_who_has_a_rule_for_them(aws: EmbeddedAws, session: boto3.Session, sqs: Any) -> None:
    events = session.client("events", endpoint_url=aws.endpoint)
    name = f"told-{uuid.uuid4().hex}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["tagstream"], "detail": {"stack": [name]}}))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    bus = DefaultEventBus(client=events)
    told = [BusEvent(detail_type="ImagePolicy Changed", detail=json.dumps({"stack": name, "n": n})) for n in range(23)]
    bus.put(told)
    found: list[Any] = []
    for _ in range(20):
        found += [json.loads(body) for body in bodies(sqs, url)]
        if len(found) >= len(told):
            break
    assert sorted(one["detail"]["n"] for one in found) == list(range(23))
    assert {one["source"] for one in found} == {"tagstream"}
    assert {one["detail-type"] for one in found} == {"ImagePolicy Changed"}


def test_large_events_are_put_in_requests_of_their_own() -> None:
    sizes: list[int] = []

    class Bus:
        def put_events(self, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803
            sizes.append(len(Entries))
            return {"FailedEntryCount": 0, "Entries": []}

    large = BusEvent(detail_type="x", detail=json.dumps({"text": "x" * 90_000}))
    DefaultEventBus(client=Bus()).put([large] * 5)
    assert sizes == [2, 2, 1]


def test_an_event_that_the_bus_refuses_fails_the_whole_so_that_it_is_put_again() -> None:
    class Bus:
        def put_events(self, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803
            return {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}]}

    with pytest.raises(RetryableError, match="failed to put events: ThrottlingException"):
        DefaultEventBus(client=Bus()).put([BusEvent(detail_type="x", detail="{}")] * 2)


@pytest.mark.parametrize(
    "changed",
    [
        {"tagstream": "tick"},
        {"entries": []},
        {"entries": "x"},
        {"entries": [1]},
        {"alert": "chat"},
        {"alert": 1},
        {"attempt": 0},
        {"attempt": "x"},
        {"hops": -1},
        {"hops": "x"},
        {"onlyBus": 1},
        {"onlyBus": True},
    ],
)
def test_what_is_no_notice_is_none(changed: dict[str, object]) -> None:
    assert parse_notice({**json.loads(notice_body(NOTICE)), **changed}) is None
