"""The dashboard's widget as deployed: it shows what runs where to who may invoke it, and can do nothing but read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.deployed.test_policies import user
from tests.deployed.test_rights_enforced import zipped
from tests.embedded.aws import REGION, EmbeddedStack
from tests.embedded.system import System, documents
from tests.house.source_files import ROOT
from tests.policies.documents import VIEWER, read

NAMESPACE = "widget"
HOSTILE = "<script>alert(1)</script>"
PROBE = """
import os
import boto3
from botocore.exceptions import ClientError

def attempt(call, **given):
    try:
        call(**given)
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]

def handler(event, context):
    table, item = os.environ["TABLE"], {"pk": {"S": "object#a"}, "sk": {"S": "b"}}
    dynamodb, secrets = boto3.client("dynamodb"), boto3.client("secretsmanager")
    sqs, functions = boto3.client("sqs"), boto3.client("lambda")
    stack = os.environ["STACK"]
    return {
        "read": attempt(dynamodb.get_item, TableName=table, Key=item),
        "put": attempt(dynamodb.put_item, TableName=table, Item=item),
        "delete": attempt(dynamodb.delete_item, TableName=table, Key=item),
        "update": attempt(dynamodb.update_item, TableName=table, Key=item),
        "batch": attempt(dynamodb.batch_write_item, RequestItems={table: [{"PutRequest": {"Item": item}}]}),
        "scan": attempt(dynamodb.scan, TableName=table),
        "secret": attempt(secrets.get_secret_value, SecretId=f"{stack}/widget/token"),
        "queue": attempt(sqs.send_message, QueueUrl=os.environ["QUEUE"], MessageBody="{}"),
        "invoke": attempt(functions.invoke, FunctionName=f"{stack}-sync", Payload=b"{}"),
    }
"""


def sample(name: str, **parameters: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / f"events/widget_{name}.json").read_bytes())
    return {**found, **parameters}


@pytest.fixture(scope="module")
def system(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> System:
    """A stack with a secret, a policy, and a person who writes HTML into an annotation."""
    found = System(stack=stack, registry="")
    manifests: Path = tmp_path_factory.mktemp("widget") / "objects.yaml"
    metadata = {"name": "app", "namespace": NAMESPACE}
    group = "image.toolkit.fluxcd.io/v1"
    spec = {"imageRepositoryRef": {"name": "app"}, "policy": {"semver": {"range": "1.x"}}}
    manifests.write_bytes(
        documents(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {**metadata, "name": "token"}, "stringData": {"a": "b"}},
            {
                "apiVersion": group,
                "kind": "ImageRepository",
                "metadata": metadata,
                "spec": {"image": "127.0.0.1:1/app", "interval": "1h"},
            },
            {"apiVersion": group, "kind": "ImagePolicy", "metadata": metadata, "spec": spec},
        )
    )
    found.cli("apply", "-f", str(manifests))
    found.cli("hold", "policy", "app", "-n", NAMESPACE, f"--reason={HOSTILE}", "--no-wait")
    return found


def test_the_widget_shows_the_stack_and_nothing_that_is_injected(system: System) -> None:
    stack = system.stack
    assert "namespace: apps" in stack.invoke("dashboard", sample("describe"))["markdown"]
    shown = stack.invoke("dashboard", sample("overview", namespace=NAMESPACE))
    assert "127.0.0.1:1/app" in shown
    assert HOSTILE not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    refused = stack.invoke("dashboard", sample("overview", namespace=HOSTILE))
    assert HOSTILE not in refused
    assert "is no name of an object" in refused
    page = stack.invoke("dashboard", sample("policy", policy=f"{NAMESPACE}/app"))
    assert "Why this tag and no other" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    # A link of the widget calls this very function.
    assert f':function:{stack.name}-dashboard"' in shown
    assert "ERROR" not in "".join(stack.logs("dashboard"))


def test_the_function_of_the_widget_can_read_the_table_and_do_nothing_else(system: System) -> None:
    stack, functions = system.stack, system.stack.client("lambda")
    role = functions.get_function_configuration(FunctionName=f"{stack.name}-dashboard")["Role"]
    where = {"TABLE": stack.outputs["TableName"], "QUEUE": stack.outputs["ScanQueueUrl"], "STACK": stack.name}
    functions.create_function(
        FunctionName=f"{stack.name}-reader",
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": zipped(PROBE)},
        Environment={"Variables": where},
    )
    try:
        found = stack.invoke("reader", {})
    finally:
        functions.delete_function(FunctionName=f"{stack.name}-reader")
    assert found.pop("read") == "done"
    assert {one for one in found.values() if not one.startswith("AccessDenied")} == set()


@pytest.fixture
def viewer(stack: EmbeddedStack) -> Iterator[dict[str, str]]:
    with user(stack, read(VIEWER), stack.name) as environ:
        yield environ


def test_a_viewer_may_invoke_the_widget_and_no_other_function(system: System, viewer: dict[str, str]) -> None:
    client = boto3.client(
        "lambda",
        endpoint_url=viewer["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=viewer["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=viewer["AWS_SECRET_ACCESS_KEY"],
    )
    name, asked = system.stack.name, json.dumps(sample("describe")).encode()
    answer = client.invoke(FunctionName=f"{name}-dashboard", Payload=asked)
    assert b"markdown" in answer["Payload"].read()
    with pytest.raises(ClientError, match=r"not authorized|AccessDenied"):
        client.invoke(FunctionName=f"{name}-scan", Payload=b'{"tagstream": "tick"}')
