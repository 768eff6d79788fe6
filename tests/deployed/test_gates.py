"""The gates of a policy in the deployed stack: age, a person's orders and reverts, and what is in the images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.aws import EmbeddedStack
from tests.embedded.cosign import push_signature, push_signed_image, recording
from tests.embedded.distribution import running_distribution
from tests.embedded.git_server import bare_repository, commit_files, git, git_server
from tests.embedded.push import push_image
from tests.embedded.registry import Registry, running_registry
from tests.embedded.system import System, documents

NAMESPACE, NAME = "gated", "web"
PAGE = (Path(__file__).parents[2] / "docs/gates.md").read_text()
EXAMPLE = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]


class Gated:
    """The first example of docs/gates.md with a repository and an automation, in a namespace of its own."""

    def __init__(self, system: System, registry: Registry, bare: Path, url: str) -> None:
        self.system, self.registry, self.bare = system, registry, bare
        self.image = f"{registry.address}/example/web"
        manifests = EXAMPLE.replace("ghcr.io/example/web", self.image).replace("flux-system", NAMESPACE)
        spec = {
            "interval": "1h",
            "sourceRef": {"kind": "GitRepository", "name": NAME},
            "git": {"commit": {"author": {"email": "bot@example.com"}}},
        }
        source = {"url": url, "interval": "1h", "ref": {"branch": "main"}}
        system.cli("apply", "-f", "-", stdin=manifests.encode())
        system.cli(
            "apply",
            "-f",
            "-",
            stdin=documents(
                self.document("source.toolkit.fluxcd.io/v1", "GitRepository", source),
                self.document("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation", spec),
            ),
        )

    @staticmethod
    def document(version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": NAME, "namespace": NAMESPACE, "annotations": {"tagstream.dev/debounce": "0s"}}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}

    def cli(self, *words: str) -> str:
        return self.system.cli("-n", NAMESPACE, *words)

    def marked(self, tag: str) -> bytes:
        return f'image: {self.image}:{tag} # {{"$imagepolicy": "{NAMESPACE}:{NAME}"}}\n'.encode()

    def has_in_git(self, tag: str) -> bool:
        return git("show", "main:web.yaml", folder=self.bare).encode() == self.marked(tag)

    def wait_for_commit(self, tag: str) -> None:
        self.system.stack.wait_for(f"the commit of {tag}", lambda: self.has_in_git(tag))

    def ready(self) -> tuple[str, str]:
        """The reason and the message of the policy's Ready condition."""
        (policy,) = self.system.objects("policy", NAMESPACE)
        found = next(one for one in policy["status"]["conditions"] if one["type"] == "Ready")
        return found["reason"], found["message"]


@pytest.fixture
def gated(stack: EmbeddedStack, tmp_path: Path) -> Iterator[Gated]:
    with running_registry() as registry, git_server(tmp_path) as server:
        registry.add_tags("example/web", ["1.4.1", "1.4.2"])
        bare = bare_repository(tmp_path, "web.git", {})
        system = System(stack=stack, registry=registry.address)
        marker = f'image: {registry.address}/example/web:1.4.1 # {{"$imagepolicy": "{NAMESPACE}:{NAME}"}}\n'
        commit_files(bare, {"web.yaml": marker.encode()}, "begin")
        yield Gated(system, registry, bare, server.url("web.git"))


def test_a_policy_follows_its_minimum_age_and_then_what_people_want(gated: Gated) -> None:
    gated.wait_for_commit("1.4.2")
    gated.registry.add_tags("example/web", ["1.5.0"])
    gated.cli("reconcile", "image", "repository", NAME)
    reason, message = gated.ready()
    assert reason == "Succeeded"
    assert "; 1.5.0, first seen at " in message and message.endswith("when it is 72h0m0s old")
    assert "too young" in gated.cli("explain", "policy", NAME)

    gated.cli("pin", "policy", NAME, "1.5.0", "--for", "7d", "--reason", "urgent")
    gated.wait_for_commit("1.5.0")
    assert gated.ready()[0] == "Pinned"

    gated.cli("rollback", "policy", NAME, "--reason", "it crashes")
    gated.wait_for_commit("1.4.2")
    assert gated.ready()[0] == "RolledBack"

    gated.cli("unpin", "policy", NAME)
    culprit = commit_files(gated.bare, {"web.yaml": gated.marked("1.4.1")}, "a person goes back")
    gated.cli("reconcile", "image", "update", NAME)
    gated.system.stack.wait_for("the revert to be told", lambda: gated.ready()[0] == "RevertedByHand")
    assert gated.has_in_git("1.4.1")
    assert f"commit {culprit[:7]} of " in gated.ready()[1]
    events = gated.cli("events")
    for words in (" to 1.5.0 until ", " from 1.5.0 to 1.4.2", "set 1.4.2 back to 1.4.1"):
        assert words in events

    gated.cli("unpin", "policy", NAME, "--reason", "1.4.2 is right")
    gated.wait_for_commit("1.4.2")
    skipped_tags_are_left_and_a_tag_that_has_come_of_age_is_selected(gated)


def skipped_tags_are_left_and_a_tag_that_has_come_of_age_is_selected(gated: Gated) -> None:
    """Go on with 1.4.2 selected, and with 1.5.0, which is old enough for a shorter age."""
    annotations = ("tagstream.dev/skip-tags=1.4.2,1.5.0", "tagstream.dev/minimum-age=5s")
    gated.cli("annotate", "image", "policy", NAME, *annotations)
    gated.wait_for_commit("1.4.1")
    gated.registry.add_tags("example/web", ["1.6.0"])
    gated.cli("reconcile", "image", "repository", NAME)
    assert gated.ready()[1].endswith("when it is 5s old")
    assert gated.has_in_git("1.4.1")

    def is_selected_by_tick() -> bool:
        gated.system.stack.tick()
        return "1.6.0" in gated.cli("get", "images", "policy")

    gated.system.stack.wait_for("the age of 1.6.0", is_selected_by_tick)
    gated.wait_for_commit("1.6.0")


LOOKING = {
    "tagstream.dev/order-by": "first-seen",
    "tagstream.dev/platforms": "linux/amd64",
    "tagstream.dev/verify": "cosign",
    "tagstream.dev/verify-secret": "cosign-keys",
}


def looking(image: str, url: str, keys: dict[str, str]) -> bytes:
    """The manifests of a policy whose gates look into images, with an automation."""

    def applied(version: str, kind: str, spec: dict[str, Any], **annotations: str) -> dict[str, Any]:
        metadata = {"name": "api", "namespace": "looking", "annotations": annotations}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}

    images = "image.toolkit.fluxcd.io/v1"
    policy = {
        "imageRepositoryRef": {"name": "api"},
        "filterTags": {"pattern": "^main-"},
        "policy": {"alphabetical": {"order": "asc"}},
        "digestReflectionPolicy": "IfNotPresent",
    }
    automation = {
        "interval": "1h",
        "sourceRef": {"kind": "GitRepository", "name": "api"},
        "git": {"commit": {"author": {"email": "bot@example.com"}}},
    }
    source = {"url": url, "interval": "1h", "ref": {"branch": "main"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cosign-keys", "namespace": "looking"}}
    return documents(
        {**secret, "stringData": keys},
        applied(images, "ImageRepository", {"image": image, "interval": "1h"}),
        applied(images, "ImagePolicy", policy, **LOOKING),
        applied("source.toolkit.fluxcd.io/v1", "GitRepository", source),
        applied(images, "ImageUpdateAutomation", automation, **{"tagstream.dev/debounce": "0s"}),
    )


def test_tags_without_an_order_are_committed_when_their_images_are_signed_and_complete(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    first, second = recording("tag-p256"), recording("index")
    with running_distribution() as distribution, git_server(tmp_path) as server:
        image = f"{distribution.address}/example/api"
        push_signed_image(distribution.address, "example/api", "main-b", first)
        push_signature(distribution.address, "example/api", first)
        marker = f'image: {image}:main-0 # {{"$imagepolicy": "looking:api"}}\n'
        bare = bare_repository(tmp_path, "api.git", {"api.yaml": marker.encode()})
        system = System(stack=stack, registry=distribution.address)
        keys = {name: text.decode() for name, text in first.keys.items()}
        others = {name: text.decode() for name, text in recording("tag-p384").keys.items()}
        url = server.url("api.git")
        system.cli("apply", "-f", "-", stdin=looking(image, url, others))

        def policy_says(words: str) -> bool:
            return words in system.cli("-n", "looking", "get", "images", "policy")

        system.stack.wait_for("the wrong key", lambda: policy_says("no signature by a key of the secret (cosign-keys)"))
        assert "main-0" in git("show", "main:api.yaml", folder=bare)
        push_image(distribution.address, "example/api", "main-c", b"not signed")
        system.cli("apply", "-f", "-", stdin=looking(image, url, keys))
        system.cli("-n", "looking", "reconcile", "image", "repository", "api")

        def in_git(tag: str, digest: str) -> bool:
            return f"image: {image}:{tag}@{digest} " in git("show", "main:api.yaml", folder=bare)

        system.stack.wait_for("the signed image", lambda: in_git("main-b", first.digest))
        assert "; main-c has no signature (cosign-keys)" in system.cli("-n", "looking", "get", "images", "policy")
        assert "main-c has no signature" in system.cli("-n", "looking", "events")

        # The newest tag wins, although the policy's own order puts it last.
        push_signed_image(distribution.address, "example/api", "main-a", second)
        push_signature(distribution.address, "example/api", second)
        system.cli("-n", "looking", "reconcile", "image", "repository", "api")
        system.stack.wait_for("the newest image", lambda: in_git("main-a", second.digest))
        explained = system.cli("-n", "looking", "explain", "policy", "api")
        assert "selected" in next(line for line in explained.splitlines() if line.startswith("main-a"))
