"""Flux's image-automation-controller with the objects that a benchmark has it reconcile."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.bench.api_server import Document, Metadata, Resource
from tests.bench.controller import Controller, ControllerFailed, Setup, controlling
from tests.bench.fleet import IMAGE_API
from tests.bench.go_programs import program, source
from tests.bench.reflector import IMAGE_POLICIES
from tests.bench.reflector import MODULE as REFLECTOR
from tests.bench.timing import Taken
from tests.bench.updates import SOURCE_API, FleetObject

MODULE = "github.com/fluxcd/image-automation-controller"
# Its GitRepository is the one that image-automation-controller v1.1.2 reads.
SOURCES, SOURCES_VERSION = "github.com/fluxcd/source-controller", "v1.8.0"
GIT_REPOSITORIES = Resource(SOURCE_API, "GitRepository", "gitrepositories")
AUTOMATIONS = Resource(IMAGE_API, "ImageUpdateAutomation", "imageupdateautomations")
RESOURCES = {one.kind: one for one in (GIT_REPOSITORIES, IMAGE_POLICIES, AUTOMATIONS)}
UNCHANGED = '"msg":"no change since last reconciliation"'
FAILED = '"level":"error"'


@dataclass
class ImageAutomation:
    """A running controller with ImageUpdateAutomations.

    Attributes:
        controller: the process.
        interval_s: after what time each automation looks again.
    """

    controller: Controller
    interval_s: int
    names: dict[str, list[Metadata]] = field(default_factory=dict)

    def create(self, objects: Sequence[FleetObject], tag: str) -> None:
        """Create objects, of which the policies have selected a tag, and have all automations run once."""
        for kind, resource in RESOURCES.items():
            given = [_document(one, self.interval_s) for one in objects if one.kind == kind]
            self.names[kind] = [{key: one["metadata"][key] for key in ("namespace", "name")} for one in given]
            self.controller.server.create(resource, given)
            if kind == "ImagePolicy":
                self._select(tag)
        self._turn(tag)

    def looked(self) -> Taken:
        """Have all automations look for something to do, once each; they find nothing."""
        self.controller.rest()
        before, begun = self.controller.logged(UNCHANGED), int(time.time())

        def is_done(document: Document) -> bool:
            return datetime.fromisoformat(document["status"]["lastAutomationRunTime"]).timestamp() >= begun

        taken = self.controller.turn([self.controller.server.follow(AUTOMATIONS, is_done)], self.interval_s)
        found, wanted = self.controller.logged(UNCHANGED) - before, len(self.names["ImageUpdateAutomation"])
        if found != wanted:
            raise ControllerFailed(f"it has looked {found} times instead of {wanted}: this machine is too busy")
        return taken

    def committed(self, tag: str) -> Taken:
        """Have all policies select a tag, and all automations commit it."""
        self._select(tag)
        return self._turn(tag)

    def _select(self, tag: str) -> None:
        latest = {"status": {"latestRef": {"name": "app", "tag": tag}}}
        self.controller.server.patch(IMAGE_POLICIES, self.names["ImagePolicy"], latest, "status")

    def _turn(self, tag: str) -> Taken:
        def is_done(document: Document) -> bool:
            observed = document.get("status", {}).get("observedPolicies", {})
            return bool(observed) and all(one["tag"] == tag for one in observed.values())

        # Times in statuses are whole seconds: what it does in its next turn must have a later one.
        taken = self.controller.turn([self.controller.server.follow(AUTOMATIONS, is_done)], rest_s=1.0)
        if self.controller.logged(FAILED):
            raise ControllerFailed(self.controller.log.read_text()[-1000:])
        return taken


def _document(one: FleetObject, interval_s: int) -> Document:
    metadata = {"namespace": one.key.namespace, "name": one.key.name, "labels": dict(one.labels)}
    spec = {**one.spec, "interval": f"{interval_s}s"} if one.kind == AUTOMATIONS.kind else one.spec
    found: Document = json.loads(json.dumps({"metadata": metadata, "spec": spec}))
    return found


def _definitions() -> Sequence[Path]:
    modules = {
        AUTOMATIONS: source("automation", MODULE),
        IMAGE_POLICIES: source("reflector", REFLECTOR),
        GIT_REPOSITORIES: source("automation", SOURCES, SOURCES_VERSION),
    }
    return [module / "config" / "crd" / "bases" / resource.definition for resource, module in modules.items()]


def built() -> None:
    """Build what is run here, and fetch its definitions.

    Raises:
        NotBuilt: that is not possible here.
    """
    program("kubernetes")
    program("automation", MODULE)
    _definitions()


@contextmanager
def automating(interval_s: int, concurrent: int) -> Iterator[ImageAutomation]:
    """Run a controller, which is stopped, with a server without objects until the end of the block.

    Args:
        interval_s: after what time each automation looks again.
        concurrent: how many automations it reconciles at once.
    """
    setup = Setup(
        binary=program("automation", MODULE),
        definitions=_definitions(),
        options=(f"--concurrent={concurrent}",),
        workers=1,
    )
    with controlling(setup) as controller:
        yield ImageAutomation(controller, interval_s)
