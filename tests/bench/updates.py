"""Automations of a Git repository in a table of their own, for measuring how a run of them grows.

The Git server is a process of its own: its work is not in the CPU seconds of this one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.domain.objects.branch_template import BRANCH_TEMPLATE
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.schema import SCHEMA
from tagstream.reconcile import handlers
from tagstream.reconcile.scan.tick import tick
from tagstream.reconcile.update.automations import run_automations
from tests.bench.fleet import IMAGE_API, LONG_S, Cost, MovedClock, counted_table, measured, stored_object
from tests.contract.reconciling import Silent, ports_on, selection
from tests.embedded.aws import die_with_parent
from tests.embedded.git_server import bare_repository, git
from tests.embedded.loopback import free_port
from tests.embedded.single_writes import put_selection

NAMESPACE = "ns"
SOURCE_API = "source.toolkit.fluxcd.io/v1"
OLD, NEW = "v1.0.0", "v2.0.0"
TEMPLATE = "images/{{ .Policy }}-{{ .NewTag }}"
A_MINUTE = timedelta(minutes=1)
INTERVAL = 3 * A_MINUTE
BATCH = 100
"""Records of the stream in an invocation of UpdateFunction, as the template says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many objects there are, and how they belong together.

    Attributes:
        automations: each with a policy of its own, unless ``policies`` says otherwise.
        policies: how many there are.
        selects: whether each automation selects its policy by a label; otherwise it sees all.
        files: files of each policy, all in one folder.
        whole: whether the path of each automation is the whole repository, and not its folder.
        own_branch: whether each automation pushes to a branch of its own, from a GitRepository of its own.
        own_repository: whether each automation has a repository of its own.
        by_policy: whether there is a push branch for each policy and tag.
    """

    automations: int
    policies: int
    selects: bool = False
    files: int = 1
    whole: bool = False
    own_branch: bool = False
    own_repository: bool = False
    by_policy: bool = False

    @property
    def sources(self) -> int:
        """How many GitRepositories there are: one for all automations, or one for each."""
        return self.automations if self.own_branch or self.own_repository else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetObject:
    """An object, as each side of a comparison gets it."""

    kind: str
    key: NamespacedName
    spec: Mapping[str, Any]
    api: str = IMAGE_API
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


def git_repository(key: NamespacedName, url: str) -> FleetObject:
    """A GitRepository at an address."""
    return FleetObject(kind="GitRepository", key=key, spec={"url": url, "interval": "1h"}, api=SOURCE_API)


def image_policy(key: NamespacedName) -> FleetObject:
    """An ImagePolicy, which has its name as a label."""
    spec = {"imageRepositoryRef": {"name": "app"}, "policy": {"alphabetical": {}}}
    return FleetObject(kind="ImagePolicy", key=key, spec=spec, labels={"app": key.name})


def automation(key: NamespacedName, source: str, path: str, push: str = "", selects: bool = False) -> FleetObject:
    """An ImageUpdateAutomation.

    Args:
        key: its name.
        source: the name of its GitRepository, whose main branch is checked out.
        path: the folder that it updates.
        push: the branch that it pushes to; main if there is none.
        selects: whether it sees the policy of its name only.
    """
    spec: dict[str, Any] = {
        "interval": f"{INTERVAL // A_MINUTE}m",
        "sourceRef": {"kind": "GitRepository", "name": source},
        "git": {
            "checkout": {"ref": {"branch": "main"}},
            "commit": {"author": {"email": "bot@example.com"}},
            **({"push": {"branch": push}} if push else {}),
        },
        "update": {"path": path, "strategy": "Setters"},
    }
    if selects:
        spec["policySelector"] = {"matchLabels": {"app": key.name}}
    return FleetObject(kind="ImageUpdateAutomation", key=key, spec=spec)


class Updates:
    """Objects in a table, and the files that their automations change.

    Args:
        endpoint: of the embedded AWS.
        objects: everything that is stored.
        files: a repository's folder and, as ``branch:path``, a file of it that a commit must have changed. The branch
            may have ``{tag}`` in its name.
    """

    def __init__(self, endpoint: str, objects: Sequence[FleetObject], files: Sequence[tuple[Path, str]]) -> None:
        self.client, self._table = counted_table(endpoint)
        self.objects, self._files = objects, files
        self._clock = MovedClock()
        self.forget()
        self._keys = self._named("ImageUpdateAutomation")
        self._table.write_many(
            [stored_object(one.kind, one.key, one.spec, one.api, one.labels, one.annotations) for one in objects]
        )
        for kind in ("ImagePolicy", "GitRepository", "ImageUpdateAutomation"):
            self._ports.objects.put_index_right(self._ports.objects.list(kind))
        self._ports.schema.raise_to(SCHEMA)

    def choose(self, tag: str) -> None:
        """Every policy selects this tag."""
        self._choose(tag, self._named("ImagePolicy"))

    def choose_first(self, tag: str) -> None:
        """One policy selects this tag."""
        self._choose(tag, self._named("ImagePolicy")[:1])

    def _choose(self, tag: str, policies: Sequence[NamespacedName]) -> None:
        for key in policies:
            new = replace(selection(tag), policy=key, ref=ImageRef(name="app", tag=tag))
            if not put_selection(self._ports.selections, new, self._ports.selections.get(new.policy)):
                raise AssertionError("the selection was not written")

    def run(self) -> None:
        """Run all automations, as one invocation of UpdateFunction."""
        run_automations(self._keys, "bench", time.monotonic() + LONG_S, self._ports)

    def run_first(self) -> None:
        """Run the first automation alone, as one invocation of UpdateFunction."""
        run_automations(self._keys[:1], "bench", time.monotonic() + LONG_S, self._ports)

    def run_woken(self) -> None:
        """Run what the stream's record of the first policy's selection wakes, as UpdateFunction does."""
        (policy,) = self._named("ImagePolicy")[:1]
        image = {"t": "selection", "pk": f"selection#{policy.namespace}", "sk": policy.name}
        written = {"NewImage": {name: {"S": text} for name, text in image.items()}, "SequenceNumber": "1"}
        record = {"eventSource": "aws:dynamodb", "eventName": "MODIFY", "dynamodb": written}
        handlers.update({"Records": [record]}, int(LONG_S * 1000), "bench", self._ports)

    def run_one_by_one(self) -> None:
        """Run each automation because its interval is over, in an invocation of its own."""
        for key in self._keys:
            run_automations([key], "bench", time.monotonic() + LONG_S, self._ports, may_lag=True)

    def run_by_hundreds(self) -> None:
        """Run all automations because their intervals are over, a hundred in an invocation, as the stream does."""
        for first in range(0, len(self._keys), BATCH):
            keys = self._keys[first : first + BATCH]
            run_automations(keys, "bench", time.monotonic() + LONG_S, self._ports, may_lag=True)

    def forget(self) -> None:
        """What a worker remembers of its last runs is lost."""
        agenda = DynamoAgenda(table=self._table, clock=self._clock)
        self._ports: Ports = replace(ports_on(self._table, Silent()), clock=self._clock, agenda=agenda)

    def an_hour_passes(self) -> None:
        """The next interval run reads what was selected."""
        self._clock.moved += timedelta(hours=1)

    def settle(self) -> None:
        """The hourly look at everything is over, and nothing is due for an interval."""
        soon = Times(last=self._clock.now(), due=self._clock.now() + INTERVAL)
        self._ports.agenda.rewrite({_name(key): soon for key in self._keys}, self._clock.now())

    def run_by_interval(self) -> None:
        """What happens because an interval is over.

        A tick asks for the runs, and UpdateFunction runs and notes when the next ones are due.

        Raises:
            AssertionError: the tick has not found all automations due.
        """
        self._clock.moved += INTERVAL
        before = self.client.write_units
        tick(time.monotonic() + LONG_S, self._ports)
        if self.client.write_units - before < len(self._keys):
            raise AssertionError("the tick has not asked for all runs")
        run_automations(self._keys, "bench", time.monotonic() + LONG_S, self._ports, may_lag=True)

    def check_next_runs(self) -> None:
        """Fail unless the agenda says that all automations are due later."""
        times = self._ports.agenda.read().times
        if not all((due := times[_name(key)].due) is not None and due > self._clock.now() for key in self._keys):
            raise AssertionError("a run has not noted when the next one is due")

    def cost(self) -> Cost:
        """What a run takes, and no run may have failed."""
        return self._succeeded(self.run)

    def cost_woken(self) -> Cost:
        """What the run takes that a selection wakes, and it may not have failed."""
        return self._succeeded(self.run_woken)

    def _succeeded(self, work: Callable[[], None]) -> Cost:
        found = measured(self.client, work)
        failed = [
            one.status
            for one in self._ports.objects.get_many("ImageUpdateAutomation", self._keys)
            if not _is_ready(one)
        ]
        if failed:
            raise AssertionError(f"{len(failed)} automations have failed: {failed[0]}")
        return found

    def check_committed(self, tag: str) -> None:
        """Fail unless every file has this tag."""
        for bare, name in self._files:
            if f"app:{tag}".encode() not in git("show", name.format(tag=tag), folder=bare).encode():
                raise AssertionError(f"{name} has not been committed")

    def _named(self, kind: str) -> list[NamespacedName]:
        return [one.key for one in self.objects if one.kind == kind]


def _shaped(shape: Shape, address: str) -> Sequence[FleetObject]:
    def made(number: int) -> FleetObject:
        source = _key(number % shape.sources).name
        path = "./" if shape.whole else f"./{_folder(number)}"
        found = automation(_key(number), source, path, _push_branch(shape, number), shape.selects)
        return replace(found, annotations={BRANCH_TEMPLATE: TEMPLATE}) if shape.by_policy else found

    sources = [git_repository(_key(one), f"{address}/{_repository(shape, one)}") for one in range(shape.sources)]
    policies = [image_policy(_key(number)) for number in range(shape.policies)]
    return [*sources, *map(made, range(shape.automations)), *policies]


def _repository(shape: Shape, number: int) -> str:
    return f"fleet-{number}.git" if shape.own_repository else "fleet.git"


def _push_branch(shape: Shape, number: int) -> str:
    return f"auto-{number}" if shape.own_branch else ""


def _changed_branch(shape: Shape, number: int) -> str:
    return f"images/{_key(number).name}-{{tag}}" if shape.by_policy else _push_branch(shape, number) or "main"


@contextmanager
def updates(endpoint: str, shape: Shape) -> Iterator[Updates]:
    """Everything of a shape, until the end of the with block."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        contents = {
            _path(number, file): f'image: app:{OLD} # {{"$imagepolicy": "{NAMESPACE}:{_key(number).name}"}}\n'.encode()
            for number in range(shape.policies)
            for file in range(shape.files)
        }
        first = bare_repository(root, _repository(shape, 0), contents)
        others = {_repository(shape, number) for number in range(shape.automations)} - {first.name}
        for name in others:
            shutil.copytree(first, root / name)
        changed = [
            (root / _repository(shape, number), f"{_changed_branch(shape, number)}:{_path(number, 0)}")
            for number in range(shape.policies if shape.by_policy else shape.automations)
        ]
        with git_serving(root, first.name) as address:
            yield Updates(endpoint, _shaped(shape, address), changed)


@contextmanager
def git_serving(root: Path, name: str) -> Iterator[str]:
    """Serve the repositories below a folder, of which ``name`` is one, by a process until the end of the with block.

    Yields:
        The address of the server.
    """
    port = free_port()
    command = [sys.executable, "-m", "tests.embedded.git_server", "--root", str(root), "--port", str(port)]
    process = subprocess.Popen(command, preexec_fn=die_with_parent)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/{name}/info/refs?service=git-upload-pack", process)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=30).close()
            return
        except OSError:
            if time.monotonic() > end or process.poll() is not None:
                raise
            time.sleep(0.1)


def _is_ready(stored: Any) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in stored.status.get("conditions", ()))


def _name(key: NamespacedName) -> ObjectName:
    return ObjectName(kind="ImageUpdateAutomation", key=key)


def _key(number: int) -> NamespacedName:
    return NamespacedName(NAMESPACE, f"app-{number}")


def _folder(number: int) -> str:
    return f"apps/app-{number}"


def _path(number: int, file: int) -> str:
    return f"{_folder(number)}/file-{file}.yaml"
