"""Flux's image-reflector-controller, as its main.go is, with the objects that a benchmark has it reconcile.

The process is stopped while it is not measured, so that all of its objects are due when it is its turn.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.bench.api_server import ApiServer, Document, Metadata, Resource, serving
from tests.bench.fast_registry import state
from tests.bench.fleet import IMAGE_API, TEAMS
from tests.bench.go_programs import module_folder, program
from tests.bench.timing import Taken
from tests.embedded.aws import die_with_parent
from tests.embedded.loopback import free_port

MODULE = "github.com/fluxcd/image-reflector-controller"
IMAGE_REPOSITORIES = Resource(IMAGE_API, "ImageRepository", "imagerepositories")
IMAGE_POLICIES = Resource(IMAGE_API, "ImagePolicy", "imagepolicies")
CONTROLLERS, START_S = 2, 60.0
NEVER, SHORTEST_S, LONGER = "24h", 15, 1.5
QUIET_S, QUIET_CPU_S, QUIET_MOST_S = 0.3, 0.005, 20.0


class ReflectorFailed(RuntimeError):
    """The controller ended, or did something else than what is measured."""


@dataclass
class Reflector:
    """A running controller with an API server of its own."""

    server: ApiServer
    process: subprocess.Popen[bytes]
    address: str
    objects: list[Metadata] = field(default_factory=list)
    interval_s: int = 0
    due: float = 0.0

    def create(self, count: int, digests: bool = False) -> None:
        """Create ImageRepositories with an ImagePolicy each, in 20 namespaces, which are not due again."""
        self.objects = [
            {"namespace": f"team-{number % TEAMS:02}", "name": f"service-{number:05}"} for number in range(count)
        ]
        always = {"digestReflectionPolicy": "Always", "interval": NEVER} if digests else {}
        repositories: list[Document] = []
        policies: list[Document] = []
        for number, metadata in enumerate(self.objects):
            image = {"image": f"{self.address}/bench/r{number}", "interval": NEVER}
            range_ = {"semver": {"range": ">=0.0.0"}}
            policy = {"imageRepositoryRef": {"name": metadata["name"]}, "policy": range_, **always}
            repositories.append({"metadata": metadata, "spec": image})
            policies.append({"metadata": metadata, "spec": policy})
        self.server.create(IMAGE_REPOSITORIES, repositories)
        self.server.create(IMAGE_POLICIES, policies)

    def repeat(self, resource: Resource) -> None:
        """Scan for the first time. From then on, a resource is due again after longer than a turn takes."""
        self.interval_s = max(SHORTEST_S, round(self._scan().wall * LONGER))
        self.server.patch(resource, self.objects, {"spec": {"interval": f"{self.interval_s}s"}})
        self._turn([self.server.follow(resource, _is_observed)])

    def scanned(self) -> Taken:
        """Have all repositories scanned and, where their lists have changed, all policies evaluated."""
        before = state(self.address).lists
        taken = self._scan()
        self._expect("lists", state(self.address).lists - before)
        return taken

    def _scan(self) -> Taken:
        begun = int(time.time())
        before = state(self.address)
        latest = f"1.{before.tags - 1}.0"

        def is_scanned(document: Document) -> bool:
            result = document.get("status", {}).get("lastScanResult", {})
            return bool(result.get("tagCount") == before.tags and _seconds(result["scanTime"]) >= begun)

        def is_selected(document: Document) -> bool:
            return bool(document.get("status", {}).get("latestRef", {}).get("tag") == latest)

        waits = [self.server.follow(IMAGE_REPOSITORIES, is_scanned), self.server.follow(IMAGE_POLICIES, is_selected)]
        return self._turn(waits)

    def digested(self) -> Taken:
        """Have the digests of all policies resolved, which changes none of them."""
        before = state(self.address).manifests

        def wait() -> None:
            end = time.monotonic() + self.interval_s
            while state(self.address).manifests - before < len(self.objects):
                if time.monotonic() > end:
                    raise ReflectorFailed(f"it has not asked for all digests in {self.interval_s} s")
                time.sleep(0.05)

        taken = self._turn([wait])
        self._expect("digests", state(self.address).manifests - before)
        return taken

    def _expect(self, what: str, asked: int) -> None:
        if asked != len(self.objects):
            raise ReflectorFailed(f"it asked for {asked} {what}, not for each once: this machine is too busy")

    def _turn(self, waits: list[Callable[[], None]]) -> Taken:
        time.sleep(max(self.due - time.monotonic(), 0.0))
        cpu, begun = self._cpu(), time.perf_counter()
        with ThreadPoolExecutor(len(waits)) as workers:
            started = [workers.submit(wait) for wait in waits]
            self.process.send_signal(signal.SIGCONT)
            for one in started:
                one.result()
        wall = time.perf_counter() - begun
        if self.process.poll() is not None:
            raise ReflectorFailed("the controller ended")
        self._settle()
        taken = Taken(wall, self._cpu() - cpu)
        self.process.send_signal(signal.SIGSTOP)
        self.due = time.monotonic() + self.interval_s + 1
        return taken

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


def _is_observed(document: Document) -> bool:
    return bool(document.get("status", {}).get("observedGeneration") == document["metadata"]["generation"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def built() -> None:
    """Build what is run here.

    Raises:
        NotBuilt: that is not possible here.
    """
    program("kubernetes")
    program("reflector", MODULE)


@contextmanager
def reflecting(address: str, concurrent: int) -> Iterator[Reflector]:
    """Run a controller, which is stopped, with an empty store and a server without objects until the end of the block.

    Args:
        address: of the registry.
        concurrent: how many objects it reconciles at once.
    """
    binary = program("reflector", MODULE)
    definitions = sorted((module_folder("reflector", MODULE) / "config" / "crd" / "bases").glob("*.yaml"))
    with serving(definitions) as server, tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("wb") as log:
        command = [
            str(binary),
            f"--storage-path={folder}/data",
            f"--concurrent={concurrent}",
            f"--metrics-addr=127.0.0.1:{free_port()}",
            f"--health-addr=127.0.0.1:{free_port()}",
            # What it does by itself where the API server limits the rate, as that of a cluster does.
            "--kube-api-qps=-1",
            "--kube-api-burst=-1",
        ]
        environ = {**os.environ, "KUBECONFIG": str(server.kubeconfig)}
        process = subprocess.Popen(command, env=environ, stderr=log, preexec_fn=die_with_parent)
        try:
            _wait_until_started(process, Path(folder, "log"))
            process.send_signal(signal.SIGSTOP)
            yield Reflector(server, process, address)
        finally:
            process.kill()
            process.wait(30)


def _wait_until_started(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while len(re.findall("Starting workers", log.read_text())) < CONTROLLERS:
        if process.poll() is not None or time.monotonic() > end:
            raise ReflectorFailed(log.read_text()[-1000:])
        time.sleep(0.05)
