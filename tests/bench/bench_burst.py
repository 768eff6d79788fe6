"""Measures a burst of new tags for one branch: how many commits it makes, and how soon after its end all are pushed.

The first measurement calls the update function's code directly, on the embedded AWS with a Git server. The second one
goes through the deployed stack, from the webhook deliveries of a registry to the commits.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bench.fleet import counted_table
from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.contract.reconcile.update.test_burst import POLICIES, choose, commits, head, marked
from tests.contract.reconciling import APP, Silent, automated, ports_on, run_woken
from tests.embedded.aws import EmbeddedAws, running
from tests.embedded.git_server import bare_repository, git_server
from tests.embedded.registry import Registry, running_registry
from tests.embedded.system import System, documents

SPREAD_S = 10.0


def _rows(_flux: Flux | None) -> Iterator[Row]:
    """Measure one burst whose deliveries follow each other as fast as possible."""
    files = {f"apps/app-{number}.yaml": marked(number, "v1.0.0").encode() for number in range(POLICIES)}
    with running() as aws, tempfile.TemporaryDirectory() as name:
        bare = bare_repository(Path(name), "fleet.git", files)
        with git_server(Path(name)) as server:
            made, late_s = _burst(aws, server.url("fleet.git"), bare)
        deployed, deployed_late_s = _through_the_stack(aws)
    what = f"{POLICIES} tags for {POLICIES} policies within {SPREAD_S:.0f} s, one branch"
    for how, count, after_s in (("", made, late_s), (", told to the deployed webhook", deployed, deployed_late_s)):
        yield Row(what=f"{what}{how}: commits", ours=str(count), value=count, goal=3)
        yield Row(what=f"{what}{how}: seconds to the last", ours=f"{after_s:.1f} s", value=after_s, goal=30)


def _burst(aws: EmbeddedAws, url: str, bare: Path) -> tuple[int, float]:
    ports = ports_on(counted_table(aws.endpoint)[1], Silent())
    automated(ports, url)
    ended: list[float] = []

    def push() -> None:
        for number in range(POLICIES):
            choose(ports, number, "v2.0.0")
            time.sleep(SPREAD_S / POLICIES)
        ended.append(time.monotonic())

    pushing = threading.Thread(target=push)
    pushing.start()
    while pushing.is_alive() or not all("v2.0.0" in one for one in head(bare)):
        # The stream works like this: it is woken by new selections, and runs one invocation at a time.
        run_woken([APP], ports)
    return commits(bare), time.monotonic() - ended[0]


def _through_the_stack(aws: EmbeddedAws) -> tuple[int, float]:
    """Measure a burst through the deployed stack, from the registry's notifications on; the functions are warm."""
    files = {f"apps/app-{number}.yaml": marked(number, "v1.0.0").encode() for number in range(POLICIES)}
    names = [f"app-{number}" for number in range(POLICIES)]
    with tempfile.TemporaryDirectory() as folder, running_registry() as registry:
        bare = bare_repository(Path(folder), "fleet.git", files)
        for name in names:
            registry.add_tags(name, ["v1.0.0"])
        with git_server(Path(folder)) as server:
            system = System(stack=aws.deploy(), registry=registry.address)
            system.cli("apply", "-f", "-", stdin=documents(*_objects(registry.address, names, server.url("fleet.git"))))
            selected = f"{registry.address}/app-{POLICIES - 1}:v1.0.0"
            system.stack.wait_for("first commit", lambda: any(selected in one for one in head(bare)), timeout_s=120)
            before, path = commits(bare), system.hook_path("hook", "ns")
            ended = _pushed(system, registry, path)
            expected = {f"image: {registry.address}/{name}:v2.0.0" for name in names}
            system.stack.wait_for(
                "the burst's commits", lambda: expected <= {one.split(" #")[0] for one in head(bare)}, timeout_s=120
            )
            return commits(bare) - before, time.monotonic() - ended


def _pushed(system: System, registry: Registry, path: str) -> float:
    """Push a tag of every image and notify as docker-registry does; return when the last one was pushed."""
    begin = time.monotonic()
    with ThreadPoolExecutor(4) as senders:
        for number in range(POLICIES):
            time.sleep(max(0.0, begin + number * SPREAD_S / POLICIES - time.monotonic()))
            registry.add_tags(f"app-{number}", ["v2.0.0"])
            target = {
                "repository": f"app-{number}",
                "tag": "v2.0.0",
                "mediaType": "application/vnd.oci.image.index.v1+json",
            }
            event = {"id": f"push-{number}", "action": "push", "target": target, "request": {"host": registry.address}}
            body = json.dumps({"events": [event]}).encode()
            senders.submit(system.stack.post, path, body, {"Authorization": "Bearer token"})
        return time.monotonic()


def _objects(registry: str, names: Sequence[str], url: str) -> Iterator[dict[str, Any]]:
    def one(kind: str, name: str, spec: dict[str, Any], group: str = "image.toolkit.fluxcd.io/v1") -> dict[str, Any]:
        return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": "ns"}, "spec": spec}

    yield {**one("Secret", "hook", {}, "v1"), "stringData": {"token": "token"}}
    for name in names:
        yield one("ImageRepository", name, {"image": f"{registry}/{name}", "interval": "24h"})
        policy = {"imageRepositoryRef": {"name": name}, "policy": {"semver": {"range": "*"}}}
        yield one("ImagePolicy", name, policy)
    yield one("GitRepository", "fleet", {"url": url, "interval": "1h"}, "source.toolkit.fluxcd.io/v1")
    git = {"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "bot@example.com"}}}
    source = {"kind": "GitRepository", "name": "fleet"}
    yield one("ImageUpdateAutomation", "fleet", {"interval": "1h", "sourceRef": source, "git": git})
    receiver = one(
        "Receiver",
        "hook",
        {
            "type": "generic",
            "secretRef": {"name": "hook"},
            "resources": [{"kind": "ImageRepository", "name": "*"}],
        },
        "notification.toolkit.fluxcd.io/v1",
    )
    receiver["metadata"]["annotations"] = {"tagstream.dev/sender": "distribution"}
    yield receiver


BENCHES = {"burst": _rows}
