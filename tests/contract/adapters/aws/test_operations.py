"""What AWS says of a stack: alarms, dead letters, names of secrets. The stack is made by CloudFormation."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from tagstream.adapters.aws.operations import AwsOperations, StackClients
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tests.embedded.aws import EmbeddedAws
from tests.embedded.hook_receiver import hook_receiver

ALARM = {
    "Type": "AWS::CloudWatch::Alarm",
    "Properties": {
        "AlarmDescription": "Selections wait.",
        "Namespace": "N",
        "MetricName": "M",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
    },
}
QUEUE = {"Type": "AWS::SQS::Queue"}
TEMPLATE = {
    "Resources": {"UpdateLagAlarm": ALARM, "Scans": QUEUE, "ScanLetters": QUEUE, "UpdateLetters": QUEUE},
    "Outputs": {
        "Version": {"Value": "1.2.3"},
        "ScanQueueUrl": {"Value": {"Ref": "Scans"}},
        "ScanDeadLettersUrl": {"Value": {"Ref": "ScanLetters"}},
        "UpdateDeadLettersUrl": {"Value": {"Ref": "UpdateLetters"}},
    },
}
Make = Callable[[str], AwsOperations]


@pytest.fixture
def make(aws: EmbeddedAws, session: boto3.Session, table: Any) -> Make:
    """Deploys a stack with this name, and returns its operations."""

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=aws.endpoint)

    def deployed(name: str) -> AwsOperations:
        cloudformation = client("cloudformation")
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE))
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found} | {"TableName": table.name}
        clients = StackClients(
            cloudformation=cloudformation,
            cloudwatch=client("cloudwatch"),
            dynamodb=table.client,
            secretsmanager=client("secretsmanager"),
            sqs=client("sqs"),
        )
        return AwsOperations(stack=name, outputs=outputs, clients=clients)

    return deployed


@pytest.fixture
def name() -> str:
    return f"s{uuid.uuid4().hex[:12]}"


def test_the_alarms_are_those_of_the_stack_and_of_no_other(make: Make, name: str) -> None:
    operations = make(name)
    make(f"{name}-dev")
    [alarm] = operations.alarms()
    assert (alarm.name, alarm.description, alarm.tells) == ("UpdateLagAlarm", "Selections wait.", False)
    operations.clients.cloudwatch.set_alarm_state(
        AlarmName=next(iter(operations._alarm_names())), StateValue="ALARM", StateReason="try"
    )
    assert [one.state for one in operations.alarms()] == ["ALARM"]


def test_a_stack_tells_its_version_and_whether_it_ticks(make: Make, name: str) -> None:
    operations = make(name)
    assert (operations.version(), operations.is_ticking()) == ("1.2.3", True)


def test_dead_letters_can_be_looked_at_and_are_there_afterwards(make: Make, name: str) -> None:
    operations = make(name)
    for number in range(12):
        operations.clients.sqs.send_message(
            QueueUrl=operations.outputs["ScanDeadLettersUrl"], MessageBody=f"letter {number}"
        )
    letters = operations.dead_letters("scan")
    assert sorted(one.body for one in letters) == sorted(f"letter {number}" for number in range(12))
    assert operations.dead_letters("scan") == ()
    assert operations.dead_letter_count("scan") == 12
    operations.give_back(letters)
    assert len(operations.dead_letters("scan")) == 12
    assert operations.dead_letters("update") == ()


def test_a_dead_letter_is_sent_again_and_removed(make: Make, name: str) -> None:
    operations = make(name)
    sqs = operations.clients.sqs
    sqs.send_message(QueueUrl=operations.outputs["ScanDeadLettersUrl"], MessageBody="scan it")
    [letter] = operations.dead_letters("scan")
    operations.resend(letter)
    operations.drop(letter)
    operations.drop(letter)
    [sent] = sqs.receive_message(QueueUrl=operations.outputs["ScanQueueUrl"])["Messages"]
    assert (sent["Body"], operations.dead_letter_count("scan")) == ("scan it", 0)


def test_secrets_are_listed_by_name_page_by_page(make: Make, name: str) -> None:
    operations = make(name)
    manager = operations.clients.secretsmanager
    for number in range(120):
        manager.create_secret(Name=f"{name}/apps/s{number:03}", SecretString="{}")
    manager.create_secret(Name=f"{name}/apps-more/other", SecretString="{}")
    manager.create_secret(Name=f"{name}-dev/apps/other", SecretString="{}")
    listed = operations.secret_names("apps")
    assert listed == tuple(NamespacedName("apps", f"s{number:03}") for number in range(120))
    assert len(operations.secret_names(None)) == 121


@pytest.mark.parametrize("at_once", [False, True])
def test_a_deleted_secret_is_listed_no_more(make: Make, name: str, at_once: bool) -> None:
    operations, key = make(name), NamespacedName("apps", "login")
    operations.clients.secretsmanager.create_secret(Name=f"{name}/{key}", SecretString="{}")
    assert operations.delete_secret(key, at_once=at_once) is True
    assert operations.secret_names(None) == ()
    assert operations.delete_secret(NamespacedName("apps", "missing"), at_once=at_once) is False


@pytest.mark.usefixtures("unmarked_table")
def test_whether_the_table_may_be_written_is_found_without_a_write(make: Make, name: str, table: Any) -> None:
    assert make(name).may_write_table() is True
    assert table.client.scan(TableName=table.name)["Count"] == 0


@pytest.mark.parametrize("denied", ["put_item", "update_item", "delete_item"])
def test_a_table_may_be_written_only_by_whoever_may_do_each_kind_of_write(
    make: Make, name: str, denied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, denied)

    operations = make(name)
    with monkeypatch.context() as patched:
        patched.setattr(operations.clients.dynamodb, denied, deny)
        assert operations.may_write_table() is False


def test_whether_secrets_may_be_written_is_found_without_a_write(make: Make, name: str) -> None:
    operations = make(name)
    assert operations.may_write_secrets() is True
    assert operations.secret_names(None) == ()


def test_what_aws_refuses_names_the_stack(make: Make, name: str) -> None:
    operations = make(name)
    operations.clients.cloudformation.delete_stack(StackName=name)
    with pytest.raises(RetryableError, match=f"stack '{name}'"):
        operations.is_ticking()


@pytest.mark.parametrize(
    ("status", "headers", "is_ours"),
    [
        (405, {}, True),
        (405, {"x_amzn_ErrorType": "MethodNotAllowedException"}, False),
        (403, {"x_amzn_ErrorType": "AccessDeniedException"}, False),
        (403, {}, False),
        (404, {}, False),
        (429, {}, False),
        (502, {}, False),
        (200, {}, False),
    ],
)
def test_only_the_refusal_of_the_webhook_itself_shows_that_it_runs(
    status: int, headers: dict[str, str], is_ours: bool
) -> None:
    with hook_receiver() as receiver:
        receiver.answer(status, b'{"Message":"Forbidden"}', **headers)
        operations = AwsOperations(
            stack="s", outputs={"WebhookUrl": receiver.url("/")}, clients=cast(StackClients, None)
        )
        if is_ours:
            assert operations.webhook_answers() == "405 Method Not Allowed"
        else:
            with pytest.raises(RetryableError, match=f"answers {status} "):
                operations.webhook_answers()
