"""The template keeps its promises: handlers exist, rights are narrow, nothing fails silently, metrics are real."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from typing import Any

import pytest

import tagstream
from tagstream.metric_names import NAMESPACE, UNITS
from tests.house.source_files import PACKAGE, ROOT
from tests.house.template_file import dashboard, of_type, template

FUNCTIONS = of_type("AWS::Serverless::Function")
SOURCES = {(name, event): body for name, one in FUNCTIONS.items() for event, body in one.get("Events", {}).items()}
STATEMENTS = [
    pytest.param(statement, id=f"{role}-{statement['Sid']}")
    for role, one in of_type("AWS::IAM::Role").items()
    for policy in one["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]
]
# AWS defines no resource for handing out a login.
ANY_RESOURCE = frozenset(
    {
        *("ecr:GetAuthorizationToken", "ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"),
        # Nor for traces.
        *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    }
)
# What AWS asks of a function's role before it reads a source for it (Lambda's guide, "Using Lambda with …").
FOR_SOURCE = {
    "DynamoDB": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
    "SQS": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_has_its_handler_and_its_build_rule(name: str) -> None:
    folder = name.removesuffix("Function").lower()
    rule = re.search(rf"^build-{name}:\n\tcp {folder}/app.py ", (ROOT / "functions/Makefile").read_text(), re.MULTILINE)
    assert rule
    assert "def handler(" in (ROOT / "functions" / folder / "app.py").read_text()


def test_every_folder_of_functions_is_deployed() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert folders == {name.removesuffix("Function").lower() for name in FUNCTIONS}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_writes_to_a_log_group_with_retention(name: str) -> None:
    group = FUNCTIONS[name]["LoggingConfig"]["LogGroup"]["Ref"]
    assert "RetentionInDays" in of_type("AWS::Logs::LogGroup")[group]


@pytest.mark.parametrize(("function", "event"), sorted(SOURCES))
def test_an_event_source_reports_failures_one_by_one(function: str, event: str) -> None:
    assert SOURCES[function, event]["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize(
    ("function", "event"), sorted(key for key, body in SOURCES.items() if body["Type"] == "DynamoDB")
)
def test_a_stream_is_filtered_bounded_and_keeps_its_failures(function: str, event: str) -> None:
    given = SOURCES[function, event]["Properties"]
    assert given["BisectBatchOnFunctionError"] is True
    assert 0 < given["MaximumRetryAttempts"] <= 10
    assert 60 <= given["MaximumRecordAgeInSeconds"] <= 86400
    assert given["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"].endswith("DeadLetters.Arn")
    assert all(item_types(one["Pattern"]) for one in given["FilterCriteria"]["Filters"])


def item_types(pattern: str) -> list[str]:
    """The item types that a stream's filter lets through, by their new image or, for a removal, their old one."""
    images = json.loads(pattern)["dynamodb"]
    found: list[str] = images.get("NewImage", images.get("OldImage"))["t"]["S"]
    return found


def test_the_stream_filters_name_the_item_types_the_store_writes() -> None:
    filters = [
        one["Pattern"]
        for body in SOURCES.values()
        for one in body["Properties"].get("FilterCriteria", {}).get("Filters", [])
    ]
    named = {kind for one in filters for kind in item_types(one)}
    source = "".join(path.read_text() for path in (PACKAGE / "adapters/store").glob("*.py"))
    assert {kind for kind in named if f'"{kind}"' not in source} == set()


def test_the_queue_gives_up_into_dead_letters() -> None:
    policy = of_type("AWS::SQS::Queue")["ScanQueue"]["RedrivePolicy"]
    assert policy["deadLetterTargetArn"] == {"Fn::GetAtt": "ScanDeadLetters.Arn"}


def test_the_queue_waits_as_long_as_its_function_may_take_and_no_longer() -> None:
    wait_s = of_type("AWS::SQS::Queue")["ScanQueue"]["VisibilityTimeout"]
    # AWS refuses less, and a worker that dies in its first second hides its messages for so long.
    assert wait_s == FUNCTIONS["ScanFunction"]["Timeout"]


def test_asynchronous_invocations_are_bounded_and_keep_their_failures() -> None:
    invoked = FUNCTIONS["ScanFunction"]["EventInvokeConfig"]
    targets = [
        of_type("AWS::Scheduler::Schedule")["Tick"]["Target"],
        *of_type("AWS::Events::Rule")["EcrRule"]["Targets"],
    ]
    assert invoked["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": "ScanDeadLetters.Arn"}
    assert [(sorted(one["RetryPolicy"]), "DeadLetterConfig" in one) for one in targets] == [
        (["MaximumEventAgeInSeconds", "MaximumRetryAttempts"], True)
    ] * 2


@pytest.mark.parametrize("queue", sorted(name for name in of_type("AWS::SQS::Queue") if name.endswith("DeadLetters")))
def test_dead_letters_raise_an_alarm(queue: str) -> None:
    watched = [
        dimension["Value"]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Dimensions"]
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    ]
    assert {"Fn::GetAtt": f"{queue}.QueueName"} in watched


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_names_its_actions_and_one_resource(statement: dict[str, Any]) -> None:
    actions = _listed(statement["Action"])
    assert not [action for action in actions if "*" in action]
    assert not isinstance(statement["Resource"], list)
    assert (statement["Resource"] == "*") == (set(actions) <= ANY_RESOURCE)


def _granted(role: str) -> set[tuple[str, str]]:
    """(action, resource as JSON) of a role."""
    statements = of_type("AWS::IAM::Role")[role]["Policies"][0]["PolicyDocument"]["Statement"]
    return {(action, json.dumps(one["Resource"])) for one in statements for action in _listed(one["Action"])}


def _set_up_for(function: str) -> set[tuple[str, str]]:
    """What AWS does by a function's role, as ``_granted`` has it: logs, sources, destinations of failures."""
    given = FUNCTIONS[function]
    group = {"Fn::GetAtt": f"{given['LoggingConfig']['LogGroup']['Ref']}.Arn"}
    wanted = [(action, group) for action in ("logs:CreateLogStream", "logs:PutLogEvents")]
    sources = [(body["Type"], body["Properties"]) for body in given.get("Events", {}).values()]
    for kind, body in sources:
        wanted += [(action, body.get("Stream") or body["Queue"]) for action in FOR_SOURCE[kind]]
        if kind == "DynamoDB":
            wanted.append(("dynamodb:ListStreams", {"Fn::Sub": "${TagStateTable.Arn}/stream/*"}))
    for one in (given.get("EventInvokeConfig", {}), *(body for _, body in sources)):
        if "DestinationConfig" in one:
            wanted.append(("sqs:SendMessage", one["DestinationConfig"]["OnFailure"]["Destination"]))
    return {(action, json.dumps(resource)) for action, resource in wanted}


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_role_lets_aws_do_what_its_function_is_set_up_for(function: str) -> None:
    role = FUNCTIONS[function]["Role"]["Fn::GetAtt"].removesuffix(".Arn")
    assert _set_up_for(function) - _granted(role) == set()


def test_the_rule_for_ecr_may_wake_its_target_and_keep_what_it_cannot_deliver() -> None:
    (target,) = of_type("AWS::Events::Rule")["EcrRule"]["Targets"]
    rule = {"Fn::GetAtt": "EcrRule.Arn"}
    woken = [
        {"Fn::GetAtt": f"{one['FunctionName']['Ref']}.Arn"}
        for one in of_type("AWS::Lambda::Permission").values()
        if (one["Action"], one["Principal"], one["SourceArn"])
        == ("lambda:InvokeFunction", "events.amazonaws.com", rule)
    ]
    kept = [
        statement["Resource"]
        for policy in of_type("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}} and statement["Action"] == "sqs:SendMessage"
    ]
    assert woken == [target["Arn"]]
    assert kept == [target["DeadLetterConfig"]["Arn"]]


def test_the_schedule_may_wake_its_target_and_keep_what_it_cannot_deliver() -> None:
    target = of_type("AWS::Scheduler::Schedule")["Tick"]["Target"]
    wanted = [("lambda:InvokeFunction", target["Arn"]), ("sqs:SendMessage", target["DeadLetterConfig"]["Arn"])]
    role = target["RoleArn"]["Fn::GetAtt"].removesuffix(".Arn")
    assert _granted(role) == {(action, json.dumps(resource)) for action, resource in wanted}


def test_a_role_has_no_right_to_the_table_that_no_code_uses() -> None:
    calls = re.findall(r"client\.(\w+)\(", (PACKAGE / "adapters/store/table.py").read_text())
    used = {f"dynamodb:{''.join(word.capitalize() for word in call.split('_'))}" for call in calls}
    table = json.dumps({"Fn::GetAtt": "TagStateTable.Arn"})
    granted = {action for role in of_type("AWS::IAM::Role") for action, resource in _granted(role) if resource == table}
    # A transaction is no right of its own: each of its parts needs that of its kind.
    assert granted == used - {"dynamodb:TransactWriteItems"}


def test_only_the_command_line_writes_secrets() -> None:
    granted = {action for one in STATEMENTS for action in _listed(one.values[0]["Action"])}  # type: ignore[union-attr]
    assert {action for action in granted if action.startswith("secretsmanager:")} == {"secretsmanager:GetSecretValue"}


def test_the_function_of_the_dashboard_may_read_what_it_shows_and_nothing_else() -> None:
    granted = {action for action, _ in _granted("DashboardRole")} - ANY_RESOURCE
    reads = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
    assert granted == reads | {"logs:CreateLogStream", "logs:PutLogEvents"}
    statements = of_type("AWS::IAM::Role")["DashboardRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    (condition,) = [one["Condition"] for one in statements if one["Sid"] == "ReadTable"]
    assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}
    # The paths of Receivers are half a secret.
    keys = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert [one for one in keys if one.startswith("hook") or one == "*"] == []


def test_the_widget_of_the_dashboard_calls_its_function() -> None:
    (shown,) = [one["properties"] for one in _widgets() if one["type"] == "custom"]
    assert shown["endpoint"] == "${DashboardFunction.Arn}"


def test_the_table_is_on_demand_recoverable_and_streamed() -> None:
    table = of_type("AWS::DynamoDB::Table")["TagStateTable"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_dashboard_and_alarms_show_metrics_that_exist() -> None:
    shown = set(re.findall(r'MetricName=\\+"(\w+)', json.dumps(dashboard())))
    watched = {
        alarm["MetricName"] for alarm in of_type("AWS::CloudWatch::Alarm").values() if alarm["Namespace"] == NAMESPACE
    }
    assert shown | watched <= set(UNITS)
    assert shown == set(UNITS), "every metric has its place on the dashboard"


def test_every_metric_is_emitted_somewhere() -> None:
    source = "".join(path.read_text() for path in (PACKAGE / "reconcile").rglob("*.py"))
    assert {name for name in UNITS if f'"{name}"' not in source} == set()


def test_code_emits_only_metrics_of_the_table() -> None:
    source = "".join(path.read_text() for path in (PACKAGE / "reconcile").rglob("*.py"))
    assert set(re.findall(r'metrics\.add\(\s*"(\w+)"', source)) <= set(UNITS)


def test_the_webhook_reserves_what_its_parameter_says_and_nothing_at_zero() -> None:
    parameter = template()["Parameters"]["WebhookConcurrency"]
    assert parameter["Default"] == 0
    assert parameter["MinValue"] == 0
    assert template()["Conditions"]["ReservesWebhook"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "WebhookConcurrency"}, 0]}]
    }
    reserved = {"Fn::If": ["ReservesWebhook", {"Ref": "WebhookConcurrency"}, {"Ref": "AWS::NoValue"}]}
    assert {name: one.get("ReservedConcurrentExecutions") for name, one in FUNCTIONS.items()} == {
        "DashboardFunction": None,
        "NotifyFunction": None,
        "ScanFunction": None,
        "SyncFunction": None,
        "UpdateFunction": None,
        "WebhookFunction": reserved,
    }


def test_the_environment_has_what_wiring_reads() -> None:
    given = set(template()["Globals"]["Function"]["Environment"]["Variables"])
    read = set(re.findall(r'= "(TAGSTREAM_\w+)"', (PACKAGE / "wiring.py").read_text()))
    assert read <= given


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_samconfig_sets_only_parameters_that_exist(env: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[env]["deploy"]["parameters"]
    chosen = {one.partition("=")[0] for one in config["parameter_overrides"]}
    assert chosen <= set(template()["Parameters"])


def test_production_protects_the_table() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())["prod"]["deploy"]["parameters"]
    assert "DeletionProtection=true" in config["parameter_overrides"]


@pytest.mark.parametrize("layer", ["core", "vendor"])
def test_a_layer_is_built_for_the_default_runtime(layer: str) -> None:
    makefile = (ROOT / "layers" / layer / "Makefile").read_text()
    given = {name: template()["Parameters"][name]["Default"] for name in ("Runtime", "Architecture")}
    python = re.search(r"^TAGSTREAM_BUILD_PYTHON \?= (.+)$", makefile, re.MULTILINE)
    target = re.search(r"^TAGSTREAM_BUILD_TARGET \?= (.+)$", makefile, re.MULTILINE)
    assert python and target
    assert given == {"Runtime": f"python{python[1]}", "Architecture": target[1].removeprefix("lambda-")}


@pytest.mark.parametrize(
    ("arguments", "is_refused"),
    [
        ((), False),
        (("TARGET=host",), False),
        (("ARCHITECTURE=x86_64",), False),
        (("TARGET=lambda-x86_64", "ARCHITECTURE=x86_64"), False),
        (("TARGET=lambda-x86_64",), True),
        (("TARGET=lambda-arm64", "ARCHITECTURE=x86_64"), True),
    ],
)
def test_a_build_for_another_machine_than_the_parameter_names_is_refused(
    arguments: tuple[str, ...], is_refused: bool
) -> None:
    command = ["make", "--silent", "build-target", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == is_refused
    assert ("is not for Architecture" in done.stderr) == is_refused


@pytest.mark.parametrize("layer", ["VendorLayer", "HeavyLayer"])
def test_a_layer_is_built_for_the_architecture_of_the_functions(layer: str) -> None:
    assert template()["Resources"][layer]["Metadata"]["BuildArchitecture"] == {"Ref": "Architecture"}


def test_the_functions_are_traced_as_the_parameter_says() -> None:
    assert template()["Globals"]["Function"]["Tracing"] == {"Ref": "Tracing"}
    assert template()["Parameters"]["Tracing"]["Default"] == "PassThrough"


def test_the_dashboard_and_its_function_are_there_unless_the_parameter_says_no() -> None:
    parts = ("Dashboard", "DashboardFunction", "DashboardRole", "DashboardLog")
    assert {template()["Resources"][name]["Condition"] for name in parts} == {"ShowsDashboard"}
    assert template()["Parameters"]["DashboardState"]["Default"] == "ENABLED"


def test_metrics_and_alarms_stay_within_what_every_account_has_for_free() -> None:
    assert len(of_type("AWS::CloudWatch::Alarm")) <= 10
    # Ten metrics are free. One may be written for each of four kinds of objects, the others with one controller only.
    assert len(UNITS) + 3 <= 10


def test_the_queries_of_the_dashboard_ask_for_lines_that_the_functions_write() -> None:
    source = "".join(path.read_text() for path in (PACKAGE / "reconcile").rglob("*.py"))
    queries = [one["properties"]["query"] for one in _widgets() if one["type"] == "log"]
    messages = {word for query in queries for word in re.findall(r"'((?!/aws)[a-z ]+)'", query)}
    fields = {word for query in queries for word in re.findall(r"(?:ispresent|sum|pct|latest)\((\w+)[,)]", query)}
    lists = [one for query in queries for one in re.findall(r"(?:display|fields|by) ([@\w, ]+)", query)]
    fields |= {word.strip() for one in lists for word in one.split(",") if not word.strip().startswith(("@", "bin"))}
    assert len(queries) >= 5
    assert {one for one in messages if one not in source} == set()
    # `object` is the key "name" of the source: adapters/aws/telemetry.py says why.
    assert {one for one in fields - {"message", "object"} if one not in source} == set()


def test_the_dashboard_shows_the_state_of_every_alarm() -> None:
    (shown,) = [one["properties"]["alarms"] for one in _widgets() if one["type"] == "alarm"]
    alarms = {f"${{{name}.Arn}}" for name in of_type("AWS::CloudWatch::Alarm")}
    assert set(shown) == alarms


def test_the_widgets_of_the_dashboard_neither_overlap_nor_leave_its_grid() -> None:
    taken: set[tuple[int, int]] = set()
    for one in _widgets():
        cells = {
            (x, y) for x in range(one["x"], one["x"] + one["width"]) for y in range(one["y"], one["y"] + one["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_functions_errors_are_on_the_dashboard() -> None:
    shown = {
        metric[3] for one in _widgets() for metric in one["properties"].get("metrics", []) if metric[1:2] == ["Errors"]
    }
    assert shown == {f"${{{name}}}" for name in FUNCTIONS}


def _widgets() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dashboard()["widgets"]
    return found


def test_an_alarm_watches_the_ticks_of_this_stack_while_there_are_any() -> None:
    alarm = of_type("AWS::CloudWatch::Alarm")["NoTickAlarm"]
    assert alarm["Dimensions"] == [{"Name": "ScheduleGroup", "Value": {"Ref": "TickGroup"}}]
    assert alarm["TreatMissingData"] == "breaching"
    assert of_type("AWS::Scheduler::Schedule")["Tick"]["GroupName"] == {"Ref": "TickGroup"}
    assert template()["Resources"]["NoTickAlarm"]["Condition"] == "Ticks"


def test_a_request_without_keys_does_not_pass_the_webhooks_condition() -> None:
    statements = of_type("AWS::IAM::Role")["WebhookRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    (condition,) = [one["Condition"] for one in statements if one["Sid"] == "WriteDeliveries"]
    assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}


def test_the_stack_tells_the_version_of_its_functions() -> None:
    assert template()["Outputs"]["Version"]["Value"] == tagstream.__version__


def test_every_alarm_writes_to_the_topic_and_the_address_that_are_given_and_else_to_nobody() -> None:
    actions = [one["AlarmActions"] for one in of_type("AWS::CloudWatch::Alarm").values()]
    nobody = {"Ref": "AWS::NoValue"}
    expected = [
        {"Fn::If": ["Notifies", {"Ref": "AlarmTopicArn"}, nobody]},
        {"Fn::If": ["WritesEmail", {"Ref": "AlarmEmailTopic"}, nobody]},
    ]
    assert actions == [expected] * len(actions)
    subscription = of_type("AWS::SNS::Topic")["AlarmEmailTopic"]["Subscription"]
    assert subscription == [{"Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}}]
    assert [template()["Parameters"][name]["Default"] for name in ("AlarmEmail", "AlarmTopicArn")] == ["", ""]


def test_operations_says_what_to_do_for_every_alarm() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    assert [name for name in of_type("AWS::CloudWatch::Alarm") if name not in page] == []
