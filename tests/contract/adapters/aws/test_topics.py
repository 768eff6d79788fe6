"""Topics on the embedded AWS."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import pytest

from tagstream.adapters.aws.topics import SnsTopics
from tagstream.domain.notify.destination import TopicMessage
from tagstream.ports.notices import DeliveryFailed
from tests.embedded.aws import EmbeddedAws


def test_a_message_reaches_who_has_subscribed(aws: EmbeddedAws, session: boto3.Session, sqs: Any) -> None:
    client = session.client("sns", endpoint_url=aws.endpoint)
    name = f"told-{uuid.uuid4().hex}"
    topic = client.create_topic(Name=name)["TopicArn"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may_send = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**may_send, "Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    message = TopicMessage(topic=topic, subject="s", text="told ü", attributes={"severity": "error"})
    SnsTopics(client=lambda: client).publish(message)
    (found,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    body = json.loads(found["Body"])
    assert (body["Subject"], body["Message"]) == ("s", "told ü")
    assert body["MessageAttributes"]["severity"]["Value"] == "error"


def test_a_topic_that_is_gone_is_a_failure_for_good(aws: EmbeddedAws, session: boto3.Session) -> None:
    client = session.client("sns", endpoint_url=aws.endpoint)
    topic = f"arn:aws:sns:eu-central-1:000000000000:gone-{uuid.uuid4().hex}"
    with pytest.raises(DeliveryFailed, match="failed to publish to the topic: NotFound") as caught:
        SnsTopics(client=lambda: client).publish(TopicMessage(topic=topic, subject="s", text="t"))
    assert caught.value.is_final
