"""The topic of ``AlarmTopicArn`` gets a message of each alarm, and ``check`` names those that ring."""

from __future__ import annotations

import json
from typing import Any

from tests.deployed.conftest import ALARM_TOPIC
from tests.embedded.aws import EmbeddedStack
from tests.embedded.system import CommandFailed, System


def subscribed_queue(stack: EmbeddedStack) -> str:
    """Make the topic and a queue that gets what it is told; return the queue's URL."""
    sns, sqs = stack.client("sns"), stack.client("sqs")
    assert sns.create_topic(Name=ALARM_TOPIC.rpartition(":")[2])["TopicArn"] == ALARM_TOPIC
    url: str = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may_send = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=ALARM_TOPIC, Protocol="sqs", Endpoint=arn)
    return url


def checked(stack: EmbeddedStack) -> str:
    """What ``check`` prints, whatever it finds."""
    try:
        return System(stack=stack, registry="127.0.0.1:1").cli("check")
    except CommandFailed as failure:
        return str(failure)


def test_every_alarm_of_the_stack_tells_the_topic_and_check_says_that_it_rings(stack: EmbeddedStack) -> None:
    cloudwatch, sqs, url = stack.client("cloudwatch"), stack.client("sqs"), subscribed_queue(stack)
    names = {one["AlarmName"] for one in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert len(names) >= 8
    for name in names:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="tried")
    told: set[str] = set()

    def all_told() -> bool:
        found: list[dict[str, Any]] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        messages = [json.loads(json.loads(one["Body"])["Message"]) for one in found]
        told.update(one["AlarmName"] for one in messages if one["NewStateValue"] == "ALARM")
        return told >= names

    stack.wait_for("a message of each alarm", all_told)
    out = checked(stack)
    for name in names:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="tried")
    assert out.count("alarms      \tfailed") == len(names)
    assert "they tell nobody" not in out
