"""Load on the update: a thousand tags at once, for a hundred images on twenty branches.

In each repository, five of the images are also proposed on a branch of their own, by an automation with a template.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from tagstream.domain.objects.model import NamespacedName
from tests.embedded.distribution import running_distribution
from tests.embedded.git_server import bare_repository, commit_files, git_server
from tests.simulation.cloud import Cloud, running_cloud
from tests.simulation.documents import SOURCE, add_receiver, automation, delivery_event, document, marked
from tests.simulation.event_sources import accepted
from tests.simulation.figures import Row, spread
from tests.simulation.git_history import GitHistory, Marker, WatchedBranch
from tests.simulation.image_host import ImageHost

REPOSITORIES = 4
BRANCHES = 5
IMAGES = 5
TAGS = 10
TEMPLATE = "images/{{ .Policy }}"
SETTLE_S = 1800.0


def rows(seed: int) -> Iterator[Row]:
    """Push a thousand tags and wait for the commits."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
        registry = ImageHost(stack.enter_context(running_distribution()))
        server = stack.enter_context(git_server(root))
        cloud = stack.enter_context(running_cloud(random.Random(seed)))
        history = GitHistory()
        paths = [_add(cloud, registry, server.url(f"team{one}.git"), root, history) for one in range(REPOSITORIES)]
        _until(cloud, history, "1.0.0")
        before = cloud.gate.read_units, cloud.gate.write_units
        began_s = cloud.clock.now_s()
        _push(cloud, registry, paths)
        _until(cloud, history, f"1.{TAGS}.0")
        lags = [at_s - began_s for (_, tag), at_s in history.seen.items() if tag == f"1.{TAGS}.0"]
        tags = REPOSITORIES * BRANCHES * IMAGES * TAGS
        branches = f"{REPOSITORIES * BRANCHES}, {REPOSITORIES * IMAGES}"
        yield "tags, images, branches, branches of templates", f"{tags}, {tags // TAGS}, {branches}"
        yield "push to commit: p50, p99, longest", spread(lags)
        yield "commits, what went wrong on branches", f"{len(history.made)}, {history.wrong or 'nothing'}"
        units = cloud.gate.read_units - before[0], cloud.gate.write_units - before[1]
        yield "table: read units, write units", f"{units[0]:.0f}, {units[1]:.0f}"
        yield (
            "memory, peak: scan, update",
            ", ".join(f"{cloud.pools[one].peak_mb:.0f} MB" for one in ("scan", "update")),
        )
        yield "dead letters", str(len(cloud.dead_letters) + len(cloud.senders.dead_letters))


def _add(cloud: Cloud, registry: ImageHost, url: str, root: Path, history: GitHistory) -> str:
    """A namespace with a Git repository; each branch has an automation and images of its own."""
    namespace = url.rpartition("/")[2].removesuffix(".git")
    ports = cloud.ports
    bare = bare_repository(root, f"{namespace}.git", {"README.md": b"images\n"})
    ports.objects.put(document("GitRepository", NamespacedName(namespace, "source"), SOURCE, url=url, interval="1m"))
    for branch in (f"branch{one}" for one in range(BRANCHES)):
        keys = [NamespacedName(namespace, f"{branch}-app{one}") for one in range(IMAGES)]
        for key in keys:
            registry.push(str(key), "1.0.0")
            address = f"{registry.registry.address}/{key}"
            ports.objects.put(document("ImageRepository", key, image=address, interval="1h"))
            ports.objects.put(
                document("ImagePolicy", key, imageRepositoryRef={"name": key.name}, policy={"semver": {"range": "1.x"}})
            )
        files = {f"{key.name}.yaml": marked(key, f"{registry.registry.address}/{key}:1.0.0") for key in keys}
        commit_files(bare, files, "begin", branch)
        ports.objects.put(automation(NamespacedName(namespace, branch), branch, branch, "./"))
        markers = [Marker(bare.name, branch, path) for path in files]
        history.branches.append(WatchedBranch(folder=bare, name=branch, markers=markers))
    proposed = [NamespacedName(namespace, f"branch0-app{one}") for one in range(IMAGES)]
    address = registry.registry.address
    _propose(cloud, bare, {f"{key.name}.yaml": marked(key, f"{address}/{key}:1.0.0") for key in proposed})
    for key in proposed:
        marker = Marker(bare.name, f"images/{key.name}", f"{key.name}.yaml")
        watched = WatchedBranch(folder=bare, name=marker.branch, markers=[marker], is_rebuilt=True)
        watched.values = {marker: "1.0.0"}
        history.branches.append(watched)
    return add_receiver(ports, namespace)


def _propose(cloud: Cloud, bare: Path, files: Mapping[str, bytes]) -> None:
    """A branch with these files, and an automation that has a branch for each of their policies."""
    commit_files(bare, files, "begin", "proposals")
    key = NamespacedName(bare.name.removesuffix(".git"), "proposals")
    cloud.ports.objects.put(automation(key, "proposals", TEMPLATE, "./"))


def _push(cloud: Cloud, registry: ImageHost, paths: list[str]) -> None:
    now_s = cloud.clock.now_s()
    for number, path in enumerate(paths):
        names = [f"team{number}/branch{b}-app{i}" for b in range(BRANCHES) for i in range(IMAGES)]
        for name in names:
            for minor in range(1, TAGS + 1):
                tag = f"1.{minor}.0"
                registry.push(name, tag)
                event = delivery_event(path, f"{registry.registry.address}/{name}", tag)
                cloud.senders.add(event, now_s, accepted)


def _until(cloud: Cloud, history: GitHistory, tag: str) -> None:
    """Step until every marker has a tag and nobody works."""
    end_s = cloud.clock.now_s() + SETTLE_S
    wanted = {marker for branch in history.branches for marker in branch.markers}
    while cloud.clock.now_s() < end_s:
        cloud.step(end_s)
        history.look(cloud.clock.now_s())
        values = history.values()
        if all(values.get(marker) == tag for marker in wanted) and cloud.quiet():
            return
    raise RuntimeError(f"not committed: {sorted(str(one) for one in wanted if history.values().get(one) != tag)}")
