"""Measures the reading of tag lists alone: beside Flux's client, and beside bare Python clients.

The goal belongs to the client as Flux calls it: connections are kept, and the registry is asked before each list
whether it wants credentials.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import requests

from tagstream.adapters.registry.client import RegistryClient
from tagstream.adapters.worker_threads import WorkerThreads
from tagstream.domain.objects.image_name import ImageName, parse_repository_image
from tagstream.ports.registry import RegistryAccess
from tagstream.reconcile.scan.host_turns import HostTurns
from tests.bench.fast_registry import TAGS, serving, serving_tls, told_of
from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import Compared, Work, in_turns, shown, timed

REPOSITORIES, WORKERS, ROUNDS = 1_000, 32, 7
GOAL = 1.2
LAMBDA_MB = 512
_MILLION = """
import resource, sys
from tests.bench.bench_lists import listed
peak_mb = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak_mb()
print(len(listed(sys.argv[1], "bench/million")), before, peak_mb())
"""


def listed(address: str, name: str, client: RegistryClient | None = None) -> tuple[str, ...]:
    """List all tags of a repository."""
    image: ImageName = parse_repository_image(f"{address}/{name}")
    return (client or RegistryClient()).list_tags(image, RegistryAccess(), time.monotonic() + 300).tags


def _lists(flux: Flux | None) -> Iterator[Row]:
    with serving() as address:
        rivals: list[tuple[str, Work]] = [
            ("http.client with json.loads", partial(timed, partial(_plain, address))),
            ("requests, a session a thread", partial(timed, partial(_usual, address))),
        ]
        if flux is not None:
            asked = partial(flux.ask, "list", REPOSITORIES * TAGS, **told_of(address, REPOSITORIES, WORKERS))
            rivals.append((f"go-containerregistry, {WORKERS} at once", asked))
        found = in_turns(partial(timed, partial(_ours, address)), [work for _, work in rivals], ROUNDS)
    for (name, _), one in zip(rivals, found, strict=True):
        yield from _rows(f"{REPOSITORIES:,} lists of {TAGS} tags, client only", name, None, one)


def _lists_tls(flux: Flux | None) -> Iterator[Row]:
    """As registries are asked: with TLS, and by Flux with a question for each list whether credentials are wanted."""
    if flux is None:
        return
    with serving_tls() as address:
        asked = partial(flux.ask, "list", REPOSITORIES * TAGS, **told_of(address, REPOSITORIES, WORKERS))
        rivals: list[tuple[str, float | None, Work]] = [
            (f"go-containerregistry as Flux calls it, {WORKERS} at once", GOAL, partial(asked, askEach=True)),
            (f"go-containerregistry, {WORKERS} at once", None, asked),
        ]
        found = in_turns(partial(timed, partial(_ours, address)), [work for _, _, work in rivals], ROUNDS)
    for (name, goal, _), one in zip(rivals, found, strict=True):
        yield from _rows(f"{REPOSITORIES:,} lists of {TAGS} tags with TLS, client only", name, goal, one)


def _rows(what: str, rival: str, goal: float | None, found: Compared) -> Iterator[Row]:
    wall = (shown(found.ours.wall), shown(found.theirs.wall), found.wall_ratio)
    cpu = (shown(found.ours.cpu), shown(found.theirs.cpu), found.cpu_ratio)
    for kind, wanted, (ours, theirs, value) in (("", goal, wall), (", CPU", goal, cpu)):
        yield Row(what=what + kind, ours=ours, rival=rival, theirs=theirs, value=value, goal=wanted)


def _million(_flux: Flux | None) -> Iterator[Row]:
    with serving(million=1_000_000) as address:
        found = subprocess.run([sys.executable, "-c", _MILLION, address], capture_output=True, text=True, check=True)
    count, before, peak_mb = map(int, found.stdout.split())
    yield Row(
        what=f"memory in MB for a list of {count:,} tags",
        ours=f"{peak_mb} MB ({before} before)",
        value=peak_mb,
        goal=LAMBDA_MB,
    )


def _ours(address: str) -> None:
    client = RegistryClient()

    def ask(name: str) -> None:
        assert len(listed(address, name, client)) == TAGS

    # As a scan does, whose workers take one repository after the other.
    turns = HostTurns({address: [f"bench/r{number}" for number in range(REPOSITORIES)]}, WORKERS)
    turns.carry_out(ask, WorkerThreads())


def _plain(address: str) -> None:
    def ask(worker: int) -> None:
        connection = http.client.HTTPConnection(address)
        for number in range(worker, REPOSITORIES, WORKERS):
            connection.request("GET", f"/v2/bench/r{number}/tags/list?n=1000")
            assert len(json.loads(connection.getresponse().read())["tags"]) == TAGS
        connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(ask, range(WORKERS)))


def _usual(address: str) -> None:
    def ask(worker: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for number in range(worker, REPOSITORIES, WORKERS):
                url = f"http://{address}/v2/bench/r{number}/tags/list?n=1000"
                assert len(session.get(url, timeout=30).json()["tags"]) == TAGS

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(ask, range(WORKERS)))


BENCHES = {"lists": _lists, "lists-tls": _lists_tls, "lists-million": _million}
