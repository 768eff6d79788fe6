"""A controller of Flux, as its main.go is, on an API server of its own.

The process is stopped while it is not measured, so that its objects are due when it is its turn.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.api_server import ApiServer, serving
from tests.bench.timing import Taken
from tests.embedded.aws import die_with_parent
from tests.embedded.loopback import free_port

START_S = 60.0
QUIET_S, QUIET_CPU_S, QUIET_MOST_S = 0.3, 0.005, 20.0


class ControllerFailed(RuntimeError):
    """The controller ended, or did something else than what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a controller is started with.

    Attributes:
        binary: the program.
        definitions: files of the custom resources that it reads and writes.
        options: flags of its own.
        workers: how many kinds it reconciles, each of which it tells in its log when it has started.
    """

    binary: Path
    definitions: Sequence[Path]
    options: Sequence[str]
    workers: int


@dataclass
class Controller:
    """A running controller, which is stopped until it is its turn."""

    server: ApiServer
    process: subprocess.Popen[bytes]
    log: Path
    due: float = 0.0

    def rest(self) -> None:
        """Wait until its objects are due, so that what is written from now on is of its next turn."""
        time.sleep(max(self.due - time.monotonic(), 0.0))

    def turn(self, waits: Sequence[Callable[[], None]], rest_s: float) -> Taken:
        """Let it work until all ``waits`` have returned and it is idle again.

        Args:
            waits: each returns when a part of the work is done.
            rest_s: how long it is stopped at least before its next turn.

        Raises:
            ControllerFailed: it ended.
        """
        self.rest()
        cpu, begun = self._cpu(), time.perf_counter()
        with ThreadPoolExecutor(len(waits)) as workers:
            started = [workers.submit(wait) for wait in waits]
            self.process.send_signal(signal.SIGCONT)
            for one in started:
                one.result()
        wall = time.perf_counter() - begun
        if self.process.poll() is not None:
            raise ControllerFailed("the controller ended")
        self._settle()
        taken = Taken(wall, self._cpu() - cpu)
        self.process.send_signal(signal.SIGSTOP)
        self.due = time.monotonic() + rest_s
        return taken

    def logged(self, text: str) -> int:
        """How many times its log has this text by now."""
        return self.log.read_bytes().count(text.encode())

    def _settle(self) -> None:
        """Wait until it has nothing more to do: events are sent after the statuses."""
        end = time.monotonic() + QUIET_MOST_S
        before = self._cpu()
        while time.monotonic() < end:
            time.sleep(QUIET_S)
            now = self._cpu()
            if now - before < QUIET_CPU_S:
                return
            before = now

    def _cpu(self) -> float:
        # The clock of another process, as clock_getcpuclockid(3) names it.
        return time.clock_gettime(~self.process.pid << 3 | 2)


@contextmanager
def controlling(setup: Setup) -> Iterator[Controller]:
    """Run a controller, which is stopped, with a server without objects until the end of the block."""
    with serving(setup.definitions) as server, tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        command = [
            str(setup.binary),
            *setup.options,
            f"--metrics-addr=127.0.0.1:{free_port()}",
            f"--health-addr=127.0.0.1:{free_port()}",
            # What it does by itself where the API server limits the rate, as that of a cluster does.
            "--kube-api-qps=-1",
            "--kube-api-burst=-1",
        ]
        environ = {**os.environ, "KUBECONFIG": str(server.kubeconfig), "TMPDIR": folder}
        with path.open("wb") as log:
            process = subprocess.Popen(command, env=environ, stderr=log, preexec_fn=die_with_parent)
        try:
            _wait_until_started(process, path, setup.workers)
            process.send_signal(signal.SIGSTOP)
            yield Controller(server, process, path)
        finally:
            process.kill()
            process.wait(30)


def _wait_until_started(process: subprocess.Popen[bytes], log: Path, workers: int) -> None:
    end = time.monotonic() + START_S
    while len(re.findall("Starting workers", log.read_text())) < workers:
        if process.poll() is not None or time.monotonic() > end:
            raise ControllerFailed(log.read_text()[-1000:])
        time.sleep(0.05)
