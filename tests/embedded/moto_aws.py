"""A second embedded AWS by other makers: moto's server, which has all services that the store's tests use."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from tests.embedded.aws import CREDENTIALS, EmbeddedAwsError, die_with_parent
from tests.embedded.loopback import free_port

START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MotoAws:
    """A running moto server."""

    endpoint: str


@contextlib.contextmanager
def running_moto() -> Iterator[MotoAws]:
    """Start moto's server on a free loopback port, and stop it at the end of the with block.

    Raises:
        EmbeddedAwsError: it did not answer in time.
    """
    port = free_port()
    environ = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ} | CREDENTIALS
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(endpoint, process)
        yield MotoAws(endpoint=endpoint)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=5).close()
            return
        time.sleep(0.1)
    raise EmbeddedAwsError(f"moto's server did not answer within {START_TIMEOUT_S:.0f} s")
