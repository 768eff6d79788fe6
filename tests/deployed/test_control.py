"""What people order of a policy and of a stack, in the deployed stack: from tags without an order to a thaw of all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.embedded.aws import EmbeddedStack
from tests.embedded.git_server import bare_repository, git, git_server
from tests.embedded.registry import Registry, digest_of, running_registry
from tests.embedded.system import CommandFailed, System, documents

NAMESPACE, NAME, IMAGES = "steered", "api", "image.toolkit.fluxcd.io/v1"
DEBOUNCE = {"tagstream.dev/debounce": "0s"}


def named(version: str, kind: str, spec: dict[str, Any], **annotations: str) -> dict[str, Any]:
    metadata = {"name": NAME, "namespace": NAMESPACE, "annotations": annotations}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def policy(**annotations: str) -> dict[str, Any]:
    """A policy of commit ids, of which the one created last is selected."""
    spec = {
        "imageRepositoryRef": {"name": NAME},
        "filterTags": {"pattern": "^main-"},
        "policy": {"alphabetical": {"order": "asc"}},
    }
    return named(IMAGES, "ImagePolicy", spec, **{"tagstream.dev/order-by": "created", **annotations})


def automation(**annotations: str) -> dict[str, Any]:
    spec = {
        "interval": "1h",
        "sourceRef": {"kind": "GitRepository", "name": NAME},
        "git": {"commit": {"author": {"email": "bot@example.com"}}},
    }
    return named(IMAGES, "ImageUpdateAutomation", spec, **DEBOUNCE, **annotations)


class Steered:
    """An image whose tags have no order, its policy, and an automation."""

    def __init__(self, system: System, registry: Registry, bare: Path, url: str) -> None:
        self.system, self.registry, self.bare = system, registry, bare
        self.push("f", day=1)
        source = {"url": url, "interval": "1h", "ref": {"branch": "main"}}
        image = {"image": f"{registry.address}/example/api", "interval": "1h"}
        self.apply(
            named(IMAGES, "ImageRepository", image),
            named("source.toolkit.fluxcd.io/v1", "GitRepository", source),
            policy(),
            automation(),
        )

    def apply(self, *objects: dict[str, Any]) -> None:
        self.system.cli("apply", "-f", "-", stdin=documents(*objects))

    def cli(self, *words: str) -> str:
        return self.system.cli("-n", NAMESPACE, *words)

    def push(self, commit: str, day: int) -> None:
        """An image that was created on a day."""
        config = json.dumps({"created": f"2026-11-{day:02}T00:00:00Z"}).encode()
        self.registry.blobs[digest_of(config)] = config
        manifest = json.dumps({"config": {"digest": digest_of(config)}}).encode()
        self.registry.add_tags("example/api", [f"main-{commit}"], manifest)

    def scan(self) -> None:
        self.cli("reconcile", "image", "repository", NAME)

    def wait_for_commit(self, commit: str) -> None:
        self.system.stack.wait_for(f"the commit of main-{commit}", lambda: self.in_git() == f"main-{commit}")

    def in_git(self) -> str:
        return git("show", "main:api.yaml", folder=self.bare).split()[1].rpartition(":")[2]


@pytest.fixture
def steered(stack: EmbeddedStack, tmp_path: Path) -> Iterator[Steered]:
    with running_registry() as registry, git_server(tmp_path) as server:
        marker = f'image: {registry.address}/example/api:main-0 # {{"$imagepolicy": "{NAMESPACE}:{NAME}"}}\n'
        bare = bare_repository(tmp_path, "api.git", {"api.yaml": marker.encode()})
        yield Steered(System(stack=stack, registry=registry.address), registry, bare, server.url("api.git"))


def test_a_policy_follows_orders_and_a_push_waits_for_every_freeze(steered: Steered) -> None:
    steered.wait_for_commit("f")
    steered.push("e", day=2)
    steered.scan()
    steered.wait_for_commit("e")

    steered.cli("hold", "policy", NAME, "--for", "7d", "--reason", "a migration")
    steered.push("d", day=3)
    steered.scan()
    assert steered.in_git() == "main-e"
    steered.cli("unpin", "policy", NAME)
    steered.wait_for_commit("d")
    steered.cli("rollback", "policy", NAME, "--to", "main-f", "--reason", "it crashes")
    steered.wait_for_commit("f")
    steered.cli("unpin", "policy", NAME)
    with pytest.raises(CommandFailed, match="main-x"):
        steered.cli("pin", "policy", NAME, "main-x")

    # The same in Git: an annotation holds until it is gone, or its time is over.
    steered.apply(policy(**{"tagstream.dev/pin": "main-e", "tagstream.dev/until": "2100-01-01T00:00:00Z"}))
    steered.wait_for_commit("e")

    steered.cli("freeze", "--reason", "an incident")
    try:
        steered.system.cli("freeze", "--all", "--until", "2h")
        steered.apply(policy(), automation(**{"tagstream.dev/freeze": "2026-01-01..2100-01-01 (a long one)"}))
        wait_for = steered.system.stack.wait_for
        wait_for("the selection", lambda: "main-d" in steered.cli("get", "images", "policy"))
        steered.cli("thaw")
        preview = steered.cli("preview")
        assert "+image: " in preview and ":main-d" in preview
        assert "a long one" in preview and "everything is frozen" in preview
    finally:
        steered.system.cli("thaw", "--all")
    assert steered.in_git() == "main-e"
    wait_for("the wait", lambda: "(a long one)" in steered.cli("get", "images", "update"))
    steered.apply(automation())
    steered.wait_for_commit("d")
    assert "main-d" in steered.cli("backtest", "policy", NAME)
    events = steered.cli("events")
    for words in ("a migration", "it crashes", "an incident"):
        assert words in events

    parameters_hold_every_push(steered, steered.system.stack)


def parameters(stack: EmbeddedStack, **changed: str) -> None:
    """Deploy the stack with other values of its parameters, as CloudFormation does."""
    cloudformation = stack.client("cloudformation")
    (known,) = cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
    given = [
        {"ParameterKey": name, "ParameterValue": changed[name]}
        if (name := one["ParameterKey"]) in changed
        else {"ParameterKey": name, "UsePreviousValue": True}
        for one in known["Parameters"]
    ]
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    cloudformation.update_stack(
        StackName=stack.name, UsePreviousTemplate=True, Capabilities=capabilities, Parameters=given
    )
    waiter = {"Delay": 1, "MaxAttempts": 60}
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack.name, WaiterConfig=waiter)


def parameters_hold_every_push(steered: Steered, stack: EmbeddedStack) -> None:
    """A freeze of the stack, and then a window that nobody can read."""
    for name, value in (("Window", "Mon to Fri"), ("Freeze", "Christmas")):
        with pytest.raises(ClientError, match=f"'{name}' needs "):
            parameters(stack, **{name: value})
    try:
        parameters(stack, Freeze="2026-01-01..2100-01-01 Europe/Berlin (an audit)")
        steered.push("c", day=4)
        steered.scan()
        stack.wait_for("the wait", lambda: "the stack is frozen" in steered.cli("get", "images", "update"))
        # CloudFormation does not know which zones there are.
        parameters(stack, Freeze="", Window="Mon-Sun 00:00-24:00 Europe/Atlantis")
        stack.tick()
        assert any("stack parameter invalid" in line and "Europe/Atlantis" in line for line in stack.logs("scan"))
        words = "the stack's parameter Window is invalid: unknown time zone"
        for verb in ("check", "preview"):
            with pytest.raises(CommandFailed, match=words):
                steered.cli(verb)
    finally:
        parameters(stack, Freeze="", Window="")
    assert steered.in_git() == "main-d"
    steered.cli("reconcile", "image", "update", NAME)
    steered.wait_for_commit("c")
