"""ScanQueue on SQS.

In: QueuedScan values. Out: messages that ``events/queue.py`` reads back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.errors import RetryableError
from tagstream.records import QueuedScan

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
MAX_DELAY_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class SqsScanQueue:
    """Messages of one request each, ten a call."""

    client: SQSClient
    url: str

    def send(self, requests: Sequence[QueuedScan]) -> None:
        """All or an error.

        Raises:
            RetryableError: QueueOperationFailed.
        """
        for start in range(0, len(requests), BATCH):
            part = requests[start : start + BATCH]
            try:
                answer = self.client.send_message_batch(
                    QueueUrl=self.url,
                    Entries=[
                        {
                            "Id": str(index),
                            "MessageBody": message_body(one),
                            "DelaySeconds": min(MAX_DELAY_S, math.ceil(one.delay_s)),
                        }
                        for index, one in enumerate(part)
                    ],
                )
            except (ClientError, BotoCoreError) as error:
                raise RetryableError(
                    f"failed to send scan requests: {type(error).__name__}", reason="QueueOperationFailed"
                ) from error
            if answer.get("Failed"):
                raise RetryableError(
                    f"failed to send {len(answer['Failed'])} scan requests", reason="QueueOperationFailed"
                )


def message_body(request: QueuedScan) -> str:
    """The JSON that ``events/queue.py`` parses."""
    return json.dumps(
        {
            "repositories": [str(key) for key in request.repositories],
            "reason": request.reason,
            "cause": request.cause,
            "receivedAt": request.received_at.isoformat() if request.received_at else None,
            "expectedTags": list(request.expected_tags),
            "attempt": request.attempt,
        }
    )
