"""Metrics of an invocation are few lines, whatever the number of measurements."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from tagstream.adapters.aws.telemetry import EmbeddedMetrics, PowertoolsLog


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_measurements_are_one_line_per_controller(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EmbeddedMetrics(namespace="ImageAutomation", service="stack")
    for tags in (1, 2, 3):
        metrics.add("HookFailed", tags, "imagerepository")
    metrics.add("SelectionsHeld", 1, "imageupdateautomation")
    metrics.flush()
    found = [
        (line["service"], line["controller"], line.get("HookFailed"), line.get("SelectionsHeld"))
        for line in lines(capsys)
    ]
    assert found == [
        ("stack", "imagerepository", [1.0, 2.0, 3.0], None),
        ("stack", "imageupdateautomation", None, [1.0]),
    ]


@pytest.mark.parametrize("count", [1, 99, 100, 101, 250])
def test_no_measurement_is_lost_when_a_line_is_full(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EmbeddedMetrics(namespace="ImageAutomation", service="stack")
    for number in range(count):
        metrics.add("HookFailed", number, "imagerepository")
    metrics.flush()
    written = lines(capsys)
    assert [value for line in written for value in line["HookFailed"]] == [float(number) for number in range(count)]
    assert {(line["service"], line["controller"]) for line in written} == {("stack", "imagerepository")}


def test_a_second_flush_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EmbeddedMetrics(namespace="ImageAutomation", service="stack")
    metrics.add("HookFailed", 1, "imagerepository")
    metrics.flush()
    metrics.flush()
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize("level", ["info", "debug", "error"])
def test_a_line_of_the_log_says_where_it_was_written(level: str) -> None:
    written = io.StringIO()
    logger = Logger(service=f"at-{level}", level="DEBUG", stream=written)
    getattr(PowertoolsLog(logger=logger), level)("something", controller="receiver")
    assert json.loads(written.getvalue())["location"].startswith("test_a_line_of_the_log_says_where_it_was_written:")


def test_every_line_after_it_names_what_caused_it() -> None:
    written = io.StringIO()
    # The handler's own logger and the ports' are two objects with one state.
    logger, ports_logger = (Logger(service="correlated", stream=written) for _ in range(2))
    PowertoolsLog(logger=ports_logger).correlate("delivery-1")
    PowertoolsLog(logger=ports_logger).info("something")
    logger.info("something else")
    found = [json.loads(line)["correlation_id"] for line in written.getvalue().splitlines()]
    assert found == ["delivery-1", "delivery-1"]
