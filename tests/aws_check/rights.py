"""The rights that the functions' roles must not have, asked of IAM's simulator and tried with the roles themselves."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.aws_check.names import NAMESPACE, TAG, Names
from tests.aws_check.site import Site

ROLES = ("scan", "webhook", "update")
# Answers of the services to a caller without the right; each service has its own word.
REFUSALS = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May a role do this? ``keys`` are the partition keys of a request to the table, if the answer depends on them."""

    role: str
    actions: tuple[str, ...]
    resource: str
    allowed: bool = False
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A call that a function makes with its role. It does no harm if it succeeds against all expectation."""

    role: str
    service: str
    call: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    allowed: bool = False
    needs_leading_keys: bool = False

    def __str__(self) -> str:
        return f"{self.role}: {self.service}.{self.call}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What the questions are about: the stack's outputs, and its resources' physical names by their logical ids."""

    names: Names
    outputs: Mapping[str, str]
    physical: Mapping[str, str]

    @property
    def table(self) -> str:
        """The ARN of the table."""
        return self.names.arn("dynamodb", f"table/{self.outputs['TableName']}")

    def queue(self, output: str) -> str:
        """The ARN of the queue whose URL is an output."""
        return self.names.arn("sqs", self.outputs[output].rsplit("/", 1)[1])

    def secret(self, name: str) -> str:
        """The ARN of a secret."""
        return self.names.arn("secretsmanager", f"secret:{name}-AbCdEf")

    def function(self, role: str) -> str:
        """The ARN of a function."""
        return self.names.arn("lambda", f"function:{self.names.stack}-{role}")

    def role(self, role: str) -> str:
        """The ARN of a function's role."""
        partition = self.names.arn("iam", "").split(":")[1]
        return f"arn:{partition}:iam::{self.names.account}:role/{self.physical[f'{role.capitalize()}Role']}"


def questions(targets: Targets) -> Iterator[Question]:
    """Yield what each role must not be allowed, and some that it must be, to see that the answers differ."""
    names = targets.names
    own, other = (targets.secret(f"{stack}/{NAMESPACE}/x") for stack in (names.stack, f"{names.stack}-other"))
    for role in ROLES:
        yield Question(role=role, actions=("secretsmanager:GetSecretValue",), resource=own, allowed=True)
        yield Question(role=role, actions=("secretsmanager:GetSecretValue",), resource=other)
        writes = ("secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret", "secretsmanager:DeleteSecret")
        yield Question(role=role, actions=writes, resource=own)
        tables = ("dynamodb:Scan", "dynamodb:DeleteTable", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive")
        yield Question(role=role, actions=tables, resource=targets.table)
        yield Question(role=role, actions=("sqs:SendMessage",), resource=targets.queue("ScanQueueUrl"), allowed=True)
        yield Question(role=role, actions=("sqs:PurgeQueue", "sqs:DeleteQueue"), resource=targets.queue("ScanQueueUrl"))
        for letters in ("ScanDeadLettersUrl", "UpdateDeadLettersUrl"):
            taking = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue")
            yield Question(role=role, actions=taking, resource=targets.queue(letters))
        code = ("lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:InvokeFunction")
        for function in ROLES:
            yield Question(role=role, actions=code, resource=targets.function(function))
        yield Question(role=role, actions=("iam:PassRole", "sts:AssumeRole"), resource=targets.role(role))
        images = ("ecr:PutImage", "ecr:BatchDeleteImage", "ecr:DeleteRepository", "ecr:InitiateLayerUpload")
        yield Question(role=role, actions=images, resource=names.arn("ecr", f"repository/{names.repository}"))
        repositories = ("codecommit:DeleteRepository", "codecommit:CreateCommit", "codecommit:PutFile")
        yield Question(role=role, actions=repositories, resource=names.arn("codecommit", names.repository))
        anything = ("iam:CreateUser", "iam:ListUsers", "s3:ListAllMyBuckets", "ec2:RunInstances")
        yield Question(role=role, actions=(*anything, "secretsmanager:ListSecrets", "kms:Decrypt"), resource="*")
    yield from _questions_of_one_role(targets)


def _questions_of_one_role(targets: Targets) -> Iterator[Question]:
    names = targets.names
    image, git = names.arn("ecr", f"repository/{names.repository}"), names.arn("codecommit", names.repository)
    # For a pull request, UpdateFunction reads what images were built from.
    yield Question(role="update", actions=("ecr:BatchGetImage",), resource=image, allowed=True)
    yield Question(role="webhook", actions=("ecr:BatchGetImage",), resource=image)
    yield Question(role="webhook", actions=("ecr:GetAuthorizationToken",), resource="*")
    for role in ("webhook", "update"):
        yield Question(role=role, actions=("ecr:ListImages",), resource=image)
        yield Question(role=role, actions=("sqs:ReceiveMessage",), resource=targets.queue("ScanQueueUrl"))
    for role in ("webhook", "scan"):
        yield Question(role=role, actions=("codecommit:GitPull", "codecommit:GitPush"), resource=git)
    yield Question(role="scan", actions=("sqs:ReceiveMessage",), resource=targets.queue("ScanQueueUrl"), allowed=True)
    writes = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
    for role in ("scan", "update"):
        yield Question(role=role, actions=writes, resource=targets.table, allowed=True, keys=("object#Receiver",))
    # The function of the dashboard's widget reads a part of the table, and can do nothing else.
    changes = (*writes, "dynamodb:BatchWriteItem", "dynamodb:Scan")
    yield Question(role="dashboard", actions=changes, resource=targets.table)
    reads = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query")
    for key in ("object#ImagePolicy", "tags#a/b", "ledger#2026-01-01"):
        yield Question(role="dashboard", actions=reads, resource=targets.table, allowed=True, keys=(key,))
    for key in ("hook#/hook/a", "hookpath#a/b", "lease#a"):
        yield Question(role="dashboard", actions=reads, resource=targets.table, keys=(key,))
    secret = targets.secret(f"{names.stack}/{NAMESPACE}/x")
    yield Question(role="dashboard", actions=("secretsmanager:GetSecretValue",), resource=secret)
    yield Question(role="dashboard", actions=("sqs:SendMessage",), resource=targets.queue("ScanQueueUrl"))
    for key in ("delivery#a", "pending#a", "ledger#2026-01-01"):
        yield Question(role="webhook", actions=writes, resource=targets.table, allowed=True, keys=(key,))
    for key in ("object#Receiver", "selection#a", "run#a", "tags#a/b", "hook#/hook/a", "secrets#changed", "lease#a"):
        yield Question(role="webhook", actions=writes, resource=targets.table, keys=(key,))


def wrong_answers(site: Site, targets: Targets) -> tuple[int, list[str]]:
    """Ask IAM's simulator every question; return how many actions were asked about, and the wrong answers.

    Questions that depend on a partition key are left out where the simulator does not take one.
    """
    iam = site.client("iam")
    asked, wrong = 0, []
    for question in questions(targets):
        if question.keys and "simulation-context" in site.lacks:
            continue
        given: dict[str, Any] = {}
        if question.keys:
            entry = {"ContextKeyName": "dynamodb:LeadingKeys", "ContextKeyType": "stringList"}
            given["ContextEntries"] = [{**entry, "ContextKeyValues": list(question.keys)}]
        answer = iam.simulate_principal_policy(
            PolicySourceArn=targets.role(question.role),
            ActionNames=list(question.actions),
            ResourceArns=[question.resource],
            **given,
        )
        for one in answer["EvaluationResults"]:
            asked += 1
            if (one["EvalDecision"] == "allowed") != question.allowed:
                about = " ".join((one["EvalActionName"], question.resource, *question.keys))
                wrong.append(f"{question.role}: {about} is {one['EvalDecision']}")
    return asked, wrong


def attempts(targets: Targets) -> Iterator[Attempt]:
    """Yield calls that each role must be refused, and some that it must be granted."""
    table, queue = targets.outputs["TableName"], targets.outputs["ScanQueueUrl"]
    for role in ROLES:
        key = {"pk": {"S": f"pending#{NAMESPACE}/probe"}, "sk": {"S": "-"}}
        yield Attempt(
            role=role, service="dynamodb", call="put_item", arguments={"TableName": table, "Item": key}, allowed=True
        )
        yield Attempt(role=role, service="dynamodb", call="scan", arguments={"TableName": table, "Limit": 1})
        yield Attempt(role=role, service="dynamodb", call="list_tables", arguments={"Limit": 1})
        another = {"SecretId": f"{targets.names.stack}-other/{NAMESPACE}/x"}
        yield Attempt(role=role, service="secretsmanager", call="get_secret_value", arguments=another)
        yield Attempt(role=role, service="secretsmanager", call="list_secrets", arguments={"MaxResults": 1})
        yield Attempt(role=role, service="s3", call="list_buckets")
        yield Attempt(role=role, service="iam", call="list_users", arguments={"MaxItems": 1})
        yield Attempt(role=role, service="lambda", call="list_functions", arguments={"MaxItems": 1})
        yield Attempt(role=role, service="ecr", call="describe_repositories", arguments={"maxResults": 1})
        letters = {"QueueUrl": targets.outputs["UpdateDeadLettersUrl"], "VisibilityTimeout": 0}
        yield Attempt(role=role, service="sqs", call="receive_message", arguments=letters)
    for role in ("webhook", "update"):
        waiting = {"QueueUrl": queue, "VisibilityTimeout": 0}
        yield Attempt(role=role, service="sqs", call="receive_message", arguments=waiting)
    foreign = {"TableName": table, "Item": {"pk": {"S": f"object#{TAG}"}, "sk": {"S": f"{NAMESPACE}/probe"}}}
    yield Attempt(role="webhook", service="dynamodb", call="put_item", arguments=foreign, needs_leading_keys=True)


# Runs in the throw-away functions; boto3 is part of Lambda's Python.
PROBE = """
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def handler(event, context):
    answers = []
    for service, call, arguments in event["attempts"]:
        client = boto3.client(service, config=Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=10))
        try:
            getattr(client, call)(**arguments)
            answers.append("")
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])
    return answers
"""


def wrong_outcomes(site: Site, targets: Targets) -> tuple[int, list[str]]:
    """Make every attempt in a function with the role; return how many were made, and those that ended wrongly.

    The functions are made here and stay until cleanup. Attempts that need ``dynamodb:LeadingKeys`` are left out where
    it is not enforced.
    """
    made, wrong = 0, []
    for role in ROLES:
        own = [
            one
            for one in attempts(targets)
            if one.role == role and not (one.needs_leading_keys and "leading-keys" in site.lacks)
        ]
        codes = _tried(site, targets, role, own)
        made += len(own)
        for one, code in zip(own, codes, strict=True):
            refused = any(word in code for word in REFUSALS)
            if refused == one.allowed or (one.allowed and code):
                wrong.append(f"{one} {one.arguments}: {code or 'was granted'}")
    return made, wrong


def _tried(site: Site, targets: Targets, role: str, own: Sequence[Attempt]) -> list[str]:
    client, name = site.client("lambda"), targets.names.probes[role]
    runtime = client.get_function_configuration(FunctionName=f"{targets.names.stack}-{role}")["Runtime"]
    client.create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=targets.role(role),
        Handler="app.handler",
        Code={"ZipFile": _zipped(PROBE)},
        Timeout=60,
        Tags={TAG: targets.names.stack},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    event = {"attempts": [[one.service, one.call, dict(one.arguments)] for one in own]}
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise RuntimeError(f"{name}: {payload}")
    codes: list[str] = payload
    return codes


def _zipped(source: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        # Without a fixed mode, Lambda may not read the file.
        info = zipfile.ZipInfo("app.py")
        info.external_attr = 0o644 << 16
        archive.writestr(info, source)
    return packed.getvalue()
