"""A burst of selections on one branch: how many commits it makes, and how long after its end all are in.

In: the embedded AWS and Git server, and the update function's wiring. Out: rows of (what, measured, compared with).
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.table import Table
from tagstream.reconcile.automation import run_automations
from tests.contract.reconciling import APP, Silent, automated, ports_on
from tests.contract.test_burst import POLICIES, choose, commits, head, marked
from tests.embedded.aws import REGION, EmbeddedAws, running
from tests.embedded.git_server import bare_repository, git_server

SPREAD_S = 10.0


def rows() -> Iterator[tuple[str, str, str]]:
    """One burst, as fast as it is allowed to come."""
    files = {f"apps/app-{number}.yaml": marked(number, "v1.0.0").encode() for number in range(POLICIES)}
    with running() as aws, tempfile.TemporaryDirectory() as name:
        bare = bare_repository(Path(name), "fleet.git", files)
        with git_server(Path(name)) as server:
            made, late_s = _burst(aws, server.url("fleet.git"), bare)
    what = f"{POLICIES} tags for {POLICIES} policies within {SPREAD_S:.0f} s, one branch"
    yield f"{what}: commits", str(made), "3"
    yield f"{what}: the last one is in after", f"{late_s:.1f} s", "30 s after the last tag"


def _burst(aws: EmbeddedAws, url: str, bare: Path) -> tuple[int, float]:
    ports = ports_on(_table(aws), Silent())
    automated(ports, url)
    ended: list[float] = []

    def push() -> None:
        for number in range(POLICIES):
            choose(ports, number, "v2.0.0")
            time.sleep(SPREAD_S / POLICIES)
        ended.append(time.monotonic())

    pushing = threading.Thread(target=push)
    pushing.start()
    while pushing.is_alive() or not all("v2.0.0" in one for one in head(bare)):
        # As the stream does it: woken by what is new, one invocation at a time.
        run_automations([APP], "worker", ports.clock.monotonic_s() + 60, ports)
    return commits(bare), time.monotonic() - ended[0]


def _table(aws: EmbeddedAws) -> Table:
    client = boto3.client(
        "dynamodb",
        endpoint_url=aws.endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    names = ("pk", "HASH"), ("sk", "RANGE")
    client.create_table(
        TableName="bench-burst",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in names],  # type: ignore[list-item]
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in names],
    )
    return Table(client=client, name="bench-burst", clock=SystemClock())
