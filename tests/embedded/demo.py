"""The demo: on this machine, a push to a registry becomes a Git commit, through the deployed template."""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.embedded.aws import EmbeddedAws, EmbeddedStack, start
from tests.embedded.git_server import bare_repository, git
from tests.embedded.sample import FRONTEND, NAMESPACE, Sample
from tests.embedded.system import PASSWORD, USER, Server, System, documents, start_server

OLD, NEW = "v2.27.5", "v2.28.0"


def main() -> int:
    """Run the demo; returns 0 if the commit was made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running and say how to talk to it")
    keep = parser.parse_args().keep
    folder = Path(tempfile.mkdtemp(prefix="tagstream-demo-"))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        aws, registry, git_server = _started(folder, keep, cleanup)
        with _step("building and deploying template.yaml with sam"):
            stack = aws.deploy("tagstream", TickState="ENABLED")
        system, bare, token = _applied(stack, registry, git_server, folder)
        _show_push(system, bare, token)
        print(f"\nwebhook URL  {system.cli('webhook-url', 'pushes', '-n', NAMESPACE).strip()}")
        print(f"dashboard    {stack.outputs['DashboardUrl']}")
        if keep:
            cleanup.pop_all()
            _say_how_to_talk(aws, stack, registry, git_server)
            print(f"  and then   rm -r {aws.folder} {folder}")
    return 0


def _started(folder: Path, keep: bool, cleanup: contextlib.ExitStack) -> tuple[EmbeddedAws, Server, Server]:
    """Start the embedded AWS, the registry and the Git server.

    Each is registered for cleanup as soon as it runs, so that it is stopped even if the next one fails to start.
    """
    with _step("starting the embedded AWS, a registry and a Git server on loopback"):
        aws = start(keep=keep)
        cleanup.callback(aws.stop)
        registry = start_server("registry", keep=keep)
        cleanup.callback(registry.stop)
        users = ("--user", f"{USER}:{PASSWORD}")
        git_server = start_server("git_server", "--root", str(folder), *users, keep=keep)
        cleanup.callback(git_server.stop)
    return aws, registry, git_server


def _applied(stack: EmbeddedStack, registry: Server, git_server: Server, folder: Path) -> tuple[System, Path, str]:
    """Apply the sample of the guide with its hosts on loopback, and a Receiver."""
    sample = Sample(registry=registry.address, git_url=f"http://{git_server.address}/harvis.git")
    system = System(stack=stack, registry=registry.address)
    token = secrets.token_hex(16)
    with _step("filling the Git repository and the registry"):
        bare = bare_repository(folder, "harvis.git", sample.files())
        for image, tag in ((sample.frontend_image, OLD), (sample.backend_image, "v2.28.4")):
            system.push(image, tag)
            system.push(image, "latest")
    with _step("applying the manifests with tagstream apply"):
        system.cli("apply", "-f", "-", stdin=documents(_secret("git", username=USER, password=PASSWORD)))
        system.cli("apply", "-f", "-", stdin=documents(_secret("hook", token=token)))
        for path in sample.write_objects(folder / "objects"):
            for file in path.rglob("*.yaml"):
                file.write_bytes(_with_secret(file.read_bytes()))
            system.cli("apply", "-f", str(path))
        system.cli("apply", "-f", "-", stdin=documents(_receiver()))
        stack.wait_for(
            "the first selection", lambda: _status(system, "policy", "harvis-frontend-prod").get("latestRef")
        )
    return system, bare, token


def _show_push(system: System, bare: Path, token: str) -> None:
    path = system.hook_path("pushes", NAMESPACE)
    image = f"{system.registry}/dulc3/jarvis-frontend"
    print(f"\npushing {image}:{NEW} and delivering the registry's webhook")
    pushed = time.time()
    system.push(image, NEW)
    answered = system.deliver(path, token, {"image": image, "tag": NEW})
    delivered = time.time()
    system.stack.wait_for("the commit", lambda: NEW in git("show", f"main:{FRONTEND}", folder=bare))
    committed = time.time()
    print(f"\n{system.cli('get', 'images', 'all', '-n', NAMESPACE)}")
    print(git("show", "--stat", "--patch", "--unified=1", "main", folder=bare))
    selected = _selected_at(system.stack, NEW)
    print("time from push to commit")
    print(f"  push and webhook answered ({answered.status})   {delivered - pushed:6.2f} s")
    print(f"  scanned and selected               {selected - delivered:6.2f} s")
    print(f"  gathered, committed and pushed     {committed - selected:6.2f} s")
    print(f"  all                                {committed - pushed:6.2f} s")


def _selected_at(stack: EmbeddedStack, tag: str) -> float:
    """Return when a policy selected a tag, in seconds; the ledger has whole seconds."""
    items = [item for item in stack.table_items() if item["pk"]["S"].startswith("selection#")]
    found = [one for one in (json.loads(item["doc"]["S"]) for item in items) if one["ref"]["tag"] == tag]
    return datetime.fromisoformat(found[0]["selectedAt"]).timestamp()


def _status(system: System, kind: str, name: str) -> dict[str, Any]:
    found = {one["metadata"]["name"]: one for one in system.objects(kind, NAMESPACE)}
    status: dict[str, Any] = found.get(name, {}).get("status", {})
    return status


def _secret(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def _receiver() -> dict[str, Any]:
    names = ("harvis-frontend", "harvis-backend")
    resources = [{"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository", "name": one} for one in names]
    return {
        "apiVersion": "notification.toolkit.fluxcd.io/v1",
        "kind": "Receiver",
        "metadata": {"name": "pushes", "namespace": NAMESPACE},
        "spec": {"type": "generic-hmac", "secretRef": {"name": "hook"}, "resources": resources},
    }


def _with_secret(source: bytes) -> bytes:
    """Add a secret to the sample's GitRepository, since the demo's Git server asks for a password."""
    return source.replace(b"\n  url: http://127.0.0.1", b"\n  secretRef:\n    name: git\n  url: http://127.0.0.1")


def _say_how_to_talk(aws: EmbeddedAws, stack: EmbeddedStack, registry: Server, git_server: Server) -> None:
    print("\nEverything is still up. To talk to it:")
    for name, value in stack.environ.items():
        print(f"  export {name}={value}")
    print(f"  .venv/bin/tagstream --stack {stack.name} get images all -A")
    print(f"  registry   http://{registry.address}")
    print(f"  Git        http://{USER}:{PASSWORD}@{git_server.address}/harvis.git")
    pids = (aws.process.pid, registry.process.pid, git_server.process.pid)
    print(f"  to end it  kill {' '.join(str(pid) for pid in pids)}")


@contextlib.contextmanager
def _step(what: str) -> Iterator[None]:
    print(f"{what} … ", end="", flush=True)
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
