"""Measures whole scans into the embedded table: memory for a million tags, time and invocations for 1000 repositories.

The scan runs in a process of its own, with the wiring of ScanFunction.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3

from tests.bench.bench_registry import LAMBDA_MB, REPOSITORIES, TAGS, WORKERS, plain, serving
from tests.embedded.aws import REGION, EmbeddedAws, running

SMALL_LAMBDA_MB = 256
_SCAN = """
import json, logging, resource, sys, time
from tagstream import wiring
from tagstream.domain.objects.model import NamespacedName
from tagstream.reconcile.scan.repositories import ScanTrigger, scan_repositories
address, count, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3]
logging.disable()
ports = wiring.scan_ports()
keys = [NamespacedName("bench", f"{prefix}{number}") for number in range(count)]
def spec(kind, name, **spec):
    return {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": kind, "metadata": {"namespace": "bench", "name": name},
            "spec": spec}
def watch(key, **more):
    image = f"{address}/bench/{key.name}" if prefix == "r" else f"{address}/bench/million"
    ports.objects.put(spec("ImageRepository", key.name, image=image, interval="1h", timeout="5m", **more))
def scan(name):
    begin = time.perf_counter()
    scan_repositories(keys, ScanTrigger(reason="bench", cause="bench"), time.monotonic() + 600, ports)
    found[name] = time.perf_counter() - begin
    found[name + "_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
for key in keys:
    watch(key)
    policy = {"semver": {"range": ">=0.0.0"}}
    ports.objects.put(spec("ImagePolicy", key.name, imageRepositoryRef={"name": key.name}, policy=policy))
found = {"before_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
scan("first")
scan("unchanged")
for key in keys[:1]:
    watch(key, exclusionList=[r"^0\\.0\\.0$"])
scan("changed")
found["selected"] = [ports.selections.get(key).ref.tag for key in keys[:1]]
found["count"] = sum(state.tag_count for state in ports.tags.states(keys).values())
print(json.dumps(found))
"""


def rows() -> Iterator[tuple[str, str, str]]:
    """Measure the memory for one large repository, and time and memory for many small ones."""
    with running() as aws:
        with serving(million=1_000_000) as address:
            found = _scanned(aws, address, 1, "million")
            measured = f"{found['changed_mb']} MB ({found['before_mb']} MB before)"
            yield f"scan, store and select of {found['count']} tags", measured, f"{LAMBDA_MB} MB"
        with serving(million=0) as address:
            found = _scanned(aws, address, REPOSITORIES, "r")
            begin = time.perf_counter()
            plain(address)
            floor = time.perf_counter() - begin
        what = f"one invocation, {REPOSITORIES} repositories x {TAGS} tags, {WORKERS} at once"
        yield f"{what}: nothing changed", f"{found['unchanged'] / floor:.2f} x", "http.client sending the same requests"
        yield f"{what}: memory", f"{found['changed_mb']} MB", f"{SMALL_LAMBDA_MB} MB"


def _scanned(aws: EmbeddedAws, address: str, count: int, prefix: str) -> Any:
    table = f"bench-{count}"
    client = boto3.client(
        "dynamodb",
        endpoint_url=aws.endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    environ = {**aws.environ, "TAGSTREAM_TABLE": table, "TAGSTREAM_STACK": "bench"}
    environ["TAGSTREAM_SCAN_QUEUE_URL"] = f"{aws.endpoint}/none"
    done = subprocess.run(
        [sys.executable, "-c", _SCAN, address, str(count), prefix],
        env=environ,
        capture_output=True,
        text=True,
        timeout=900,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])
