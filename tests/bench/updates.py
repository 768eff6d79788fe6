"""Automations of a Git repository in a table of their own, for measuring how a run of them grows.

The Git server is a process of its own: its work is not in the CPU seconds of this one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.reconcile.update.automations import run_automations
from tests.bench.fleet import LONG_S, Cost, counted_table, measured, stored_object
from tests.contract.reconciling import Silent, ports_on, selection
from tests.embedded.aws import die_with_parent
from tests.embedded.git_server import bare_repository, git
from tests.embedded.loopback import free_port
from tests.embedded.single_writes import put_selection

NAMESPACE = "ns"
SOURCE_API = "source.toolkit.fluxcd.io/v1"
OLD, NEW = "v1.0.0", "v2.0.0"


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
    """

    automations: int
    policies: int
    selects: bool = False
    files: int = 1
    whole: bool = False
    own_branch: bool = False


class Updates:
    """The objects of a shape, and the repository that they change."""

    def __init__(self, endpoint: str, shape: Shape, bare: Path, url: str) -> None:
        self._shape, self._bare = shape, bare
        self.client, self._table = counted_table(endpoint)
        self._ports = ports_on(self._table, Silent())
        self._keys = [_key(number) for number in range(shape.automations)]
        items: list[Any] = []
        for number in range(shape.automations if shape.own_branch else 1):
            spec = {"url": url, "interval": "1h"}
            items.append(stored_object("GitRepository", _key(number), spec, SOURCE_API))
        for number, key in enumerate(self._keys):
            items.append(stored_object("ImageUpdateAutomation", key, self._automation(number)))
        for number in range(shape.policies):
            policy = {"imageRepositoryRef": {"name": "app"}, "policy": {"alphabetical": {}}}
            key, labels = _key(number), {"app": _key(number).name}
            items.append(stored_object("ImagePolicy", key, policy, labels=labels))
        self._table.write_many(items)

    def choose(self, tag: str) -> None:
        """Every policy selects this tag."""
        for number in range(self._shape.policies):
            new = replace(selection(tag), policy=_key(number), ref=ImageRef(name="app", tag=tag))
            if not put_selection(self._ports.selections, new, self._ports.selections.get(new.policy)):
                raise AssertionError("the selection was not written")

    def run(self) -> None:
        """Run all automations, as one invocation of UpdateFunction."""
        run_automations(self._keys, "bench", time.monotonic() + LONG_S, self._ports)

    def cost(self) -> Cost:
        """What a run takes, and no run may have failed."""
        found = measured(self.client, self.run)
        failed = [
            one.status
            for one in self._ports.objects.get_many("ImageUpdateAutomation", self._keys)
            if not _is_ready(one)
        ]
        if failed:
            raise AssertionError(f"{len(failed)} automations have failed: {failed[0]}")
        return found

    def check_committed(self, tag: str) -> None:
        """Fail unless every automation's first file has this tag."""
        for number in range(self._shape.automations):
            branch = f"auto-{number}" if self._shape.own_branch else "main"
            if f"app:{tag}".encode() not in git("show", f"{branch}:{_path(number, 0)}", folder=self._bare).encode():
                raise AssertionError(f"automation {number} has not committed")

    def _automation(self, number: int) -> Mapping[str, Any]:
        source = _key(number if self._shape.own_branch else 0).name
        push = {"push": {"branch": f"auto-{number}"}} if self._shape.own_branch else {}
        selector = {"policySelector": {"matchLabels": {"app": _key(number).name}}} if self._shape.selects else {}
        return {
            "interval": "1h",
            "sourceRef": {"kind": "GitRepository", "name": source},
            "git": {
                "checkout": {"ref": {"branch": "main"}},
                "commit": {"author": {"email": "bot@example.com"}},
                **push,
            },
            "update": {"path": "./" if self._shape.whole else f"./{_folder(number)}", "strategy": "Setters"},
            **selector,
        }


@contextmanager
def updates(endpoint: str, shape: Shape) -> Iterator[Updates]:
    """Everything of a shape, until the end of the with block."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        contents = {
            _path(number, file): f'image: app:{OLD} # {{"$imagepolicy": "{NAMESPACE}:{_key(number).name}"}}\n'.encode()
            for number in range(shape.policies)
            for file in range(shape.files)
        }
        bare = bare_repository(root, "fleet.git", contents)
        with _git_server(root) as address:
            yield Updates(endpoint, shape, bare, f"{address}/fleet.git")


@contextmanager
def _git_server(root: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "tests.embedded.git_server", "--root", str(root), "--port", str(port)]
    process = subprocess.Popen(command, preexec_fn=die_with_parent)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/fleet.git/info/refs?service=git-upload-pack", process)
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


def _key(number: int) -> NamespacedName:
    return NamespacedName(NAMESPACE, f"app-{number}")


def _folder(number: int) -> str:
    return f"apps/app-{number}"


def _path(number: int, file: int) -> str:
    return f"{_folder(number)}/file-{file}.yaml"
