"""Objects that are kept in Git, in the deployed stack: a commit, and a delivery of the Git host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.aws import EmbeddedStack
from tests.embedded.git_server import bare_repository, commit_files, git_server
from tests.embedded.system import CommandFailed, System, documents

NAMESPACE = "synced"
TOKEN = "a-token-of-the-git-host"
RECEIVER = f"""\
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {{name: fleet, namespace: {NAMESPACE}}}
spec:
  type: generic-hmac
  secretRef: {{name: hook}}
  resources: [{{kind: GitRepository, name: fleet}}]
"""


def repository(name: str, interval: str = "1h") -> bytes:
    metadata = {"name": name, "namespace": NAMESPACE}
    spec = {"image": f"127.0.0.1:1/{name}", "interval": interval, "suspend": True}
    kind = {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository"}
    return json.dumps({**kind, "metadata": metadata, "spec": spec}).encode()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    files = {"prod/a.yaml": repository("a"), "prod/hook.yaml": RECEIVER.encode()}
    bare = bare_repository(tmp_path, "fleet.git", files)
    with git_server(tmp_path) as server:
        yield bare, server.url("fleet.git")


def test_a_commit_is_all_it_takes(stack: EmbeddedStack, served: tuple[Path, str]) -> None:
    bare, url = served
    system = System(stack=stack, registry="")

    def cli(*words: str) -> str:
        return system.cli("-n", NAMESPACE, *words)

    def stored() -> dict[str, Any]:
        found = system.objects("repository", NAMESPACE)
        return {one["metadata"]["name"]: one["spec"]["interval"] for one in found}

    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hook", "namespace": NAMESPACE}}
    system.cli("apply", "-f", "-", stdin=documents({**secret, "stringData": {"token": TOKEN}}))
    cli("bootstrap", f"--url={url}", "--branch=main", "--path=prod", "--interval=1h", "--source-interval=1h")
    assert stored() == {"a": "1h"}
    # A push at the Git host: its delivery syncs at once, although the interval is an hour.
    commit_files(bare, {"prod/a.yaml": repository("a", "2h"), "prod/b.yaml": repository("b")}, "second")
    assert system.deliver(system.hook_path("fleet", NAMESPACE), TOKEN, {"ref": "refs/heads/main"}).status == 200
    stack.wait_for("the pushed commit to be synced", lambda: stored() == {"a": "2h", "b": "1h"})
    # A broken commit changes nothing, and is found with one command.
    commit_files(bare, {"prod/b.yaml": repository("b", "often")}, "third")
    with pytest.raises(CommandFailed, match=r"prod/b\.yaml:1: ImageRepository/synced/b spec\.interval"):
        cli("reconcile", "kustomization", "fleet")
    assert stored() == {"a": "2h", "b": "1h"}
    assert "BuildFailed" in cli("events", "--for", "Kustomization/fleet")
    cli("delete", "kustomization", "fleet", "--silent")
    assert cli("get", "images", "all", "-o", "name") == ""
