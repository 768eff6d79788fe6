"""Makes the policies of docs/policies: for users of the command line, for deployers, for viewers of the dashboard.

REGION, ACCOUNT and STACK stand in them for what a reader has to put in.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from tests.house.source_files import ROOT
from tests.house.template_file import dashboard, template

FOLDER = ROOT / "docs" / "policies"
CLI, DEPLOYER, VIEWER = FOLDER / "cli.json", FOLDER / "deployer.json", FOLDER / "viewer.json"
PLACE = "REGION:ACCOUNT"

# What a user of the command line does anything to, by service.
CLI_RESOURCES = {
    "cloudformation": [f"arn:aws:cloudformation:{PLACE}:stack/STACK/*"],
    "dynamodb": [f"arn:aws:dynamodb:{PLACE}:table/STACK-TagStateTable-*"],
    "logs": [f"arn:aws:logs:{PLACE}:log-group:/aws/lambda/STACK-*"],
    "secretsmanager": [f"arn:aws:secretsmanager:{PLACE}:secret:STACK/*"],
    "sqs": [f"arn:aws:sqs:{PLACE}:STACK-*"],
}
# AWS has no resource for these: they list names and states of the whole account, and read no content.
CLI_LISTS = frozenset({"cloudwatch:DescribeAlarms", "secretsmanager:ListSecrets"})
# What the console calls in a viewer's name, by the type of a widget (CloudWatch's user guide, "Permissions required to
# use the CloudWatch console", and the guide of each service).
WIDGET_ACTIONS = {
    "alarm": ("cloudwatch:DescribeAlarms",),
    "custom": ("lambda:InvokeFunction",),
    "log": ("logs:GetQueryResults", "logs:StartQuery", "logs:StopQuery"),
    "metric": ("cloudwatch:GetMetricData",),
}
VIEWER_RESOURCES = {
    "cloudwatch:GetDashboard": "arn:aws:cloudwatch::ACCOUNT:dashboard/STACK",
    "lambda:InvokeFunction": f"arn:aws:lambda:{PLACE}:function:STACK-dashboard",
    "logs:StartQuery": f"arn:aws:logs:{PLACE}:log-group:/aws/lambda/STACK-*",
}
# AWS has no resource for these: states of alarms, values of metrics, and the results of queries that are known by a
# random id.
VIEWER_LISTS = frozenset(
    {"cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:ListDashboards"}
    | {"logs:GetQueryResults", "logs:StopQuery"}
)
# sam keeps code in a bucket that it makes, with a stack of its own, at the first deployment in a region.
SAM = "aws-sam-cli-managed-default"
SAM_TYPES = ("AWS::S3::Bucket", "AWS::S3::BucketPolicy")
DEPLOYER_RESOURCES = {
    "cloudformation": [
        f"arn:aws:cloudformation:{PLACE}:stack/STACK/*",
        # sam looks for it before it deletes; it would hold repositories of images.
        f"arn:aws:cloudformation:{PLACE}:stack/STACK-*-CompanionStack/*",
        f"arn:aws:cloudformation:{PLACE}:stack/{SAM}/*",
        "arn:aws:cloudformation:REGION:aws:transform/*",
    ],
    "cloudwatch": [f"arn:aws:cloudwatch:{PLACE}:alarm:STACK-*", "arn:aws:cloudwatch::ACCOUNT:dashboard/STACK"],
    "dynamodb": [f"arn:aws:dynamodb:{PLACE}:table/STACK-TagStateTable-*"],
    "events": [f"arn:aws:events:{PLACE}:rule/STACK-*"],
    "iam": ["arn:aws:iam::ACCOUNT:role/STACK-*"],
    "lambda": [f"arn:aws:lambda:{PLACE}:function:STACK-*", f"arn:aws:lambda:{PLACE}:layer:STACK-*"],
    "logs": [f"arn:aws:logs:{PLACE}:log-group:/aws/lambda/STACK-*"],
    "s3": [f"arn:aws:s3:::{SAM}-*"],
    "scheduler": [
        f"arn:aws:scheduler:{PLACE}:schedule-group/STACK",
        f"arn:aws:scheduler:{PLACE}:schedule/STACK/*",
    ],
    "sns": [f"arn:aws:sns:{PLACE}:STACK-*"],
    "sqs": [f"arn:aws:sqs:{PLACE}:STACK-*"],
}
HANDLERS = ("create", "read", "update", "delete")
# What the schemas name for properties that the template does not set: imports, replicas and streams of tables, managed
# policies and boundaries of roles, file systems, analytics and replication of buckets … A service that the template has
# no type of is left out as a whole.
UNUSED = re.compile(
    r"dynamodb:(?!Describe).*(?:Item|Scan|Query|Import|Replica|Kinesis|ContributorInsights|ResourcePolicy).*"
    r"|iam:.*(?:RolePermissionsBoundary|AttachRolePolicy|DetachRolePolicy)"
    r"|lambda:(?!Get).*(?:CodeSigning|CapacityProvider|ScalingConfig).*"
    r"|logs:(?!Get|Describe).*(?:DataProtection|ResourcePolic|Index|BearerToken|LogDelivery|KmsKey|DeletionProtection).*"
    r"|s3:(?!CreateBucket$|GetBucket|PutBucket(?:Policy|PublicAccessBlock|Tagging|Versioning)|.*EncryptionConfig).*"
)
# These list what there is, whatever its name, and read no content.
LISTS = re.compile(r"cloudwatch:DescribeAlarms|logs:Describe\w+")
# Their resource is not known when they are made; they are tied to the function instead.
MAPPING = re.compile(r"lambda:\w+EventSourceMapping")


def policy(statements: Iterable[tuple[str, Iterable[str], list[str]]]) -> dict[str, Any]:
    """Return a policy that allows actions on resources; each statement is its Sid, its actions and its resources."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resources}
            for sid, actions, resources in statements
        ],
    }


def cli_policy(used: Iterable[str]) -> dict[str, Any]:
    """Return the policy of a user of the command line, from the actions that its commands were seen to use."""
    lists = {action for action in used if action in CLI_LISTS}
    by_service = _by_service(set(used) - lists)
    return policy(
        [
            *((f"Use{name.capitalize()}", actions, CLI_RESOURCES[name]) for name, actions in by_service.items()),
            *([("List", sorted(lists), ["*"])] if lists else []),
        ]
    )


def deployer_policy(used: Iterable[str]) -> dict[str, Any]:
    """Return the policy of whoever deploys.

    Args:
        used: the actions that sam was seen to use. What CloudFormation does for the caller is added, as the schemas of
            the template's resource types name it.
    """
    wanted = {*used, *(action for kind in (*resource_types(), *SAM_TYPES) for action in _of_type(kind))}
    mappings = {action for action in wanted if MAPPING.fullmatch(action)}
    lists = {action for action in wanted if LISTS.fullmatch(action)}
    plain = _by_service(wanted - mappings - lists - {"iam:PassRole"})
    made = policy(
        (f"Deploy{service.capitalize()}", actions, DEPLOYER_RESOURCES[service]) for service, actions in plain.items()
    )
    made["Statement"] += [
        {"Sid": "List", "Effect": "Allow", "Action": sorted(lists), "Resource": "*"},
        {
            "Sid": "ConnectStreams",
            "Effect": "Allow",
            "Action": sorted(mappings),
            "Resource": "*",
            "Condition": {"ArnLike": {"lambda:FunctionArn": f"arn:aws:lambda:{PLACE}:function:STACK-*"}},
        },
        {
            "Sid": "GiveRolesToFunctions",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": DEPLOYER_RESOURCES["iam"],
            "Condition": {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "scheduler.amazonaws.com"]}},
        },
    ]
    return made


def viewer_policy() -> dict[str, Any]:
    """Return the policy of whoever looks at the dashboard in the console, from the types of its widgets."""
    kinds = {one["type"] for one in dashboard()["widgets"]}
    used = {action for kind in kinds for action in WIDGET_ACTIONS[kind]}
    used |= {"cloudwatch:GetDashboard", "cloudwatch:ListDashboards"}
    own = sorted(used - VIEWER_LISTS)
    return policy(
        [
            *((action.partition(":")[2], [action], [VIEWER_RESOURCES[action]]) for action in own),
            ("List", used & VIEWER_LISTS, ["*"]),
        ]
    )


def resource_types() -> list[str]:
    """Return the types of resources that the template consists of, once SAM has transformed it."""
    given = copy.deepcopy(template())
    given["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    for resource in given["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://bucket/key"
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    transformed = Translator({}, Parser()).translate(given, {})
    return sorted({resource["Type"] for resource in transformed["Resources"].values()})


def _of_type(kind: str) -> Iterator[str]:
    """Yield the rights that CloudFormation needs for a type's own service, and to pass roles to it."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    service = kind.split("::")[1].lower()
    for handler in HANDLERS:
        for action in schema["handlers"].get(handler, {}).get("permissions", ()):
            own = action.startswith(f"{service}:") and not UNUSED.fullmatch(action)
            if own or action == "iam:PassRole":
                yield action


def actions_of(document: Mapping[str, Any]) -> set[str]:
    """Return all actions of a policy."""
    given = (statement["Action"] for statement in document["Statement"])
    return {action for one in given for action in ([one] if isinstance(one, str) else one)}


def read(path: Path) -> dict[str, Any]:
    """Return a policy of the folder."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def filled(document: Mapping[str, Any], stack: str, region: str, account: str) -> str:
    """Return a policy's JSON for one stack."""
    text = json.dumps(document)
    for word, value in (("REGION", region), ("ACCOUNT", account), ("STACK", stack)):
        text = text.replace(word, value)
    return text


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a policy as people read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def _by_service(actions: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for action in sorted(set(actions)):
        found.setdefault(action.partition(":")[0], []).append(action)
    return found
