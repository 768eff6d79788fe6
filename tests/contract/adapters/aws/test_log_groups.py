"""Log lines are read back from CloudWatch."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tagstream.adapters.aws.logs import FUNCTIONS, LogGroups
from tagstream.errors import RetryableError
from tests.embedded.aws import EmbeddedAws
from tests.house.template_file import of_type

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def client(aws: EmbeddedAws) -> Any:
    """CloudWatch Logs of the embedded AWS."""
    return boto3.client(
        "logs",
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def test_lines_of_all_functions_come_by_time_and_within_the_period(client: Any) -> None:
    stack = f"s{uuid.uuid4().hex}"
    ages = {"scan": (7200, 30), "webhook": (40,), "update": (10,), "sync": (9,), "notify": (8,)}
    for function in ages:
        group = f"/aws/lambda/{stack}-{function}"
        client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName="one")
        events = [
            {"timestamp": int((NOW - timedelta(seconds=age)).timestamp() * 1000), "message": _message(function, age)}
            for age in ages[function]
        ]
        client.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)
    lines = LogGroups(client=client, stack=stack).read(NOW - timedelta(hours=1), NOW)
    assert lines == (
        {"message": "plain text"},
        {"message": "scan", "age": 30},
        {"message": "update", "age": 10},
        {"message": "sync", "age": 9},
        {"message": "notify", "age": 8},
    )


def test_every_log_group_of_the_template_is_read() -> None:
    groups = [one["LogGroupName"]["Fn::Sub"] for one in of_type("AWS::Logs::LogGroup").values()]
    assert {one.rpartition("-")[2] for one in groups} == set(FUNCTIONS)


def _message(function: str, age: int) -> str:
    return "plain text\n" if function == "webhook" else json.dumps({"message": function, "age": age})


def test_a_stack_that_does_not_exist_is_an_error(client: Any) -> None:
    with pytest.raises(RetryableError, match="failed to read the logs of stack 'gone'"):
        LogGroups(client=client, stack="gone").read(NOW - timedelta(hours=1), NOW)
