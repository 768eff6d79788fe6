"""``tagstream redrive`` shows dead letters, asks for their work again, or drops them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.operations import DeadLetter
from tests.house.source_files import ROOT
from tests.unit.cli.memory_ports import NOW, MemoryPorts, command
from tests.unit.cli.verbs.test_get import add

SCAN = {"repositories": ["apps/web"], "reason": "webhook"}
RUN = {"automations": ["apps/all"], "reason": "debounce"}
FAILED = {"requestContext": {"condition": "RetriesExhausted"}, "responsePayload": {"errorMessage": "boom"}}
TICK = {**FAILED, "requestPayload": {"tagstream": "tick"}}
ECR = json.loads((ROOT / "events/ecr_push.json").read_text())
SYNC = {**FAILED, "requestPayload": {"tagstream": "sync", "kustomization": "apps/fleet", "cause": "schedule"}}
NOTICE = {"tagstream": "notice", "entries": ["a"], "alert": "ns/chat", "attempt": 5, "hops": 9}
BATCH = {**FAILED, "DDBStreamBatchInfo": {"batchSize": 3}}


def letter(receipt: str, body: Any, queue: str = "scan") -> DeadLetter:
    text = body if isinstance(body, str) else json.dumps(body)
    return DeadLetter(queue=queue, body=text, sent_at=NOW - timedelta(minutes=20), receipt=receipt)


def ports(*letters: DeadLetter) -> MemoryPorts:
    found = MemoryPorts()
    found.operations.letters = list(letters)
    add(found, "ImageUpdateAutomation", "all", {}, "apps")
    add(found, "ImageUpdateAutomation", "idle", {}, "apps", suspend=True)
    return found


def test_each_message_is_named_by_what_it_is_about() -> None:
    bodies = (SCAN, RUN, TICK, SYNC, ECR, BATCH, NOTICE, {**FAILED, "requestPayload": NOTICE}, "no json", {"a": 1})
    found = ports(*(letter(str(at), body) for at, body in enumerate(bodies)))
    rows = [line.split("\t") for line in command("redrive", ports=found).out.splitlines()[1:]]
    assert [[cell.strip() for cell in row[1:4]] for row in rows] == [
        ["20m", "scan", "apps/web (webhook)"],
        ["20m", "run", "apps/all (debounce)"],
        ["20m", "tick", "RetriesExhausted: boom"],
        ["20m", "sync", "Kustomization/apps/fleet: RetriesExhausted: boom"],
        ["20m", "registry push", "team/app:1.4.2: not delivered"],
        ["20m", "changes", "3 changes of the table: RetriesExhausted: boom"],
        ["20m", "notification", "1 event for Alert/ns/chat"],
        ["20m", "notification", "1 event for Alert/ns/chat"],
        ["20m", "unknown", "no json"],
        ["20m", "unknown", '{"a": 1}'],
    ]


def test_looking_leaves_every_message_where_it_is() -> None:
    found = ports(letter("a", SCAN), letter("b", BATCH, "update"))
    assert command("redrive", ports=found).code == 0
    assert found.operations.actions == ["give back a", "give back b"]


def test_retrying_sends_scans_and_runs_again_before_it_removes_them() -> None:
    found = ports(letter("a", SCAN), letter("b", RUN), letter("c", TICK))
    done = command("redrive", "scan", "--retry", ports=found)
    assert found.operations.actions == ["resend a", "resend b", "drop a", "drop b", "drop c"]
    assert done.err.endswith("► the next tick scans and evaluates whatever is due\n✔ 3 dead letters retried\n")
    assert found.selections.runs == []


def test_a_sync_is_left_to_the_next_tick() -> None:
    found = ports(letter("a", SYNC))
    done = command("redrive", "scan", "--retry", ports=found)
    assert found.operations.actions == ["drop a"]
    assert done.err.endswith("► the next tick scans and evaluates whatever is due\n✔ 1 dead letter retried\n")


@pytest.mark.parametrize("body", [NOTICE, {**FAILED, "requestPayload": NOTICE}])
def test_a_notification_is_sent_again_as_if_it_had_never_been_tried(
    body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ports(letter("a", body))
    sent: list[str] = []
    monkeypatch.setattr(found.operations, "resend", lambda one: sent.append(one.body))
    command("redrive", "scan", "--retry", ports=found)
    assert [json.loads(one) for one in sent] == [{**NOTICE, "attempt": 1, "hops": 0}]
    assert found.operations.letters == []


def test_retrying_lost_changes_asks_for_a_run_of_every_automation_that_is_not_suspended() -> None:
    found = ports(letter("a", BATCH, "update"))
    command("redrive", "update", "--retry", ports=found)
    assert found.selections.runs == [(NamespacedName("apps", "all"), "redriven")]
    assert found.operations.letters == []


def test_what_cannot_be_read_stays_when_the_rest_is_retried() -> None:
    found = ports(letter("a", SCAN), letter("b", {"source": "aws.ecr"}), letter("c", "no json"))
    done = command("redrive", "--retry", ports=found)
    assert found.operations.actions == ["resend a", "drop a", "give back b", "give back c"]
    assert "2 dead letters of an unknown form cannot be retried" in done.err


def test_dropping_asks_first() -> None:
    found = ports(letter("a", SCAN))
    assert command("redrive", "--drop", ports=found, stdin="n\n").code == 1
    assert found.operations.actions == ["give back a"]
    assert command("redrive", "--drop", ports=found, stdin="y\n").code == 0
    assert found.operations.letters == []


def test_an_empty_queue_is_said() -> None:
    assert command("redrive", ports=ports()).err == "✔ no dead letters\n"


def test_retry_and_drop_exclude_each_other() -> None:
    assert command("redrive", "--retry", "--drop", ports=ports()).code == 1


def test_programs_get_whole_bodies() -> None:
    [item] = json.loads(command("redrive", "-o", "json", ports=ports(letter("a", SCAN))).out)
    assert (json.loads(item["body"]), item["what"], item["queue"]) == (SCAN, "scan", "scan")
