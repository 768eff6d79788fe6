"""Measures whole scans: beside Flux's own controller and beside its packages alone, and the memory of ScanFunction.

The goals speak of CPU seconds of tagstream's process and of the controller's: the registry, the emulated table and
the Kubernetes API server are processes of their own, whose work would count on the wall.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import boto3

from tests.bench.bench_lists import LAMBDA_MB, REPOSITORIES, WORKERS
from tests.bench.fast_registry import TAGS, grow, serving, serving_tls, told_of
from tests.bench.fleet import Fleet
from tests.bench.flux_driver import Flux
from tests.bench.reflector import IMAGE_POLICIES, IMAGE_REPOSITORIES, Reflector, built, reflecting
from tests.bench.row import Row
from tests.bench.timing import Taken, Work, in_turns, shown, timed
from tests.embedded.aws import REGION, EmbeddedAws, running
from tests.house.source_files import ROOT

ROUNDS = 3
GOAL, DIGEST_GOAL = 3.0, 2.0
MANY, SMALL_LAMBDA_MB = 5_000, 256
CONTROLLER, DEFAULT_CONCURRENT = "Flux's image-reflector-controller", 4
LOOP = f"go-containerregistry and Badger, nothing else, {WORKERS} at once"
MOST_S = 240.0
Rival = tuple[str, float | None, Work]
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
    with running() as aws, serving_tls() as address:

        def ours() -> Taken:
            fleet = Fleet(aws.endpoint, REPOSITORIES, address).applied()
            return _succeeding(fleet, fleet.scan)

        def controller(concurrent: int) -> Taken:
            # It starts, and its objects are created, before it is measured.
            with reflecting(address, concurrent) as reflector:
                reflector.create(REPOSITORIES)
                return reflector.scanned()

        def loop() -> Taken:
            # A store that is made anew each time has nothing in it.
            with tempfile.TemporaryDirectory() as folder:
                return _looped(flux, "scan", address, REPOSITORIES, database=folder)

        rivals = [_controller(one, GOAL, partial(controller, one)) for one in _concurrent(flux)]
        yield from _rows("scanned for the first time, stored, selected", ours, [*rivals, _loop(loop)])


def _changed(flux: Flux | None) -> Iterator[Row]:
    if flux is None:
        return
    with _scanned(flux) as (address, fleet, reflectors, loop):

        def ours() -> Taken:
            grow(address)
            return _succeeding(fleet, fleet.scan)

        rivals = [_controller(at_once, GOAL, one.scanned) for at_once, one in reflectors.items()]
        rivals.append(_loop(partial(loop, REPOSITORIES)))
        yield from _rows("scanned, all lists changed, stored, selected", ours, rivals)


def _unchanged(flux: Flux | None) -> Iterator[Row]:
    if flux is None:
        return
    with _scanned(flux) as (_, fleet, reflectors, loop):
        rivals = [_controller(at_once, None, one.scanned) for at_once, one in reflectors.items()]
        rivals.append(_loop(partial(loop, 0)))
        yield from _rows("scanned, nothing changed", partial(_succeeding, fleet, fleet.scan), rivals)


def _digests(flux: Flux | None) -> Iterator[Row]:
    if flux is None:
        return
    with ExitStack() as stack:
        aws, address = stack.enter_context(running()), stack.enter_context(serving_tls())
        fleet = Fleet(aws.endpoint, REPOSITORIES, address, digests=True).applied()
        fleet.scan()
        rivals = []
        for concurrent in _concurrent(flux):
            reflector = stack.enter_context(reflecting(address, concurrent))
            reflector.create(REPOSITORIES, digests=True)
            reflector.repeat(IMAGE_POLICIES)
            rivals.append(_controller(concurrent, DIGEST_GOAL, reflector.digested))
        inputs = {**told_of(address, REPOSITORIES, WORKERS), "tag": f"1.{TAGS - 1}.0"}
        name = f"go-containerregistry's Head, nothing else, {WORKERS} at once"
        rivals.append((name, None, partial(flux.ask, "digests", 1, **inputs)))
        what = f"{REPOSITORIES:,} policies with digest Always, unchanged"
        yield from _compared(what, partial(_succeeding, fleet, fleet.evaluate), rivals)


def _succeeding(fleet: Fleet, work: Callable[[], None]) -> Taken:
    """What a piece of work takes, after which all objects must be ready."""
    taken = timed(work)
    fleet.check()
    return taken


@contextmanager
def _scanned(flux: Flux) -> Iterator[tuple[str, Fleet, dict[int, Reflector], Callable[[int], Taken]]]:
    """A registry whose lists all sides have scanned: tagstream, Flux's controllers by what they do at once, the loop.

    The loop is told how many policies it must evaluate.
    """
    with ExitStack() as stack:
        aws, address = stack.enter_context(running()), stack.enter_context(serving_tls())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        fleet = Fleet(aws.endpoint, REPOSITORIES, address).applied()
        fleet.scan()
        _looped(flux, "scan", address, REPOSITORIES, database=folder)
        reflectors = {one: stack.enter_context(reflecting(address, one)) for one in _concurrent(flux)}
        for reflector in reflectors.values():
            reflector.create(REPOSITORIES)
            reflector.repeat(IMAGE_REPOSITORIES)
        yield address, fleet, reflectors, lambda evaluated: _looped(flux, "scan", address, evaluated, database=folder)


def _concurrent(flux: Flux) -> Sequence[int]:
    """How many objects Flux's controllers reconcile at once; none where they cannot be built."""
    return (WORKERS, DEFAULT_CONCURRENT) if flux.can_build(CONTROLLER, built) else ()


def _controller(concurrent: int, goal: float | None, work: Work) -> Rival:
    """The goal is for the way in which the controller takes the least CPU."""
    at_once = f"{concurrent} at once" + (", its default" if concurrent == DEFAULT_CONCURRENT else "")
    return f"{CONTROLLER}, {at_once}", goal if concurrent == WORKERS else None, work


def _loop(work: Work) -> Rival:
    return LOOP, None, work


def _looped(flux: Flux, do: str, address: str, expected: int, database: str) -> Taken:
    policy = {"kind": "semver", "semver": ">=0.0.0"}
    return flux.ask(do, expected, database=database, **policy, **told_of(address, REPOSITORIES, WORKERS))


def _rows(what: str, ours: Work, rivals: Sequence[Rival]) -> Iterator[Row]:
    yield from _compared(f"{REPOSITORIES:,} repositories {what}", ours, rivals)


def _compared(what: str, ours: Work, rivals: Sequence[Rival]) -> Iterator[Row]:
    found = in_turns(ours, [work for _, _, work in rivals], ROUNDS, MOST_S)
    for (rival, goal, _), one in zip(rivals, found, strict=True):
        cpu = (shown(one.ours.cpu), shown(one.theirs.cpu), one.cpu_ratio)
        wall = (shown(one.ours.wall), shown(one.theirs.wall), one.wall_ratio)
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
