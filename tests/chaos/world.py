"""What the chaos run automates: namespaces with images, policies, automations, Receivers, Alerts and repositories.

Every second namespace has a Kustomization too. The repository of the second one is on a Git host, where its push branch
has a pull request, and a third automation has a branch and a pull request for each policy.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagstream.domain.objects.git_host import API_URL, GIT_HOST
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.objects.pull_request import API_SECRET, PULL_REQUEST
from tests.chaos.fleet import Fleet, add_fleet
from tests.embedded.fault_proxy import FaultProxy
from tests.embedded.git_hosts.gitea import Gitea
from tests.embedded.git_hosts.host import NAME, OWNER
from tests.embedded.git_server import bare_repository
from tests.embedded.hook_receiver import HookReceiver
from tests.simulation.cloud import Cloud
from tests.simulation.documents import SOURCE, add_alert, add_receiver, automation, delivery_event, document, marked
from tests.simulation.git_history import GitHistory, Marker, WatchedBranch
from tests.simulation.image_host import ImageHost

USER, PASSWORD = "bot", "hunter2"
FIRST = "1.0.0"
TIMEOUT, HOOK_TIMEOUT = "15s", "3s"
TOKEN = "token-of-the-bot"
HOSTED = "team1"
"""The namespace whose repository is on the Git host."""
TEMPLATE = "images/{{ .Policy }}-{{ .NewTag }}"
"""The push branch of the automation that has one for each policy of that namespace."""
BY_HAND = "byhand"
"""An ImageRepository that no commit has: a Kustomization must leave it alone."""
INTERVALS = ("1m", "2m", "5m")


@dataclass
class Image:
    """An image and its policy, which have one name; ``pushed`` are its tags in the range, and when they came."""

    key: NamespacedName
    host: str
    minor: int = 0
    pushed: dict[str, float] = field(default_factory=dict)

    @property
    def repository(self) -> str:
        """The name on the registry."""
        return f"{self.key.namespace}/{self.key.name}"

    @property
    def newest(self) -> str:
        """The tag that every marker must end with."""
        return f"1.{self.minor}.0"


@dataclass
class World:
    """Everything, and the means to push to it.

    Attributes:
        paths: of the Receivers, by namespace.
        policies: the image of each marker.
        hooks: who is told what happens.
        git_host: has the pull requests of one namespace.
        proposed: the images of that namespace, each of which has a branch and a request of its own.
        fleets: the Kustomizations.
    """

    cloud: Cloud
    registry: ImageHost
    hooks: HookReceiver
    git_host: Gitea
    fleets: list[Fleet] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    proposed: list[Image] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    history: GitHistory = field(default_factory=GitHistory)
    policies: dict[Marker, Image] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    deliveries: int = 0

    def push(self, image: Image) -> str:
        """Push the image's next tag."""
        image.minor += 1
        self.registry.push(image.repository, image.newest)
        image.pushed[image.newest] = self.cloud.clock.now_s()
        return image.newest

    def deliver(self, image: Image, tag: str, at_s: float) -> None:
        """Have the registry tell of a tag at a time; it repeats the delivery until it is answered with 2xx."""
        event = delivery_event(self.paths[image.key.namespace], f"{image.host}/{image.repository}", tag)
        self.deliveries += 1

        def is_taken(answer: Any) -> bool:
            status = 0 if answer is None or answer.error else int(answer.value["statusCode"])
            self.answers.append(status)
            return 200 <= status < 300

        self.cloud.senders.add(event, at_s, is_taken)

    def missing(self) -> list[str]:
        """The markers that do not have the newest tag yet, and the stored objects that are not as Git has them."""
        values = self.history.values()
        found = [
            f"{marker} has {values.get(marker)} and not {image.newest}"
            for marker, image in self.policies.items()
            if values.get(marker) != image.newest
        ]
        found += [f"no branch {one} on the Git host" for one in self.branches() if not self.git_host.branch(one)]
        # Reading the objects costs more than reading Git's.
        return found or [one for fleet in self.fleets for one in fleet.missing(self.cloud.ports)]

    def branches(self) -> list[str]:
        """The branch of each policy with a tag that is newer than the one on main."""
        return [f"images/{one.key.name}-{one.newest}" for one in self.proposed if one.newest != FIRST]

    def lags_s(self) -> list[float]:
        """From push to commit, for every tag and marker that was committed, in seconds."""
        return sorted(
            at_s - self.policies[marker].pushed[tag]
            for (marker, tag), at_s in self.history.seen.items()
            if tag in self.policies[marker].pushed
        )


def add_image(world: World, image: Image, entropy: random.Random) -> None:
    """An ImageRepository and its ImagePolicy, with one tag."""
    objects, key = world.cloud.ports.objects, image.key
    world.registry.push(image.repository, FIRST)
    interval, address = entropy.choice(INTERVALS), f"{image.host}/{image.repository}"
    objects.put(document("ImageRepository", key, image=address, interval=interval, timeout=TIMEOUT))
    objects.put(
        document("ImagePolicy", key, imageRepositoryRef={"name": key.name}, policy={"semver": {"range": "1.x"}})
    )


def remove_image(world: World, image: Image) -> None:
    """Delete both objects of an image, as ``tagstream delete`` does."""
    for kind in ("ImagePolicy", "ImageRepository"):
        world.cloud.ports.objects.delete(kind, image.key)


def build(world: World, proxies: Mapping[str, Sequence[FaultProxy]], root: Path, namespaces: int, images: int) -> None:
    """Fill the world.

    Args:
        world: an empty one.
        proxies: the hosts, ``registry``, ``git`` and ``hook``; namespaces take them in turn. ``api`` is the Git host's.
        root: the folder that the Git server serves.
        namespaces: how many.
        images: how many in each.
    """
    entropy = random.Random(namespaces * 1000 + images)
    for number in range(namespaces):
        namespace = f"team{number}"
        host = proxies["registry"][number % len(proxies["registry"])].address
        mine = [Image(key=NamespacedName(namespace, f"app{one}"), host=host) for one in range(images)]
        for image in mine:
            add_image(world, image, entropy)
        world.images += mine
        git_host = proxies["git"][number % len(proxies["git"])].address
        ports = world.cloud.ports
        world.paths[namespace] = add_receiver(ports, namespace)
        hook = proxies["hook"][number % len(proxies["hook"])].address
        add_alert(ports, namespace, f"http://{hook}/{namespace}", HOOK_TIMEOUT)
        api = f"http://{proxies['api'][0].address}/api/v1" if namespace == HOSTED else ""
        _add_automations(world, mine, f"http://{git_host}/{_path(namespace)}", root, api)
        if number % 2 == 0:
            address = f"{host}/{mine[0].repository}"
            world.fleets.append(add_fleet(ports, root, git_host, namespace, address))
            theirs = NamespacedName(namespace, BY_HAND)
            ports.objects.put(document("ImageRepository", theirs, image=address, interval="30m"))


def _path(namespace: str) -> str:
    return f"{OWNER}/{NAME}.git" if namespace == HOSTED else f"{namespace}.git"


def _add_automations(world: World, images: Sequence[Image], url: str, root: Path, api: str) -> None:
    """Two automations of one repository, and a third one where it is on the Git host.

    In every second namespace they share a branch; in the others the second one pushes to a branch of its own, which is
    rebuilt from main. Where the repository is on the Git host, whose API is at ``api``, that branch has a pull request,
    and the third one has a branch and a pull request for each policy.
    """
    ports, namespace = world.cloud.ports, images[0].key.namespace
    staging = "main" if int(namespace.removeprefix("team")) % 2 == 0 else "staging"
    files = {
        f"{part}/{image.key.name}.yaml": marked(image.key, f"{image.host}/{image.repository}:{FIRST}")
        for image in images
        for part in ("a", "b", "c")
    }
    bare = bare_repository(root, _path(namespace), files)
    world.folders.append(bare)
    notes = {GIT_HOST: "gitea", API_URL: api} if api else {}
    if api:
        world.git_host.bare = bare
        ports.secrets.put(NamespacedName(namespace, "api"), {"bearerToken": TOKEN.encode()})
    ports.secrets.put(NamespacedName(namespace, "git"), {"username": USER.encode(), "password": PASSWORD.encode()})
    source = NamespacedName(namespace, "source")
    spec: dict[str, Any] = {"url": url, "interval": "1m", "timeout": TIMEOUT, "secretRef": {"name": "git"}}
    ports.objects.put(document("GitRepository", source, SOURCE, annotations=notes, **spec))
    for part, branch in (("a", "main"), ("b", staging)):
        made = automation(NamespacedName(namespace, part), "main", branch, f"./{part}")
        if api and part == "b":
            made["metadata"]["annotations"] = {PULL_REQUEST: "true", API_SECRET: "api"}
        ports.objects.put(made)
    if api:
        made = automation(NamespacedName(namespace, "c"), "main", TEMPLATE, "./c")
        made["metadata"]["annotations"] = {PULL_REQUEST: "true", API_SECRET: "api"}
        ports.objects.put(made)
        world.proposed += images
    _watch(world, bare, images, {"a": "main", "b": staging})


def _watch(world: World, bare: Path, images: Sequence[Image], branches: Mapping[str, str]) -> None:
    by_branch: dict[str, list[Marker]] = {}
    for part, branch in branches.items():
        for image in images:
            marker = Marker(bare.name, branch, f"{part}/{image.key.name}.yaml")
            by_branch.setdefault(branch, []).append(marker)
            world.policies[marker] = image
    for branch, markers in by_branch.items():
        watched = WatchedBranch(folder=bare, name=branch, markers=markers, is_rebuilt=branch != "main")
        watched.values = dict.fromkeys(markers, FIRST)
        world.history.branches.append(watched)
