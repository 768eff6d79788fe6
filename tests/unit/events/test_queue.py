"""Requests are read back from the queue as they were sent, and a body that is no request is reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tagstream.adapters.aws.queue import message_body
from tagstream.domain.objects.model import NamespacedName
from tagstream.events.queue import parse_request
from tagstream.ports.queue import Queued, QueuedRun, QueuedScan, QueuedSync

REQUEST = QueuedScan(
    repositories=(NamespacedName("ns", "a"), NamespacedName("ns", "b")),
    reason="webhook",
    cause="delivery-1",
    received_at=datetime(2026, 11, 24, 1, 2, 3, 456, tzinfo=UTC),
    expected_tags=("v1",),
    attempt=2,
)


RUN = QueuedRun(automations=(NamespacedName("ns", "a"), NamespacedName("ns", "b")), reason="no more selections")


TOLD = replace(RUN, requests=("7", "12"), reason="webhook")
TOLD_NOTHING = replace(RUN, requests=())


SYNC = QueuedSync(sources=(NamespacedName("ns", "a"), NamespacedName("ns", "b")), cause="delivery-1")
SYNC_BY_NAME = QueuedSync(kustomizations=(NamespacedName("ns", "c"),), cause="schedule")


@pytest.mark.parametrize("request_", [REQUEST, RUN, TOLD, TOLD_NOTHING, SYNC, SYNC_BY_NAME])
def test_a_request_is_read_back_as_it_was_sent(request_: Queued) -> None:
    assert parse_request(message_body(request_)) == request_


@pytest.mark.parametrize(
    "body",
    [
        *(
            "",
            "null",
            "[" * 100_000,
            "[]",
            "{}",
            '{"repositories": ["noslash"], "reason": "x"}',
            '{"repositories": 1, "reason": 1}',
        ),
        *(
            '{"automations": ["noslash"], "reason": "x"}',
            '{"automations": "ns/a", "reason": "x"}',
            '{"automations": []}',
            '{"automations": ["ns/a"], "reason": "x", "requests": 7}',
        ),
    ],
)
def test_a_body_that_is_no_request_reads_as_none(body: str) -> None:
    assert parse_request(body) is None
