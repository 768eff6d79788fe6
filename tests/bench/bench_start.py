"""Measures the start of each function: its imports, its clients and the answer to its first event.

The comparison is the least that any function on AWS needs: boto3 and the clients that this function makes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import boto3

from tests.bench.fleet import counted_table
from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import Taken, in_turns, shown
from tests.embedded.aws import REGION, running
from tests.house.source_files import ROOT

ROUNDS = 7
EVENTS = {"scan": "schedule_tick.json", "update": "stream_run.json"}
CLIENTS = {"scan": ("dynamodb", "secretsmanager", "sqs"), "update": ("dynamodb", "secretsmanager", "sqs")}
_OURS = """
import json, sys, time
from types import SimpleNamespace
cpu, begun = time.process_time(), time.perf_counter()
import importlib
handler = importlib.import_module(f"functions.{sys.argv[1]}.app").handler
context = SimpleNamespace(function_name=sys.argv[1], memory_limit_in_mb=512, aws_request_id="1",
                          invoked_function_arn="arn:aws:lambda:eu-central-1:1:function:f",
                          get_remaining_time_in_millis=lambda: 60_000)
answer = handler(json.load(open(sys.argv[2])), context)
taken = [time.perf_counter() - begun, time.process_time() - cpu]
assert answer == {"batchItemFailures": []}, answer
print(json.dumps(taken))
"""
_FLOOR = """
import json, os, sys, time
cpu, begun = time.process_time(), time.perf_counter()
import boto3
session = boto3.session.Session()
clients = [session.client(name) for name in sys.argv[1].split(",")]
clients[0].get_item(TableName=os.environ["TAGSTREAM_TABLE"], Key={"pk": {"S": "x"}, "sk": {"S": "-"}})
print(json.dumps([time.perf_counter() - begun, time.process_time() - cpu]))
"""


def _rows(_flux: Flux | None) -> Iterator[Row]:
    with running() as aws:
        _, table = counted_table(aws.endpoint)
        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        sqs = boto3.client("sqs", endpoint_url=aws.endpoint, **credentials)  # type: ignore[call-overload]
        environ = {
            **aws.environ,
            "TAGSTREAM_TABLE": table.name,
            "TAGSTREAM_STACK": "bench",
            "TAGSTREAM_SCAN_QUEUE_URL": sqs.create_queue(QueueName="start")["QueueUrl"],
            "POWERTOOLS_SERVICE_NAME": "bench",
            "LOG_LEVEL": "ERROR",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
            "PYTHONPYCACHEPREFIX": str(ROOT / ".bench" / "bytecode"),
        }
        # The layers have their bytecode beside them, whatever this machine wants for its checkouts.
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        for function, event in EVENTS.items():
            ours = partial(_started, [_OURS, function, str(ROOT / "events" / event)], environ)
            floor = partial(_started, [_FLOOR, ",".join(CLIENTS[function])], environ)
            (found,) = in_turns(ours, [floor], ROUNDS)
            yield Row(
                what=f"{function} function, cold: imports and first event, CPU",
                ours=shown(found.ours.cpu),
                rival="boto3's clients and one read",
                theirs=shown(found.theirs.cpu),
                value=found.cpu_ratio,
            )


def _started(arguments: list[str], environ: dict[str, str]) -> Taken:
    command = [sys.executable, "-c", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    wall, cpu = json.loads(done.stdout.splitlines()[-1])
    return Taken(wall, cpu)


BENCHES = {"start": _rows}
