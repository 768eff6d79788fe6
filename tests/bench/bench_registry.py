"""Reading tag lists: against the fastest plain client, and a million tags against the memory of a small Lambda.

The embedded registry runs in a process of its own.
"""

from __future__ import annotations

import http.client
import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median

import requests

from tagstream.adapters.registry.client import RegistryClient
from tagstream.domain.objects.image_name import ImageName, parse_repository_image
from tagstream.ports.registry import RegistryAccess

REPOSITORIES, TAGS, WORKERS, ROUNDS = 1000, 100, 32, 3
LAMBDA_MB = 512
_SERVER = """
import sys
from tests.embedded.registry import Registry
registry = Registry(int(sys.argv[1]))
for number in range({repositories}):
    registry.add_tags(f"bench/r{{number}}", [f"1.{{tag}}.0" for tag in range({tags})])
registry.add_tags("bench/million", [f"{{n % 97}}.{{n % 89}}.{{n}}" for n in range({million})])
registry.serve_forever()
"""
_MILLION = """
import resource, sys, time
from tests.bench.bench_registry import scan
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(scan(sys.argv[1], "bench/million")), base // 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def rows() -> Iterator[tuple[str, str, str]]:
    """Measure time and memory of scans."""
    with serving(million=0) as address:
        ours, floor, usual = [], [], []
        for _ in range(ROUNDS):
            floor.append(_timed(lambda: plain(address)))
            usual.append(_timed(lambda: _usual(address)))
            ours.append(_timed(lambda: _scans(address)))
        what = f"{REPOSITORIES} repositories x {TAGS} tags, {WORKERS} at once"
        yield what, f"{median(ours) / median(floor):.2f} x", "http.client with json.loads sending the same requests"
        yield what, f"{median(ours) / median(usual):.2f} x", "requests with a session a thread, the same requests"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        yield "memory after it", f"{peak} MB", "256 MB"
    with serving(million=1_000_000) as address:
        found = subprocess.run([sys.executable, "-c", _MILLION, address], capture_output=True, text=True, check=True)
        count, before, peak_mb = found.stdout.split()
        yield f"{count} tags in one repository", f"{peak_mb} MB ({before} MB before)", f"{LAMBDA_MB} MB"


def scan(address: str, name: str, client: RegistryClient | None = None) -> tuple[str, ...]:
    """List all tags of a repository."""
    image: ImageName = parse_repository_image(f"{address}/{name}")
    return (client or RegistryClient()).list_tags(image, RegistryAccess(), time.monotonic() + 300).tags


def _scans(address: str) -> None:
    client = RegistryClient()
    with ThreadPoolExecutor(WORKERS) as pool:
        found = list(pool.map(lambda number: scan(address, f"bench/r{number}", client), range(REPOSITORIES)))
    assert {len(one) for one in found} == {TAGS}


def plain(address: str) -> None:
    connections = {}

    def ask(worker: int) -> None:
        connection = connections[worker] = http.client.HTTPConnection(address)
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


def _timed(call: object) -> float:
    started = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - started


@contextmanager
def serving(million: int) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    source = _SERVER.format(repositories=REPOSITORIES, tags=TAGS, million=million)
    process = subprocess.Popen([sys.executable, "-c", source, str(port)])
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                scan(f"127.0.0.1:{port}", "bench/r0")
                break
            except OSError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
