"""ScanQueue on SQS; ``events/queue.py`` reads the messages back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.errors import OutOfOrder
from tagstream.ports.queue import Queued, QueuedRun, QueuedSync

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_DELAY_S = 900
# As many messages as SQS takes in a batch.
BATCH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SqsScanQueue:
    """One message a request: a request holds up to a hundred repositories, so batches would save next to nothing."""

    client: SQSClient
    url: str

    def send(self, requests: Sequence[Queued]) -> None:
        """In order, up to the first that fails.

        Raises:
            OutOfOrder: QueueOperationFailed.
        """
        for one in requests:
            delay_s = min(MAX_DELAY_S, math.ceil(one.delay_s))
            with translated("send a scan request"):
                self.client.send_message(QueueUrl=self.url, MessageBody=message_body(one), DelaySeconds=delay_s)

    def hide(self, receipts: Mapping[str, float]) -> None:
        """One call for ten messages.

        Raises:
            OutOfOrder: QueueOperationFailed.
        """
        given = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": math.ceil(seconds)}
            for number, (receipt, seconds) in enumerate(receipts.items())
        ]
        for start in range(0, len(given), BATCH):
            with translated("hide messages"):
                self.client.change_message_visibility_batch(
                    QueueUrl=self.url,
                    Entries=given[start : start + BATCH],  # type: ignore[arg-type]
                )

    def give_back(self, receipt: str, after_s: float) -> None:
        """Change the message's visibility.

        Raises:
            OutOfOrder: QueueOperationFailed.
        """
        with translated("give back a message"):
            self.client.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=math.ceil(after_s)
            )


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours.

    Raises:
        OutOfOrder: QueueOperationFailed.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "Unknown")
        raise OutOfOrder(f"failed to {what}: {code}", reason="QueueOperationFailed") from error
    except BotoCoreError as error:
        raise OutOfOrder(f"failed to {what}: {type(error).__name__}", reason="QueueOperationFailed") from error


def message_body(request: Queued) -> str:
    """The JSON that ``events/queue.py`` parses."""
    if isinstance(request, QueuedSync):
        names = {"sources": request.sources, "kustomizations": request.kustomizations}
        # Versions before the second list read the first one only.
        listed = {name: [str(key) for key in keys] for name, keys in names.items() if keys or name == "sources"}
        return json.dumps({**listed, "cause": request.cause})
    if isinstance(request, QueuedRun):
        told = {} if request.requests is None else {"requests": list(request.requests)}
        asked = [str(key) for key in request.automations]
        return json.dumps({"automations": asked, "reason": request.reason, **told})
    return json.dumps(
        {
            "repositories": [str(key) for key in request.repositories],
            "reason": request.reason,
            "cause": request.cause,
            "receivedAt": request.received_at.isoformat() if request.received_at else None,
            "expectedTags": list(request.expected_tags),
            "attempt": request.attempt,
            "hops": request.hops,
        }
    )
