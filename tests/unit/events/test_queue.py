"""Scan requests survive the queue, and what is no request is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tagstream.adapters.aws.queue import message_body
from tagstream.domain.objects.model import NamespacedName
from tagstream.events.queue import is_queue, parse_queue, parse_request
from tagstream.ports.queue import QueuedRun, QueuedScan

REQUEST = QueuedScan(
    repositories=(NamespacedName("ns", "a"), NamespacedName("ns", "b")),
    reason="webhook",
    cause="delivery-1",
    received_at=datetime(2026, 11, 24, 1, 2, 3, 456, tzinfo=UTC),
    expected_tags=("v1",),
    attempt=2,
)


RUN = QueuedRun(automations=(NamespacedName("ns", "a"), NamespacedName("ns", "b")), reason="no more selections")


@pytest.mark.parametrize("request_", [REQUEST, RUN], ids=["scan", "run"])
def test_a_request_is_read_back_as_it_was_sent(request_: QueuedScan | QueuedRun) -> None:
    assert parse_request(message_body(request_)) == request_


def test_a_batch_keeps_the_id_of_each_message() -> None:
    event = {"Records": [{"eventSource": "aws:sqs", "messageId": "m1", "body": message_body(REQUEST)}]}
    assert is_queue(event) and [(one.message_id, one.request) for one in parse_queue(event)] == [("m1", REQUEST)]


@pytest.mark.parametrize(
    "body",
    [
        *("", "null", "[]", "{}", '{"repositories": ["noslash"], "reason": "x"}', '{"repositories": 1, "reason": 1}'),
        *(
            '{"automations": ["noslash"], "reason": "x"}',
            '{"automations": "ns/a", "reason": "x"}',
            '{"automations": []}',
        ),
    ],
)
def test_a_body_that_is_no_request_reads_as_none(body: str) -> None:
    assert parse_request(body) is None


@pytest.mark.parametrize("event", [{}, {"Records": []}, {"Records": [{"eventSource": "aws:dynamodb"}]}])
def test_other_events_are_no_queue_batches(event: dict[str, object]) -> None:
    assert not is_queue(event)
