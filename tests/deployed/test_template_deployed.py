"""`sam deploy` creates what the template says; the tests read it back from the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from tests.embedded.aws import EmbeddedAws, EmbeddedStack
from tests.embedded.loopback import open_to_the_network
from tests.house.template_file import dashboard, of_type

ACCOUNT = "000000000000"


def _decision(stack: EmbeddedStack, role: str, action: str, resource: str) -> str:
    resources = stack.client("cloudformation").describe_stack_resource(StackName=stack.name, LogicalResourceId=role)
    name = resources["StackResourceDetail"]["PhysicalResourceId"]
    answer = stack.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", ActionNames=[action], ResourceArns=[resource]
    )
    return str(answer["EvaluationResults"][0]["EvalDecision"])


def _table(stack: EmbeddedStack) -> str:
    return f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/{stack.outputs['TableName']}"


def _secret(name: str) -> str:
    return f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:{name}-AbCdEf"


@pytest.mark.parametrize("role", ["ScanRole", "WebhookRole", "UpdateRole"])
def test_a_function_reads_the_secrets_of_its_own_stack_and_no_others(stack: EmbeddedStack, role: str) -> None:
    action = "secretsmanager:GetSecretValue"
    names = (f"{stack.name}/flux-system/token", f"{stack.name}-other/flux-system/token", "other")
    found = [_decision(stack, role, action, _secret(name)) for name in names]
    assert found == ["allowed", "implicitDeny", "implicitDeny"]


@pytest.mark.parametrize(
    ("role", "action", "expected"),
    [
        ("WebhookRole", "dynamodb:Scan", "implicitDeny"),
        ("WebhookRole", "dynamodb:PutItem", "allowed"),
        ("UpdateRole", "dynamodb:DeleteTable", "implicitDeny"),
        ("ScanRole", "dynamodb:Scan", "implicitDeny"),
        ("ScanRole", "dynamodb:UpdateItem", "allowed"),
    ],
)
def test_a_function_may_do_to_the_table_what_it_needs(
    stack: EmbeddedStack, role: str, action: str, expected: str
) -> None:
    assert _decision(stack, role, action, _table(stack)) == expected


def test_all_functions_may_ask_for_work_and_the_scan_function_alone_takes_it(stack: EmbeddedStack) -> None:
    queue = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:{stack.outputs['ScanQueueUrl'].rsplit('/', 1)[1]}"
    actions = ("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:PurgeQueue")
    found = {
        role: [_decision(stack, role, action, queue) for action in actions]
        for role in ("ScanRole", "WebhookRole", "UpdateRole")
    }
    sends_only = ["allowed", "implicitDeny", "implicitDeny"]
    assert found == {
        "ScanRole": ["allowed", "allowed", "implicitDeny"],
        "WebhookRole": sends_only,
        "UpdateRole": sends_only,
    }


def test_the_streams_wake_each_function_by_the_type_of_item(stack: EmbeddedStack) -> None:
    mappings = stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    found = {
        (mapping["FunctionArn"].rsplit("-", 1)[1], *_types(mapping["FilterCriteria"]["Filters"]))
        for mapping in mappings
        if "FilterCriteria" in mapping and f":{stack.name}-" in mapping["FunctionArn"]
    }
    # The scan function is woken by objects that are written, by those that are deleted, and by what is told.
    assert found == {("scan", "object", "object", "ledger"), ("update", "selection", "run")}


def _types(filters: Iterable[dict[str, str]]) -> list[str]:
    changes = [json.loads(each["Pattern"])["dynamodb"] for each in filters]
    return [kind for each in changes for image in each.values() for kind in image["t"]["S"]]


def test_the_dashboard_is_there_and_shows_the_alarms_that_exist(stack: EmbeddedStack) -> None:
    cloudwatch = stack.client("cloudwatch")
    body = cloudwatch.get_dashboard(DashboardName=stack.name)["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    assert len(widgets) == len(dashboard()["widgets"])
    (shown,) = [one["properties"]["alarms"] for one in widgets if one["type"] == "alarm"]
    alarms = {one["AlarmArn"] for one in cloudwatch.describe_alarms()["MetricAlarms"]}
    # Without ticks there is no alarm for them, and the schedule of this stack is off.
    assert len(shown) == len(of_type("AWS::CloudWatch::Alarm")) - 1
    assert set(shown) <= alarms


def test_nothing_that_a_deployed_stack_runs_can_be_reached_from_the_network(
    aws: EmbeddedAws, stack: EmbeddedStack
) -> None:
    # The function's worker is one of the processes then.
    assert stack.tick() == {"batchItemFailures": []}
    assert open_to_the_network(aws.process.pid) == []
