"""Measures whole scans: beside Flux's packages with their store, and the memory of ScanFunction.

The goals speak of CPU seconds: both sides wait for the same registry, but the table of this machine is an emulator,
whose own work would count as tagstream's on the wall.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3

from tests.bench.bench_lists import LAMBDA_MB, REPOSITORIES, WORKERS
from tests.bench.fast_registry import grow, serving
from tests.bench.fleet import Fleet
from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import Compared, Taken, in_turns, shown, timed
from tests.embedded.aws import REGION, EmbeddedAws, running
from tests.house.source_files import ROOT

ROUNDS = 3
GOAL, DIGEST_GOAL = 3.0, 2.0
MANY, SMALL_LAMBDA_MB = 5_000, 256
RIVAL = f"go-containerregistry and Badger, {WORKERS} at once"
_FUNCTION = """
import json, os, resource, sys
from types import SimpleNamespace
import boto3
from functions.scan.app import handler
context = SimpleNamespace(function_name="scan", memory_limit_in_mb=256, aws_request_id="1",
                          invoked_function_arn="arn:aws:lambda:eu-central-1:1:function:scan",
                          get_remaining_time_in_millis=lambda: 900_000)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
sqs, url = boto3.client("sqs"), os.environ["TAGSTREAM_SCAN_QUEUE_URL"]
handler({"tagstream": "tick"}, context)
ticked, messages = peak(), 0
while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"],
                                   WaitTimeSeconds=7).get("Messages"):
    records = [{"messageId": one["MessageId"], "receiptHandle": one["ReceiptHandle"], "body": one["Body"],
                "attributes": one["Attributes"], "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:1:scan", "awsRegion": "eu-central-1"} for one in found]
    failures = handler({"Records": records}, context)["batchItemFailures"]
    if failures:
        sys.exit(f"{failures} failed")
    messages += len(found)
    for one in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
print(json.dumps({"ticked": ticked, "peak": peak(), "messages": messages}))
"""


def _first(flux: Flux | None) -> Iterator[Row]:
    if flux is None:
        return
    with running() as aws, serving() as address:

        def ours() -> Taken:
            return timed(Fleet(aws.endpoint, REPOSITORIES, address).applied().scan)

        def theirs() -> Taken:
            # A store that is made anew each time has nothing in it.
            with tempfile.TemporaryDirectory() as folder:
                return _asked(flux, "scan", address, REPOSITORIES, database=folder)

        yield from _rows("scanned for the first time, stored, selected", ours, theirs, GOAL)


def _changed(flux: Flux | None) -> Iterator[Row]:
    if flux is None:
        return
    with running() as aws, serving() as address, tempfile.TemporaryDirectory() as folder:
        fleet = Fleet(aws.endpoint, REPOSITORIES, address).applied()

        def ours() -> Taken:
            grow(address)
            return timed(fleet.scan)

        theirs = partial(_asked, flux, "scan", address, REPOSITORIES, database=folder)
        yield from _rows("scanned, all lists changed, stored, selected", ours, theirs, GOAL)


def _unchanged(flux: Flux | None) -> Iterator[Row]:
    if flux is None:
        return
    with running() as aws, serving() as address, tempfile.TemporaryDirectory() as folder:
        fleet = Fleet(aws.endpoint, REPOSITORIES, address).applied()
        fleet.scan()
        _asked(flux, "scan", address, REPOSITORIES, database=folder)
        theirs = partial(_asked, flux, "scan", address, 0, database=folder)
        yield from _rows("scanned, nothing changed", partial(timed, fleet.scan), theirs, None)


def _digests(flux: Flux | None) -> Iterator[Row]:
    if flux is None:
        return
    with running() as aws, serving() as address:
        fleet = Fleet(aws.endpoint, REPOSITORIES, address, digests=True).applied()
        fleet.scan()
        inputs: dict[str, Any] = {"address": address, "count": REPOSITORIES, "concurrent": WORKERS, "tag": "1.99.0"}
        theirs = partial(flux.ask, "digests", 1, **inputs)
        (found,) = in_turns(partial(timed, fleet.evaluate), [theirs], ROUNDS)
        what = f"{REPOSITORIES:,} policies with digest Always, unchanged"
        yield from _two(what, f"go-containerregistry's Head, {WORKERS} at once", found, DIGEST_GOAL)


def _asked(flux: Flux, do: str, address: str, expected: int, database: str) -> Taken:
    policy = {"kind": "semver", "semver": ">=0.0.0"}
    sizes = {"count": REPOSITORIES, "concurrent": WORKERS}
    return flux.ask(do, expected, address=address, database=database, **policy, **sizes)


def _rows(what: str, ours: Callable[[], Taken], theirs: Callable[[], Taken], goal: float | None) -> Iterator[Row]:
    (found,) = in_turns(ours, [theirs], ROUNDS)
    yield from _two(f"{REPOSITORIES:,} repositories {what}", RIVAL, found, goal)


def _two(what: str, rival: str, found: Compared, goal: float | None) -> Iterator[Row]:
    cpu = (shown(found.ours.cpu), shown(found.theirs.cpu), found.cpu_ratio)
    wall = (shown(found.ours.wall), shown(found.theirs.wall), found.wall_ratio)
    for kind, wanted, (mine, other, value) in (
        ("CPU", goal, cpu),
        ("on the wall, with the emulated table", None, wall),
    ):
        yield Row(what=f"{what}, {kind}", ours=mine, rival=rival, theirs=other, value=value, goal=wanted)


def _memory(_flux: Flux | None) -> Iterator[Row]:
    with running() as aws, serving() as address:
        fleet = Fleet(aws.endpoint, MANY, address).applied()
        found = _function(aws, fleet.table.name)
    measured = f"{found['peak']} MB ({found['ticked']} after the tick, then {found['messages']} messages)"
    yield Row(
        what=f"memory in MB of ScanFunction, first tick of {MANY:,} repositories and its messages",
        ours=measured,
        value=found["peak"],
        goal=SMALL_LAMBDA_MB,
    )


def _million(_flux: Flux | None) -> Iterator[Row]:
    with running() as aws, serving(million=1_000_000) as address:
        fleet = Fleet(aws.endpoint, 1, address, image="million").applied()
        found = _function(aws, fleet.table.name)
    yield Row(
        what="memory in MB of ScanFunction for a list of 1,000,000 tags",
        ours=f"{found['peak']} MB",
        value=found["peak"],
        goal=LAMBDA_MB,
    )


def _function(aws: EmbeddedAws, table: str) -> Any:
    """Run ScanFunction for a tick and for the messages that it sends, in a process of its own."""
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
    sqs = boto3.client("sqs", endpoint_url=aws.endpoint, **credentials)  # type: ignore[call-overload]
    environ = {
        **aws.environ,
        "TAGSTREAM_TABLE": table,
        "TAGSTREAM_STACK": "bench",
        "TAGSTREAM_SCAN_QUEUE_URL": sqs.create_queue(QueueName=table)["QueueUrl"],
        "POWERTOOLS_SERVICE_NAME": "bench",
        "LOG_LEVEL": "ERROR",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", _FUNCTION],
        env=environ,
        cwd=Path(ROOT),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


BENCHES = {
    "scan-first": _first,
    "scan-changed": _changed,
    "scan-unchanged": _unchanged,
    "digests": _digests,
    "memory": _memory,
    "memory-million": _million,
}
