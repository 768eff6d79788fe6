"""Topics on SNS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.domain.notify.destination import TopicMessage
from tagstream.ports.notices import DeliveryFailed

FINAL = frozenset(
    {"AuthorizationError", "AuthorizationErrorException", "InvalidParameter", "NotFound", "NotFoundException"}
)
"""Codes that say that a repetition cannot help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnsTopics:
    """``client`` makes boto3's client of SNS, which most stacks never need."""

    client: Callable[[], Any]

    def publish(self, message: TopicMessage) -> None:
        """Publish one message.

        Raises:
            DeliveryFailed: SNS does not take it.
        """
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()}
        try:
            self.client().publish(
                TopicArn=message.topic, Subject=message.subject, Message=message.text, MessageAttributes=attributes
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "Unknown")
            raise DeliveryFailed(f"failed to publish to the topic: {code}", is_final=code in FINAL) from error
        except BotoCoreError as error:
            raise DeliveryFailed(f"failed to publish to the topic: {type(error).__name__}", is_final=False) from error
