"""What the command line learns of a deployed stack, and how long the functions wait for AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid

import boto3

from tagstream.adapters.store.table import Table
from tests.embedded.aws import EmbeddedAws
from tests.embedded.hanging import hanging

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


def test_the_region_comes_from_either_variable_and_an_error_says_what_to_set(aws: EmbeddedAws) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    kept |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": os.devnull}
    kept |= {"AWS_ENDPOINT_URL": aws.endpoint}
    command = [sys.executable, "-c", SHOWN, "nosuch"]
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        asked = subprocess.run(command, capture_output=True, text=True, check=False, env=kept | {variable: "us-east-1"})
        assert "stack 'nosuch': " in asked.stderr
        assert "region" not in asked.stderr
    without = subprocess.run(command, capture_output=True, text=True, check=False, env=kept)
    assert "stack 'nosuch': there is no region: set AWS_REGION, or the region of your profile" in without.stderr


ASKED = """
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.wiring import webhook_ports
try:
    webhook_ports().secrets.get(NamespacedName("ns", "token"))
except RetryableError as error:
    print(error.reason)
"""
# The time-out of the webhook function in the template.
ANSWER_IN_S = 10.0


def test_the_webhook_gives_up_on_a_hanging_secrets_manager_before_its_own_time_is_up(
    aws: EmbeddedAws, table: Table
) -> None:
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    environment |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": aws.endpoint}
    environment |= {
        "TAGSTREAM_TABLE": table.name,
        "TAGSTREAM_STACK": "stack",
        "TAGSTREAM_SCAN_QUEUE_URL": "https://queue",
    }
    with hanging() as secrets_manager:
        environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = f"http://{secrets_manager.address}"
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", ASKED], capture_output=True, text=True, check=True, env=environment
        )
        took_s = time.monotonic() - began
        assert secrets_manager.taken
    assert done.stdout.strip() == "AuthenticationFailed"
    assert took_s < ANSWER_IN_S


DELIVERED = """
import json, sys
from tagstream.reconcile.handlers import webhook
from tagstream.wiring import webhook_ports
path = "/hook/" + "0" * 64
event = {"version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {}, "body": "{}", "isBase64Encoded": False}
event["requestContext"] = {"http": {"method": "POST", "path": path}}
print(webhook(event, webhook_ports())["statusCode"], file=sys.stderr)
"""


def test_the_webhook_answers_503_before_its_own_time_is_up_when_the_table_hangs() -> None:
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    environment |= {"AWS_DEFAULT_REGION": "us-east-1", "TAGSTREAM_TABLE": "table", "TAGSTREAM_STACK": "stack"}
    with hanging() as table:
        environment |= {"AWS_ENDPOINT_URL": f"http://{table.address}", "TAGSTREAM_SCAN_QUEUE_URL": "https://queue"}
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", DELIVERED], capture_output=True, text=True, check=True, env=environment
        )
        took_s = time.monotonic() - began
        assert len(table.taken) == 1
    assert done.stderr.strip().splitlines()[-1] == "503"
    assert took_s < ANSWER_IN_S


WRITTEN = """
import os, sys, time
from tagstream.adapters.store.conditions import ABSENT
from tagstream.errors import RetryableError
from tagstream.wiring import webhook_ports
table = webhook_ports().ledger.table
began = time.monotonic()
try:
    table.put({"pk": {"S": "one"}, "sk": {"S": ""}}, ABSENT)
except RetryableError as error:
    print(error.reason, time.monotonic() - began)
"""


def test_a_conditional_write_to_a_table_that_hangs_is_not_looked_for_in_a_table_that_hangs() -> None:
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    environment |= {"AWS_DEFAULT_REGION": "us-east-1", "TAGSTREAM_TABLE": "table", "TAGSTREAM_STACK": "stack"}
    with hanging() as table:
        environment |= {"AWS_ENDPOINT_URL": f"http://{table.address}", "TAGSTREAM_SCAN_QUEUE_URL": "https://queue"}
        done = subprocess.run(
            [sys.executable, "-c", WRITTEN], capture_output=True, text=True, check=True, env=environment
        )
    reason, took_s = done.stdout.split()
    assert reason == "StorageOperationFailed"
    assert float(took_s) < ANSWER_IN_S / 2


STARTED = """
import gc
from tagstream import wiring
begun = []
gc.callbacks.append(lambda phase, told: begun.append(phase))
ports = wiring.notify_ports()
print(ports is wiring.notify_ports(), begun, gc.isenabled(), gc.get_freeze_count() > 100_000)
"""


def test_a_functions_ports_are_made_once_and_without_the_garbage_collector() -> None:
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    environment |= {
        "AWS_DEFAULT_REGION": "us-east-1",
        "TAGSTREAM_TABLE": "table",
        "TAGSTREAM_STACK": "stack",
        "TAGSTREAM_SCAN_QUEUE_URL": "https://queue",
        "TAGSTREAM_DEAD_LETTERS_URL": "https://dead-letters",
    }
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split("\n")[0] == "True [] True True"
