"""``tagstream logs`` prints what the functions wrote."""

from __future__ import annotations

import io
import json

import pytest
from aws_lambda_powertools import Logger

from tagstream.adapters.aws.telemetry import PowertoolsLog
from tests.unit.cli.memory_ports import MemoryPorts, command, interrupt

SCANNED = {
    "level": "INFO",
    "location": "info:30",
    "message": "scanned",
    "timestamp": "2026-01-02 03:04:05,000+0000",
    "service": "tagstream",
    "cold_start": True,
    "function_name": "f",
    "function_request_id": "r",
    "controller": "imagerepository",
    "namespace": "flux-system",
    "object": "app",
    "tag_count": 3,
}
FAILED = SCANNED | {"level": "ERROR", "controller": "imagepolicy", "namespace": "other", "message": "no"}
METRIC = {"_aws": {"Timestamp": 1}, "controller": "imagerepository", "ScanTags": [3]}
CRASH = {"level": "ERROR", "message": "boom", "timestamp": "t", "exception": "Traceback"}
START = {"message": "START RequestId: 1"}


def ports() -> MemoryPorts:
    return MemoryPorts(log_lines=[START, SCANNED, METRIC, FAILED, CRASH])


@pytest.mark.parametrize(
    ("flags", "messages"),
    [
        ((), ["scanned", "boom"]),
        (("-A",), ["scanned", "no", "boom"]),
        (("-A", "--level", "error"), ["no", "boom"]),
        (("-A", "--kind", "ImageRepository"), ["scanned"]),
        (("-A", "--name", "app", "--level", "info"), ["scanned"]),
        (("-A", "--name", "gone"), []),
    ],
)
def test_lines_are_filtered(flags: tuple[str, ...], messages: list[str]) -> None:
    out = command("logs", *flags, ports=ports()).out
    assert [line.split(" - ")[1].split(" ")[0] for line in out.splitlines()] == messages


def test_a_line_names_time_level_and_object_and_what_is_left() -> None:
    assert command("logs", "--name", "app", ports=ports()).out == (
        "2026-01-02 03:04:05,000+0000 info ImageRepository/app.flux-system - scanned tag_count=3\n"
    )


def test_a_line_as_the_functions_write_it_is_found_by_its_object() -> None:
    written = io.StringIO()
    log = PowertoolsLog(logger=Logger(service="found-by-name", stream=written))
    log.info("selected", controller="imagepolicy", namespace="flux-system", name="app", tag="1.0")
    found = MemoryPorts(log_lines=[json.loads(written.getvalue())])
    out = command("logs", "--kind", "ImagePolicy", "--name", "app", ports=found).out
    assert out.partition(" info ")[2] == 'ImagePolicy/app.flux-system - selected tag="1.0"\n'


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--level", "warn"), "log level 'warn' not supported, can be one of: debug, info, error"),
        (
            ("--kind", "Policy"),
            "kind 'Policy' not supported, can be one of: ImageRepository, ImagePolicy, ImageUpdateAutomation, "
            "Kustomization, Receiver, Alert",
        ),
    ],
)
def test_a_filter_that_no_line_can_pass_is_an_error(flags: tuple[str, ...], message: str) -> None:
    done = command("logs", *flags, ports=ports())
    assert done.code == 1
    assert done.out == ""
    assert done.err == f"✗ {message}\n"


def test_following_prints_each_line_once_when_it_comes() -> None:
    found = ports()
    later = SCANNED | {"message": "scanned again"}
    found.clock.turns = [lambda: None, lambda: found.log_lines.append(later), interrupt]
    done = command("logs", "-f", "--kind", "ImageRepository", ports=found)
    assert done.code == 130
    assert [line.partition(" - ")[2] for line in done.out.splitlines()] == [
        "scanned tag_count=3",
        "scanned again tag_count=3",
    ]
