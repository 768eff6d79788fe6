"""The sample events of events/ are what the template's sources send and the functions understand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tagstream.events.receiver.senders_table import MODULE_BY_SENDER
from tagstream.events.source import Changes, Scans, read_event
from tagstream.ports.queue import QueuedScan
from tests.house.source_files import ROOT
from tests.house.template_file import of_type
from tests.unit.events.test_function_url import SAMPLES

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def _event(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "events" / f"{name}.json").read_bytes())  # type: ignore[no-any-return]


def test_the_schedule_sends_the_sample() -> None:
    assert json.loads(of_type("AWS::Scheduler::Schedule")["Tick"]["Target"]["Input"]) == _event("schedule_tick")


def test_the_queued_sample_is_a_scan_request() -> None:
    found = read_event(_event("sqs_scan_request"), NOW)
    assert isinstance(found, Scans)
    request = found.messages[0].request
    assert isinstance(request, QueuedScan)
    assert [str(key) for key in request.repositories] == ["flux-system/podinfo"]


@pytest.mark.parametrize("kind", ["object", "selection", "run"])
def test_a_stream_sample_is_a_changed_item_that_a_filter_lets_through(kind: str) -> None:
    event = _event(f"stream_{kind}")
    patterns = [
        json.loads(one["Pattern"])
        for function in of_type("AWS::Serverless::Function").values()
        for source in function.get("Events", {}).values()
        for one in source["Properties"].get("FilterCriteria", {}).get("Filters", [])
    ]
    let_through = [
        pattern
        for pattern in patterns
        if event["Records"][0]["eventName"] in pattern["eventName"]
        and kind in pattern["dynamodb"]["NewImage"]["t"]["S"]
    ]
    assert len(let_through) == 1
    found = read_event(event, NOW)
    assert isinstance(found, Changes)
    assert [(change.kind, str(change.key)) for change in found.changes] == [(kind, "flux-system/podinfo")]


def test_every_source_has_its_sample() -> None:
    names = {path.stem.partition("_")[0] for path in (ROOT / "events").glob("*.json")}
    assert names == {"schedule", "sqs", "stream", "ecr", "webhook", "widget"}


def test_every_sender_but_those_with_a_token_of_the_day_has_its_sample() -> None:
    senders = {sender or kind for kind, sender, *_ in SAMPLES.values()}
    assert set(MODULE_BY_SENDER) - senders == {"generic-oidc"}
