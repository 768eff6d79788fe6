"""ScanQueue as the simulation runs it: delays, visibility, receive counts and dead letters on simulated time.

The functions reach it through the endpoint of ``aws_gate.py``, in the JSON of the real service.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.clock import SharedClock

BATCH = 10
DEAD_LETTERS = "/dead-letters"
"""The end of the URL of the queue for dead letters."""


@dataclass
class Message:
    """A message: when it can be received next, and how often it was."""

    body: str
    visible_at_s: float
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    receipt: str = ""
    receives: int = 0


@dataclass
class ScanQueue:
    """A queue.

    Args:
        clock: of the simulation.
        visibility_s: for how long a received message is hidden.
        most_receives: after so many, a message goes to the dead letters.

    ``buried`` are the bodies of messages that a function has sent to the dead letters itself.
    """

    clock: SharedClock
    visibility_s: float
    most_receives: int
    messages: list[Message] = field(default_factory=list)
    dead_letters: list[str] = field(default_factory=list)
    buried: list[str] = field(default_factory=list)
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, action: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do what the functions ask of SQS: SendMessage, ChangeMessageVisibility or the batch of the latter."""
        with self.lock:
            if action == "SendMessage":
                visible_at_s = self.clock.now_s() + float(request.get("DelaySeconds", 0))
                message = Message(body=request["MessageBody"], visible_at_s=visible_at_s)
                if request["QueueUrl"].endswith(DEAD_LETTERS):
                    self.buried.append(message.body)
                else:
                    self.messages.append(message)
                    self.sent += 1
                digest = hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest()
                return {"MessageId": message.message_id, "MD5OfMessageBody": digest}
            changes = request.get("Entries", [request])
            times = {one["ReceiptHandle"]: float(one["VisibilityTimeout"]) for one in changes}
            for message in self.messages:
                if message.receipt in times:
                    message.visible_at_s = self.clock.now_s() + times[message.receipt]
            return {"Successful": [{"Id": one["Id"]} for one in changes], "Failed": []} if "Entries" in request else {}

    def receive(self) -> list[Message]:
        """Up to ten messages that are visible, and hide them for the visibility time."""
        now_s = self.clock.now_s()
        with self.lock:
            found = [one for one in self.messages if one.visible_at_s <= now_s]
            dead = [one for one in found if one.receives >= self.most_receives]
            self.dead_letters += [one.body for one in dead]
            self.messages = [one for one in self.messages if one not in dead]
            taken = [one for one in found if one not in dead][:BATCH]
            for message in taken:
                message.receives += 1
                message.receipt = str(uuid.uuid4())
                message.visible_at_s = now_s + self.visibility_s
            return taken

    def delete(self, message_ids: set[str]) -> None:
        """Remove messages that were processed."""
        with self.lock:
            self.messages = [one for one in self.messages if one.message_id not in message_ids]

    def next_s(self) -> float | None:
        """When the next message is visible (seconds since 1970)."""
        with self.lock:
            return min((one.visible_at_s for one in self.messages), default=None)


def event_of(messages: list[Message]) -> dict[str, Any]:
    """The event with which Lambda hands messages to a function."""
    return {
        "Records": [
            {
                "messageId": one.message_id,
                "receiptHandle": one.receipt,
                "body": one.body,
                "attributes": {"ApproximateReceiveCount": str(one.receives)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:1:scans",
                "awsRegion": "eu-central-1",
            }
            for one in messages
        ]
    }
