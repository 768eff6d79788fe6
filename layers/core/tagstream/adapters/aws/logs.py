"""Reads the functions' log lines back from CloudWatch, for ``tagstream logs``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

FUNCTIONS = ("scan", "webhook", "update", "sync", "notify", "dashboard")
"""The last words of the log groups that template.yaml makes: ``/aws/lambda/<stack>-<function>``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroups:
    """The log groups of one stack."""

    client: CloudWatchLogsClient
    stack: str

    def read(self, since: datetime, until: datetime) -> tuple[Mapping[str, object], ...]:
        """Lines of all functions by time; one that is no JSON object has only a ``message``.

        Raises:
            RetryableError: CloudWatch refuses or cannot be reached, or the stack has no log group.
        """
        found: list[tuple[int, Mapping[str, object]]] = []
        missing: list[ClientError] = []
        for name in FUNCTIONS:
            try:
                found += self._lines(name, since, until)
            except ClientError as error:
                # A stack of an earlier version, or one without a dashboard, has fewer functions.
                if error.response.get("Error", {}).get("Code", "") != "ResourceNotFoundException":
                    raise self._failed(error.response.get("Error", {}).get("Message", "")) from error
                missing.append(error)
            except BotoCoreError as error:
                raise self._failed(str(error)) from error
        if len(missing) == len(FUNCTIONS):
            raise self._failed(missing[0].response.get("Error", {}).get("Message", "")) from missing[0]
        return tuple(line for _, line in sorted(found, key=lambda pair: pair[0]))

    def _failed(self, cause: str) -> RetryableError:
        return RetryableError(f"failed to read the logs of stack '{self.stack}': {cause}", reason="Failure")

    def _lines(self, function: str, since: datetime, until: datetime) -> Iterator[tuple[int, Mapping[str, object]]]:
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{self.stack}-{function}",
            startTime=int(since.timestamp() * 1000),
            endTime=int(until.timestamp() * 1000),
        )
        for page in pages:
            for event in page.get("events", []):
                yield event.get("timestamp", 0), _parsed(event.get("message", ""))


def _parsed(text: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"message": text.rstrip("\n")}
