"""``tagstream tree`` shows what leads from a repository to commits, and where the way ends."""

from __future__ import annotations

import json
from datetime import timedelta

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.selections import Waiting
from tests.unit.cli.memory_ports import NOW, MemoryPorts, command
from tests.unit.cli.verbs.test_get import READY, add, stored

GIT = {"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "bot@example.com"}}}
SOURCE = {"kind": "GitRepository", "name": "apps"}


def policy(ports: MemoryPorts, name: str, repository: str, namespace: str = "flux-system") -> None:
    ready = {"conditions": [READY], "latestRef": {"name": "a", "tag": "1.1.0"}}
    reference = {"name": repository, "namespace": "flux-system"}
    add(ports, "ImagePolicy", name, ready, namespace, imageRepositoryRef=reference, policy={"semver": {"range": "1.x"}})


def fleet() -> MemoryPorts:
    ports = stored("ImageRepository", "web", {"conditions": [READY]}, image="ghcr.io/a/web", interval="1m")
    add(ports, "ImageRepository", "idle", {}, image="ghcr.io/a/idle", interval="1m")
    policy(ports, "web", "web")
    policy(ports, "web-elsewhere", "web", "apps")
    spec = {"interval": "1m", "sourceRef": SOURCE, "git": GIT}
    add(ports, "ImageUpdateAutomation", "all", {"conditions": [READY]}, **spec)
    selector = {"policySelector": {"matchLabels": {"team": "a"}}}
    add(ports, "ImageUpdateAutomation", "none", {}, **spec, **selector)
    return ports


def test_the_tree_has_policies_and_the_automations_that_admit_them() -> None:
    assert command("tree", "web", ports=fleet()).out.splitlines() == [
        "ImageRepository/flux-system/web ghcr.io/a/web",
        "├── ImagePolicy/apps/web-elsewhere: 1.1.0",
        "│   └── no ImageUpdateAutomation of its namespace commits it",
        "└── ImagePolicy/flux-system/web: 1.1.0",
        "    └── ImageUpdateAutomation/flux-system/all -> GitRepository/apps",
    ]


def test_every_repository_of_the_namespace_has_a_tree_and_says_where_it_ends() -> None:
    out = command("tree", ports=fleet()).out
    assert out.splitlines()[:2] == [
        "ImageRepository/flux-system/idle ghcr.io/a/idle (not ready)",
        "└── no ImagePolicy selects from it",
    ]


def test_what_is_not_ready_says_why_and_what_waits_says_until_when() -> None:
    ports = fleet()
    failure = {"conditions": [READY | {"status": "False", "message": "push refused"}]}
    add(ports, "ImageUpdateAutomation", "all", failure, interval="1m", sourceRef=SOURCE, git=GIT)
    assert "ImageUpdateAutomation/flux-system/all -> GitRepository/apps (not ready: push refused)" in (
        command("tree", "web", ports=ports).out
    )
    key = NamespacedName("flux-system", "all")
    ports.selections.waits[key] = Waiting(since=NOW, until=NOW + timedelta(minutes=5), reason="until it is quiet")
    assert "(waits until it is quiet" in command("tree", "web", ports=ports).out


def test_programs_get_the_same_as_json() -> None:
    [root] = json.loads(command("tree", "web", "-o", "json", ports=fleet()).out)
    assert [one["text"] for one in root["below"]] == [
        "ImagePolicy/apps/web-elsewhere: 1.1.0",
        "ImagePolicy/flux-system/web: 1.1.0",
    ]


def test_nothing_to_show_is_a_failure() -> None:
    assert [command("tree", *words, ports=MemoryPorts()).code for words in ((), ("x",), ("-A",))] == [1, 1, 1]
