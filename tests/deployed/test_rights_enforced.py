"""The embedded AWS refuses what a role does not grant; otherwise no deployed test would notice a missing right."""

from __future__ import annotations

import io
import zipfile

from tests.embedded.aws import EmbeddedStack

PROBE = """
import os
import boto3
from botocore.exceptions import ClientError

def attempt(call, **given):
    try:
        call(TableName=os.environ["TABLE"], **given)
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]

def handler(event, context):
    client = boto3.client("dynamodb")
    return [attempt(client.get_item, Key={"pk": {"S": "a"}, "sk": {"S": "b"}}), attempt(client.scan)]
"""


def zipped(source: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", source)
    return packed.getvalue()


def test_a_function_is_refused_what_its_role_lacks(stack: EmbeddedStack) -> None:
    client = stack.client("lambda")
    role = client.get_function_configuration(FunctionName=f"{stack.name}-webhook")["Role"]
    client.create_function(
        FunctionName=f"{stack.name}-probe",
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": zipped(PROBE)},
        Environment={"Variables": {"TABLE": stack.outputs["TableName"]}},
    )
    try:
        assert stack.invoke("probe", {}) == ["done", "AccessDeniedException"]
    finally:
        client.delete_function(FunctionName=f"{stack.name}-probe")
