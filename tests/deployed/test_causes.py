"""Each of these breaks is found with one command: ``describe`` names the object, the field and its value."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.aws import EmbeddedStack
from tests.embedded.distribution import alice, running_distribution
from tests.embedded.git_server import bare_repository, git_server
from tests.embedded.push import push_image
from tests.embedded.system import PASSWORD, ROOT, USER, System, documents
from tests.embedded.token_server import PASSWORD as REGISTRY_PASSWORD
from tests.embedded.token_server import USER as REGISTRY_USER

NAMESPACE = "causes"
REFUSING = "#!/bin/sh\necho 'protected branch' >&2\nexit 1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A stack, a registry that wants alice's password, and a Git server that wants the bot's."""

    system: System
    registry: str
    git: str

    def image(self, name: str, image: str, secret: str) -> dict[str, Any]:
        spec = {"image": f"{self.registry}/{image}", "interval": "1h", "secretRef": {"name": secret}}
        return _object("ImageRepository", name, spec)

    def source(self, name: str, **spec: Any) -> dict[str, Any]:
        whole = {"url": f"{self.git}/{name}.git", "interval": "1h", "secretRef": {"name": "git"}, **spec}
        return _object("GitRepository", name, whole, "source")

    def automation(self, name: str, **spec: Any) -> dict[str, Any]:
        author = {"name": "bot", "email": "bot@example.com"}
        git = {"commit": {"author": author}, "checkout": {"ref": {"branch": "main"}}}
        source = {"kind": "GitRepository", "name": name}
        return _object("ImageUpdateAutomation", name, {"interval": "1h", "sourceRef": source, "git": git, **spec})


def _object(kind: str, name: str, spec: Mapping[str, Any], group: str = "image") -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, "annotations": {"tagstream.dev/debounce": "0s"}}
    metadata = metadata if kind == "ImageUpdateAutomation" else {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": f"{group}.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _secret(name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": data,
    }


def _policy(name: str, repository: str, version: str) -> dict[str, Any]:
    spec = {"imageRepositoryRef": {"name": repository}, "policy": {"semver": {"range": version}}}
    return _object("ImagePolicy", name, spec)


@pytest.fixture
def place(stack: EmbeddedStack, tmp_path: Path) -> Iterator[Place]:
    with running_distribution(passwords=True) as registry, git_server(tmp_path, {USER: PASSWORD}) as git:
        push_image(registry.address, "org/web", "1.1.0", session=alice())
        marked = f'image: {registry.address}/org/web:1.0.0 # {{"$imagepolicy": "{NAMESPACE}:web"}}\n'.encode()
        for name in ("password", "push", "folder", "branch"):
            bare = bare_repository(tmp_path, f"{name}.git", {"app.yaml": marked})
            if name == "push":
                (bare / "hooks/pre-receive").write_text(REFUSING)
                (bare / "hooks/pre-receive").chmod(0o755)
        system = System(stack=stack, registry=registry.address)
        yield Place(system=system, registry=registry.address, git=git.url("").rstrip("/"))


def described(place: Place, *words: str) -> Mapping[str, str]:
    """What ``describe`` advises, by object."""
    lines = [f"tagstream --stack {place.system.stack.name} -n {NAMESPACE} describe {one}" for one in words]
    done = subprocess.run(
        [sys.executable, "-m", "tests.embedded.command_lines"],
        input=json.dumps(lines), capture_output=True, text=True, cwd=ROOT, check=True,
        env={**_environ(), **place.system.stack.environ},
    )  # fmt: skip
    found = {word: one["out"] for word, one in zip(words, json.loads(done.stdout), strict=True)}
    return {word: out.partition("\nAdvice:\n  ")[2].partition("\n")[0] for word, out in found.items()}


def _environ() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}


def test_each_break_has_its_cause_in_one_command(place: Place) -> None:
    login = f"Secret/{NAMESPACE}"
    expected = {
        "image repository password": f"{login}/wrong (spec.secretRef.name of ImageRepository/{NAMESPACE}/password)",
        "image repository image": f"spec.image '{place.registry}/org/nothing'",
        "image repository secret": f"spec.secretRef.name 'missing' of ImageRepository/{NAMESPACE}/secret",
        "image policy repository": f"ImageRepository/{NAMESPACE}/image is not ready",
        "image policy range": "spec.policy.semver.range: '>=9' admits none of the 1 versions; the highest is 1.1.0",
        "image update password": f"{login}/wrong-git (spec.secretRef.name of GitRepository/{NAMESPACE}/password)",
        "image update push": "the host does not take pushes to branch 'main'",
        "image update folder": "spec.update.path './nowhere'",
        "image update branch": "spec.git.checkout.ref.branch 'release'",
        "image update source": "spec.sourceRef.name 'source'",
    }
    elsewhere = {"commit": {"author": {"email": "bot@example.com"}}, "checkout": {"ref": {"branch": "release"}}}
    place.system.cli(
        "apply",
        "-f",
        "-",
        stdin=documents(
            _secret("git", username=USER, password=PASSWORD),
            _secret("wrong-git", username=USER, password="wrong"),
            _docker_secret("right", place.registry, REGISTRY_PASSWORD),
            _docker_secret("wrong", place.registry, "wrong"),
            place.image("web", "org/web", "right"),
            place.image("password", "org/web", "wrong"),
            place.image("image", "org/nothing", "right"),
            place.image("secret", "org/web", "missing"),
            _policy("web", "web", "1.x"),
            _policy("range", "web", ">=9"),
            _policy("repository", "image", "1.x"),
            place.source("password", secretRef={"name": "wrong-git"}),
            *(place.source(name) for name in ("push", "folder", "branch")),
            *(place.automation(name) for name in ("password", "push", "source")),
            place.automation("folder", update={"path": "./nowhere"}),
            place.automation("branch", git=elsewhere),
        ),
    )
    found: dict[str, str] = {}

    def all_known() -> bool:
        missing = [one for one in expected if expected[one] not in found.get(one, "")]
        found.update(described(place, *missing))
        return all(expected[one] in found[one] for one in expected)

    try:
        place.system.stack.wait_for("the advice", all_known, 40)
    finally:
        assert {one: found.get(one, "") for one in expected if expected[one] not in found.get(one, "")} == {}


def _docker_secret(name: str, registry: str, password: str) -> dict[str, Any]:
    config = {"auths": {registry: {"username": REGISTRY_USER, "password": password}}}
    found = _secret(name, **{".dockerconfigjson": json.dumps(config)})
    return {**found, "type": "kubernetes.io/dockerconfigjson"}
