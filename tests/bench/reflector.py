"""Flux's image-reflector-controller with the objects that a benchmark has it reconcile."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from tests.bench.api_server import Document, Metadata, Resource
from tests.bench.controller import Controller, ControllerFailed, Setup, controlling
from tests.bench.fast_registry import state
from tests.bench.fleet import IMAGE_API, fleet_keys
from tests.bench.go_programs import program, source
from tests.bench.timing import Taken

MODULE = "github.com/fluxcd/image-reflector-controller"
IMAGE_REPOSITORIES = Resource(IMAGE_API, "ImageRepository", "imagerepositories")
IMAGE_POLICIES = Resource(IMAGE_API, "ImagePolicy", "imagepolicies")
CONTROLLERS = 2
NEVER, SHORTEST_S, LONGER = "24h", 15, 1.5


@dataclass
class Reflector:
    """A running controller, which reads lists and digests from a registry."""

    controller: Controller
    address: str
    objects: list[Metadata] = field(default_factory=list)
    interval_s: int = 0

    def create(self, count: int, digests: bool = False) -> None:
        """Create ImageRepositories with an ImagePolicy each, in 20 namespaces, which are not due again."""
        self.objects = [{"namespace": one.namespace, "name": one.name} for one in fleet_keys(count)]
        always = {"digestReflectionPolicy": "Always", "interval": NEVER} if digests else {}
        repositories: list[Document] = []
        policies: list[Document] = []
        for number, metadata in enumerate(self.objects):
            image = {"image": f"{self.address}/bench/r{number}", "interval": NEVER}
            range_ = {"semver": {"range": ">=0.0.0"}}
            policy = {"imageRepositoryRef": {"name": metadata["name"]}, "policy": range_, **always}
            repositories.append({"metadata": metadata, "spec": image})
            policies.append({"metadata": metadata, "spec": policy})
        self.controller.server.create(IMAGE_REPOSITORIES, repositories)
        self.controller.server.create(IMAGE_POLICIES, policies)

    def repeat(self, resource: Resource) -> None:
        """Scan for the first time. From then on, a resource is due again after longer than a turn takes."""
        self.interval_s = max(SHORTEST_S, round(self._scan().wall * LONGER))
        self.controller.server.patch(resource, self.objects, {"spec": {"interval": f"{self.interval_s}s"}})
        self._turn([self.controller.server.follow(resource, _is_observed)])

    def scanned(self) -> Taken:
        """Have all repositories scanned and, where their lists have changed, all policies evaluated."""
        before = state(self.address).lists
        taken = self._scan()
        self._expect("lists", state(self.address).lists - before)
        return taken

    def _scan(self) -> Taken:
        self.controller.rest()
        begun = int(time.time())
        before = state(self.address)
        latest = f"1.{before.tags - 1}.0"

        def is_scanned(document: Document) -> bool:
            result = document.get("status", {}).get("lastScanResult", {})
            return bool(result.get("tagCount") == before.tags and _seconds(result["scanTime"]) >= begun)

        def is_selected(document: Document) -> bool:
            return bool(document.get("status", {}).get("latestRef", {}).get("tag") == latest)

        waits = [
            self.controller.server.follow(IMAGE_REPOSITORIES, is_scanned),
            self.controller.server.follow(IMAGE_POLICIES, is_selected),
        ]
        return self._turn(waits)

    def digested(self) -> Taken:
        """Have the digests of all policies resolved, which changes none of them."""
        before = state(self.address).manifests

        def wait() -> None:
            end = time.monotonic() + self.interval_s
            while state(self.address).manifests - before < len(self.objects):
                if time.monotonic() > end:
                    raise ControllerFailed(f"it has not asked for all digests in {self.interval_s} s")
                time.sleep(0.05)

        taken = self._turn([wait])
        self._expect("digests", state(self.address).manifests - before)
        return taken

    def _expect(self, what: str, asked: int) -> None:
        if asked != len(self.objects):
            raise ControllerFailed(f"it asked for {asked} {what}, not for each once: this machine is too busy")

    def _turn(self, waits: list[Callable[[], None]]) -> Taken:
        return self.controller.turn(waits, self.interval_s + 1)


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
    definitions = sorted((source("reflector", MODULE) / "config" / "crd" / "bases").glob("*.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(
            binary=program("reflector", MODULE),
            definitions=definitions,
            options=(f"--storage-path={folder}/data", f"--concurrent={concurrent}"),
            workers=CONTROLLERS,
        )
        with controlling(setup) as controller:
            yield Reflector(controller, address)
