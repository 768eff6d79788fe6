"""How notices travel: to the notify function at once, through ScanQueue after a delay, or to the dead letters.

The function is invoked asynchronously. A queue of its own would be asked by AWS around the clock, which costs more than
everything that it would carry.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.adapters.aws.queue import MAX_DELAY_S, translated
from tagstream.errors import OutOfOrder
from tagstream.ports.notices import QueuedNotice

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionNotifier:
    """Notifier that invokes a function; ``client`` makes boto3's client of Lambda, which most invocations need not."""

    client: Callable[[], Any]
    function: str

    def tell(self, notices: Sequence[QueuedNotice]) -> None:
        """One invocation a notice; AWS keeps it until the function has taken it.

        Raises:
            OutOfOrder: NotifyOperationFailed.
        """
        for one in notices:
            payload = notice_body(one).encode()
            try:
                self.client().invoke(FunctionName=self.function, InvocationType="Event", Payload=payload)
            except ClientError as error:
                raise _failed(error.response.get("Error", {}).get("Code", "Unknown")) from error
            except BotoCoreError as error:
                raise _failed(type(error).__name__) from error


def _failed(cause: str) -> OutOfOrder:
    return OutOfOrder(f"failed to ask for notifications: {cause}", reason="NotifyOperationFailed")


@dataclass(frozen=True, slots=True, kw_only=True)
class SqsNoticeQueue:
    """``url`` is that of ScanQueue, whose function hands a notice back; ``dead_letters_url`` is read by people."""

    client: SQSClient
    url: str
    dead_letters_url: str

    def send(self, notice: QueuedNotice) -> None:
        """One message.

        Raises:
            OutOfOrder: QueueOperationFailed.
        """
        delay_s = min(MAX_DELAY_S, math.ceil(notice.delay_s))
        with translated("send a notice"):
            self.client.send_message(QueueUrl=self.url, MessageBody=notice_body(notice), DelaySeconds=delay_s)

    def bury(self, notice: QueuedNotice) -> None:
        """One message.

        Raises:
            OutOfOrder: QueueOperationFailed.
        """
        with translated("bury a notice"):
            self.client.send_message(QueueUrl=self.dead_letters_url, MessageBody=notice_body(notice))


def notice_body(notice: QueuedNotice) -> str:
    """The JSON that ``events/notices.py`` parses."""
    body: dict[str, object] = {
        "tagstream": "notice",
        "entries": notice.entries,
        "alert": str(notice.alert) if notice.alert else None,
        "attempt": notice.attempt,
        "hops": notice.hops,
    }
    return json.dumps({**body, "onlyBus": True} if notice.only_bus else body)
