"""Measures the webhook function's cold start and its warm answer, beside the least that any function needs.

Cold means a new interpreter that imports the function, makes its clients and answers a first delivery; the comparison
imports boto3 and makes the same three clients. Warm means one more delivery; the comparison makes the two reads by
which a Receiver is found.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3

from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import shown
from tests.embedded.aws import REGION, EmbeddedAws, running
from tests.embedded.table import create_table
from tests.house.source_files import ROOT

ROUNDS = 5
TABLE = "bench-webhook"
_FLOOR = """
import json, time
begin = time.perf_counter()
import boto3
session = boto3.session.Session()
clients = [session.client(name) for name in ("dynamodb", "secretsmanager", "sqs")]
cold = time.perf_counter() - begin
read = lambda: clients[0].get_item(TableName="bench-webhook", Key={"pk": {"S": "hook#/x"}, "sk": {"S": "-"}})
read()
begin = time.perf_counter()
for _ in range(20):
    read(), read()
print(json.dumps({"cold": cold, "warm": (time.perf_counter() - begin) / 20}))
"""
_OURS = """
import json, sys, time
from types import SimpleNamespace
begin = time.perf_counter()
from functions.webhook.app import handler
context = SimpleNamespace(function_name="webhook", memory_limit_in_mb=1769, aws_request_id="1",
                          invoked_function_arn="arn:aws:lambda:eu-central-1:1:function:webhook",
                          get_remaining_time_in_millis=lambda: 10_000)
def answer(number, token):
    path = sys.argv[1]
    event = {"version": "2.0", "rawPath": path, "requestContext": {"http": {"method": "POST", "path": path}},
             "headers": {"authorization": "Bearer " + token}, "isBase64Encoded": False, "body": json.dumps({"events": [
             {"id": str(number), "action": "push", "request": {"host": "r.example.com"},
              "target": {"repository": "app", "tag": str(number)}}]})}
    return handler(event, context)["statusCode"]
statuses = [answer(0, "guessed")]
cold = time.perf_counter() - begin
statuses.append(answer(1, "token"))
begin = time.perf_counter()
statuses += [answer(number, "guessed") for number in range(20)]
refused = (time.perf_counter() - begin) / 20
begin = time.perf_counter()
statuses += [answer(number, "token") for number in range(2, 22)]
print(json.dumps({"cold": cold, "refused": refused, "accepted": (time.perf_counter() - begin) / 20,
                  "statuses": sorted(set(statuses))}))
"""


def _rows(_flux: Flux | None) -> Iterator[Row]:
    """Yield the best of a few rounds, in which the function and the comparison take turns."""
    with running() as aws:
        environ, path = _prepared(aws)
        ours: dict[str, float] = {}
        floor: dict[str, float] = {}
        for _ in range(ROUNDS):
            _keep_best(floor, _run([_FLOOR], environ))
            found = _run([_OURS, path], environ)
            if found.pop("statuses") != [200, 404]:
                raise RuntimeError("a delivery was not answered as it should")
            _keep_best(ours, found)
    # bench_cold_start measures the whole cold start of the deployed function.
    for what, name, rival, other in (
        ("cold: import and first answer", "cold", "boto3's clients", "cold"),
        ("warm: accepted delivery", "accepted", "two table reads", "warm"),
        ("warm: refused delivery", "refused", "two table reads", "warm"),
    ):
        yield Row(
            what=f"webhook, {what}",
            ours=shown(ours[name]),
            rival=rival,
            theirs=shown(floor[other]),
            value=ours[name] / floor[other],
        )


def _keep_best(best: dict[str, float], found: dict[str, Any]) -> None:
    for name, value in found.items():
        best[name] = min(best.get(name, float("inf")), value)


def _run(arguments: list[str], environ: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-c", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _prepared(aws: EmbeddedAws) -> tuple[dict[str, str], str]:
    """Make a table with a Receiver and a repository; return the function's environment and the Receiver's path."""
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
    client = boto3.client("dynamodb", endpoint_url=aws.endpoint, **credentials)  # type: ignore[call-overload]
    create_table(client, TABLE)
    sqs = boto3.client("sqs", endpoint_url=aws.endpoint, **credentials)  # type: ignore[call-overload]
    queue = sqs.create_queue(QueueName=TABLE)["QueueUrl"]
    environ = {
        **os.environ,
        **aws.environ,
        "TAGSTREAM_TABLE": TABLE,
        "TAGSTREAM_STACK": "bench",
        "PYTHONPATH": str(ROOT),
    }
    environ |= {"TAGSTREAM_SCAN_QUEUE_URL": queue, "POWERTOOLS_SERVICE_NAME": "bench", "LOG_LEVEL": "ERROR"}
    prepare = """
import json
from tagstream import wiring
from tagstream.domain.objects.model import NamespacedName
from tagstream.reconcile.receive.paths import publish_receiver
ports = wiring.scan_ports()
ports.secrets.put(NamespacedName("ns", "hook"), {"token": b"token"})
meta = lambda name, **more: {"metadata": {"namespace": "ns", "name": name, **more}}
ports.objects.put({"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository", **meta("app"),
                   "spec": {"image": "r.example.com/app", "interval": "1h"}})
receiver = ports.objects.put({"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver",
    **meta("hook", annotations={"tagstream.dev/sender": "distribution"}),
    "spec": {"type": "generic", "secretRef": {"name": "hook"},
             "resources": [{"kind": "ImageRepository", "name": "*"}]}})
print(json.dumps({"path": publish_receiver(receiver, ports)}))
"""
    return environ, str(_run([prepare], environ)["path"])


BENCHES = {"webhook": _rows}
