"""What the command line learns of a deployed stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid

import boto3

from tests.embedded.aws import EmbeddedAws

TEMPLATE = {
    "Parameters": {name: {"Type": "String", "Default": ""} for name in ("Window", "Freeze")},
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
    "Outputs": {"TableName": {"Value": "table"}, "ScanQueueUrl": {"Value": "https://queue"}},
}
SHOWN = "import json, sys; from tagstream.wiring import stack_outputs; print(json.dumps(stack_outputs(sys.argv[1])))"


def test_the_windows_and_freezes_of_a_stack_are_those_of_its_parameters(aws: EmbeddedAws) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    name = f"stack-{uuid.uuid4().hex[:8]}"
    boto3.client("cloudformation", endpoint_url=aws.endpoint, **keys).create_stack(
        StackName=name,
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=[{"ParameterKey": "Window", "ParameterValue": "Mon-Fri 09:00-17:00 Europe/Berlin"}],
    )
    environment = os.environ | {option.upper(): value for option, value in keys.items()}
    environment |= {"AWS_ENDPOINT_URL": aws.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-c", SHOWN, name], capture_output=True, text=True, check=True, env=environment
    )
    found = json.loads(done.stdout)
    assert (found["TAGSTREAM_WINDOW"], found["TAGSTREAM_FREEZE"]) == ("Mon-Fri 09:00-17:00 Europe/Berlin", "")
