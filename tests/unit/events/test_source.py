"""Each event of Lambda becomes the one thing that it asks for."""

from __future__ import annotations

import json
import pathlib
from datetime import UTC, datetime
from typing import Any

import pytest

from tagstream.adapters.aws.queue import message_body
from tagstream.domain.objects.model import NamespacedName
from tagstream.events.delivery import Delivery, IncomingDelivery
from tagstream.events.source import Changes, Scans, Tick, UnknownEvent, read_event
from tagstream.events.stream import StreamChange
from tagstream.ports.queue import QueuedScan

NOW = datetime(2026, 11, 24, tzinfo=UTC)
EVENTS = pathlib.Path(__file__).parents[3] / "events"
REQUEST = QueuedScan(repositories=(NamespacedName("ns", "a"),), reason="webhook", cause="delivery-1")


def record(t: str, pk: str, sk: str) -> dict[str, Any]:
    image = {name: {"S": value} for name, value in (("t", t), ("pk", pk), ("sk", sk)) if value}
    return {"eventSource": "aws:dynamodb", "dynamodb": {"NewImage": image, "SequenceNumber": "7"}}


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ("schedule_tick", Tick),
        ("sqs_scan_request", Scans),
        ("stream_object", Changes),
        ("stream_run", Changes),
        ("stream_selection", Changes),
        ("ecr_push", Delivery),
        ("ecr_delete", Delivery),
        ("webhook_harbor", IncomingDelivery),
    ],
)
def test_a_sample_event_has_one_type(sample: str, kind: type) -> None:
    assert isinstance(read_event(json.loads((EVENTS / f"{sample}.json").read_bytes()), NOW), kind)


def test_a_message_of_a_batch_keeps_what_the_queue_must_be_told_about_it() -> None:
    given = {
        "eventSource": "aws:sqs",
        "messageId": "m1",
        "body": message_body(REQUEST),
        "receiptHandle": "receipt-1",
        "attributes": {"ApproximateReceiveCount": "3"},
    }
    found = read_event({"Records": [given]}, NOW)
    assert isinstance(found, Scans)
    (message,) = found.messages
    assert message.message_id == "m1"
    assert message.request == REQUEST
    assert message.receipt == "receipt-1"
    assert message.attempt == 3


def test_a_stream_record_says_which_item_changed_and_whose_it_is() -> None:
    records = [
        record("selection", "selection#ns", "app"),
        record("run", "run#ns", "auto"),
        record("object", "object#ImageRepository", "ns/app"),
    ]
    assert read_event({"Records": records}, NOW) == Changes(
        changes=(
            StreamChange(kind="selection", object_kind="", key=NamespacedName("ns", "app"), sequence="7"),
            StreamChange(kind="run", object_kind="", key=NamespacedName("ns", "auto"), sequence="7"),
            StreamChange(kind="object", object_kind="ImageRepository", key=NamespacedName("ns", "app"), sequence="7"),
        )
    )


def test_a_stream_record_of_a_deleted_object_says_so() -> None:
    image = record("object", "object#ImageRepository", "ns/app")["dynamodb"]["NewImage"]
    removal = {"eventSource": "aws:dynamodb", "dynamodb": {"OldImage": image, "SequenceNumber": "8"}}
    key = NamespacedName("ns", "app")
    gone = StreamChange(kind="object", object_kind="ImageRepository", key=key, sequence="8", is_removed=True)
    assert read_event({"Records": [removal]}, NOW) == Changes(changes=(gone,))


def test_stream_records_of_other_items_and_removals_are_passed_over() -> None:
    removal = {"eventSource": "aws:dynamodb", "dynamodb": {"OldImage": {}}}
    assert read_event({"Records": [record("", "tags#ns/app", "state"), removal]}, NOW) == Changes(changes=())


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"tagstream": "tock"},
        {"source": "aws.ecr", "detail": None},
        {"source": "aws.s3", "detail": {}},
        {"requestContext": None},
        {"requestContext": {}},
        {"Records": []},
        {"Records": [None]},
        {"Records": [{"eventSource": "aws:kinesis"}]},
    ],
)
def test_an_event_of_no_known_source_is_named_so(event: dict[str, Any]) -> None:
    with pytest.raises(UnknownEvent):
        read_event(event, NOW)


@pytest.mark.parametrize(
    ("document", "cause"),
    [('{"cause": "delivery-1"}', "delivery-1"), ('{"cause": 1}', ""), ("not JSON", ""), ("", "")],
)
def test_a_changed_selection_names_its_cause_where_it_has_one(document: str, cause: str) -> None:
    given = record("selection", "selection#ns", "app")
    given["dynamodb"]["NewImage"]["doc"] = {"S": document}
    found = read_event({"Records": [given]}, NOW)
    assert isinstance(found, Changes)
    assert [change.cause for change in found.changes] == [cause]
