"""``tagstream check`` says what is wrong with a stack, and what the caller may do."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tagstream.ports.freezes import StackCalendar
from tagstream.ports.operations import Alarm
from tests.unit.cli.memory_ports import NOW, MemoryPorts, command
from tests.unit.cli.verbs.test_get import READY, add
from tests.unit.cli.verbs.test_redrive import SCAN, letter


def findings(ports: MemoryPorts) -> tuple[int, dict[str, tuple[str, str]]]:
    done = command("check", "-o", "json", ports=ports)
    return done.code, {one["check"]: (one["status"], one["detail"]) for one in json.loads(done.out)}


def test_a_healthy_stack_passes_every_check() -> None:
    code, found = findings(MemoryPorts())
    assert code == 0
    assert {status for status, _ in found.values()} == {"ok"}
    assert list(found) == [
        *("version", "table", "schedule", "webhook", "alarms", "dead letters", "secrets", "logs", "objects")
    ]


def test_a_table_is_printed_for_people() -> None:
    assert command("check", ports=MemoryPorts()).out.startswith("CHECK       \tSTATUS\tDETAIL")


def test_an_alarm_that_rings_is_a_failure_with_its_meaning() -> None:
    ports = MemoryPorts()
    since = NOW - timedelta(minutes=20)
    alarm = Alarm(name="UpdateLagAlarm", state="ALARM", since=since, description="Selections wait.", tells=True)
    ports.operations.ringing = (alarm,)
    assert findings(ports)[0] == 1
    assert findings(ports)[1]["alarms"] == ("failed", "UpdateLagAlarm for 20m: Selections wait.")


def test_alarms_that_tell_nobody_are_a_warning() -> None:
    ports = MemoryPorts()
    ports.operations.ringing = (Alarm(name="A", state="OK", since=NOW, description="", tells=False),)
    assert findings(ports)[0] == 0
    assert findings(ports)[1]["alarms"][0] == "warning"


def test_dead_letters_are_a_failure_that_names_the_next_command() -> None:
    ports = MemoryPorts()
    ports.operations.letters = [letter("a", SCAN)]
    assert findings(ports)[0] == 1
    assert findings(ports)[1]["dead letters"] == ("failed", "1 in the queue scan: see tagstream redrive scan")


@pytest.mark.parametrize(("told", "words"), [("9.9.9", "functions are v9.9.9"), ("", "of an earlier version")])
def test_another_version_of_the_functions_is_a_warning(told: str, words: str) -> None:
    ports = MemoryPorts()
    ports.operations.told_version = told
    status, detail = findings(ports)[1]["version"]
    assert (status, words in detail) == ("warning", True)


def test_a_schedule_that_is_off_is_a_warning_and_one_without_ticks_a_failure() -> None:
    ports = MemoryPorts()
    ports.operations.ticking = False
    assert findings(ports)[1]["schedule"][0] == "warning"
    ports.operations.ticking = True
    ports.agenda.swept_at = NOW - timedelta(hours=3)
    assert findings(ports)[1]["schedule"] == ("failed", "no tick has read all objects for 3h")
    ports.agenda.swept_at = None
    assert findings(ports)[1]["schedule"] == ("warning", "no tick has come yet")


def test_what_aws_refuses_is_one_finding_and_the_others_are_made() -> None:
    ports = MemoryPorts()
    ports.operations.refused = {"alarms", "webhook_answers", "may_write_table", "may_write_secrets"}
    code, found = findings(ports)
    assert code == 1
    assert found["alarms"] == ("failed", "alarms is not authorized")
    assert found["webhook"] == ("failed", "webhook_answers is not authorized")
    assert found["table"] == ("warning", "0 objects; arn:aws:iam::1:user/ann may read, not write")
    assert found["secrets"] == ("warning", "0 can be listed; arn:aws:iam::1:user/ann may not change them")
    assert found["dead letters"][0] == "ok"


def test_objects_and_log_lines_that_failed_are_counted() -> None:
    ports = MemoryPorts(log_lines=[{"level": "ERROR", "message": "boom"}])
    add(ports, "ImagePolicy", "broken", {"conditions": [READY | {"status": "False"}]})
    add(ports, "ImagePolicy", "suspended", {"conditions": [READY | {"status": "False"}]}, suspend=True)
    code, found = findings(ports)
    assert code == 0
    assert found["objects"][1].startswith("1 are not ready")
    assert found["logs"][1].startswith("1 errors in the last hour")


def test_windows_of_the_stack_that_can_be_read_pass() -> None:
    ports = MemoryPorts(stack_calendar=StackCalendar(window="Mon-Fri 09:00-17:00"))
    assert findings(ports)[1]["windows"][0] == "ok"


def test_a_parameter_of_the_stack_that_cannot_be_read_is_a_failure_with_its_value() -> None:
    code, found = findings(MemoryPorts(stack_calendar=StackCalendar(freeze="2026-12-20 Mars/Olympus")))
    assert code == 1
    assert found["windows"] == (
        "failed",
        'the stack\'s parameter Freeze is invalid: unknown time zone "Mars/Olympus"',
    )
