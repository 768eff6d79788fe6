"""Measures the least that requests and boto3 take for the work of a scan, beside all that Flux's packages take for it.

Nothing is parsed, compared or decided here: lists or digests are asked for, and items are read and written in full
batches. What Flux's side does more cheaply as a whole cannot be reached with these two packages.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import requests

from tests.bench.bench_lists import REPOSITORIES, WORKERS
from tests.bench.bench_scan import LOOP, ROUNDS
from tests.bench.fast_registry import grow, serving, told_of
from tests.bench.fleet import counted_table
from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import Taken, in_turns, shown, timed
from tests.embedded.aws import running

# What a changed scan reads and writes of a repository with one policy, and what an unchanged digest reads of a policy.
SCAN_READS, SCAN_WRITES, DIGEST_READS = 4, 6, 6
READ_BATCH, WRITE_BATCH = 100, 25
TEXT = "x" * 500
HEAD = f"go-containerregistry's Head, nothing else, {WORKERS} at once"


def _scan(flux: Flux | None) -> Iterator[Row]:
    if flux is None:
        return
    with running() as aws, serving() as address, tempfile.TemporaryDirectory() as folder:
        client, table = counted_table(aws.endpoint)

        def work() -> None:
            _ask("GET", address, "tags/list?n=1000")
            _call(client.inner, table.name, SCAN_READS, SCAN_WRITES)

        def ours() -> Taken:
            grow(address)
            return timed(work)

        policy = {"kind": "semver", "semver": ">=0.0.0"}
        inputs = {**told_of(address, REPOSITORIES, WORKERS), "database": folder, **policy}
        yield _row("scan whose list has changed", LOOP, ours, partial(flux.ask, "scan", REPOSITORIES, **inputs))


def _digests(flux: Flux | None) -> Iterator[Row]:
    if flux is None:
        return
    with running() as aws, serving() as address:
        client, table = counted_table(aws.endpoint)

        def work() -> None:
            _ask("HEAD", address, "manifests/1.99.0")
            _call(client.inner, table.name, DIGEST_READS, 0)

        inputs = {**told_of(address, REPOSITORIES, WORKERS), "tag": "1.99.0"}
        yield _row("digest that has not changed", HEAD, partial(timed, work), partial(flux.ask, "digests", 1, **inputs))


def _row(what: str, rival: str, ours: Callable[[], Taken], theirs: Callable[[], Taken]) -> Row:
    (found,) = in_turns(ours, [theirs], ROUNDS)
    return Row(
        what=f"floor: bare requests and boto3 in full batches, {REPOSITORIES:,} times a {what}, CPU",
        ours=shown(found.ours.cpu),
        rival=rival,
        theirs=shown(found.theirs.cpu),
        value=found.cpu_ratio,
    )


def _ask(method: str, address: str, path: str) -> None:
    def ask(worker: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for number in range(worker, REPOSITORIES, WORKERS):
                answer = session.request(method, f"http://{address}/v2/bench/r{number}/{path}", timeout=30)
                answer.raise_for_status()

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(ask, range(WORKERS)))


def _call(client: Any, table: str, reads: int, writes: int) -> None:
    """Read and write items for each repository, one call after the other."""
    keys = [{"pk": {"S": f"item-{number}"}, "sk": {"S": "-"}} for number in range(REPOSITORIES * max(reads, writes))]
    for part in _parts(keys[: REPOSITORIES * writes], WRITE_BATCH):
        put = [{"PutRequest": {"Item": {**key, "doc": {"S": TEXT}}}} for key in part]
        client.batch_write_item(RequestItems={table: put})
    for part in _parts(keys[: REPOSITORIES * reads], READ_BATCH):
        client.batch_get_item(RequestItems={table: {"Keys": part, "ConsistentRead": True}})


def _parts(keys: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))


BENCHES = {"floor-scan": _scan, "floor-digests": _digests}
