"""What the simulated stack works for: images, policies, automations, and a Git repository with a file for each app."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tagstream.domain.objects.model import NamespacedName
from tagstream.reconcile.receive.paths import publish_receiver
from tests.contract.reconciling import document
from tests.cost.simulated_stack import SimulatedStack

TOKEN = b"a-token-of-the-receiver"
SECRETS = 2
TAGS = 40
APPS_AN_AUTOMATION = 20
INTERVAL_TICKS = 5
FLEET = 10
"""How many objects the Kustomization has."""
NOTIFICATION = "notification.toolkit.fluxcd.io/v1beta3"


def fill(stack: SimulatedStack, count: int) -> None:
    """Apply ``count`` repositories with a policy each, and an automation for each twenty of them.

    They are applied in five groups a minute apart, so that a fifth of them is due with each tick.
    """
    _apply_endpoints(stack)
    for group in range(INTERVAL_TICKS):
        for number in range(group, count, INTERVAL_TICKS):
            _apply_app(stack, number)
        stack.settle()
        stack.tick()
    # The automations come last, or every group of policies would make commits.
    for group in range(INTERVAL_TICKS):
        for team in range(group, max(1, count // APPS_AN_AUTOMATION), INTERVAL_TICKS):
            _apply_automation(stack, team)
        stack.settle()
        stack.tick()
    # The first look at every object is over, and the runs that commits asked for.
    for _ in range(INTERVAL_TICKS):
        stack.tick()


def add_alert(stack: SimulatedStack) -> None:
    """Apply an Alert that asks for everything that happens, and its Provider."""
    kinds = ("ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "Kustomization")
    sources = [{"kind": kind, "name": "*"} for kind in kinds]
    address = "https://chat.example.com/hook"
    _put(stack, document("Provider", NOTIFICATION, type="generic", address=address), "chat")
    _put(stack, document("Alert", NOTIFICATION, providerRef={"name": "chat"}, eventSources=sources), "chat")


def add_kustomization(stack: SimulatedStack) -> None:
    """Apply a Kustomization of the objects that ``fleet`` makes, and its GitRepository; both look every 5 minutes."""
    source, reference = "source.toolkit.fluxcd.io/v1", {"kind": "GitRepository", "name": "fleet"}
    url, secret = stack.git.url("fleet.git"), {"name": "git"}
    repository = document("GitRepository", source, url=url, interval="5m", ref={"branch": "main"}, secretRef=secret)
    _put(stack, repository, "fleet")
    spec: dict[str, Any] = {"interval": "5m", "path": "./", "prune": True, "sourceRef": reference}
    _put(stack, document("Kustomization", "kustomize.toolkit.fluxcd.io/v1", **spec), "fleet")


def fleet() -> dict[str, bytes]:
    """Return the files of the Kustomization: FLEET ImageRepositories that nobody has to scan."""
    found = {}
    for number in range(FLEET):
        spec: dict[str, Any] = {"image": "registry.example.com/fleet", "interval": "1h", "suspend": True}
        made = {**document("ImageRepository", **spec), "metadata": {"name": f"fleet-{number}", "namespace": "ns"}}
        found[f"{number}.yaml"] = json.dumps(made).encode()
    return found


def _apply_endpoints(stack: SimulatedStack) -> None:
    """Apply the Git repository and the Receiver, each with its secret."""
    ports, git = stack.ports, "source.toolkit.fluxcd.io/v1"
    ports.secrets.put(NamespacedName("ns", "git"), {"username": b"bot", "password": b"secret"})
    ports.secrets.put(NamespacedName("ns", "hook"), {"token": TOKEN})
    url = stack.git.url("app.git")
    _put(stack, document("GitRepository", git, url=url, interval="5m", secretRef={"name": "git"}), "app")
    resources = [{"kind": "ImageRepository", "name": "*"}]
    hook: dict[str, Any] = {"type": "quay", "secretRef": {"name": "hook"}, "resources": resources}
    _put(stack, document("Receiver", "notification.toolkit.fluxcd.io/v1", **hook), "hook")
    stored = ports.objects.get("Receiver", NamespacedName("ns", "hook"))
    assert stored is not None
    stack.path = publish_receiver(stored, ports) or ""


def _apply_app(stack: SimulatedStack, number: int) -> None:
    name, team = app_name(number), f"t{number // APPS_AN_AUTOMATION}"
    stack.registry.add_tags(f"team/{name}", [f"1.0.{patch}" for patch in range(TAGS)])
    image = f"{stack.registry.address}/team/{name}"
    _put(stack, document("ImageRepository", image=image, interval="5m"), name)
    policy: dict[str, Any] = {"imageRepositoryRef": {"name": name}, "policy": {"semver": {"range": ">=1.0.0"}}}
    _put(stack, document("ImagePolicy", **policy), name, {"team": team})


def _apply_automation(stack: SimulatedStack, team: int) -> None:
    git = {
        "checkout": {"ref": {"branch": "main"}},
        "push": {"branch": "main"},
        "commit": {"author": {"email": "bot@example.com", "name": "bot"}},
    }
    spec: dict[str, Any] = {
        "interval": "5m",
        "sourceRef": {"kind": "GitRepository", "name": "app"},
        "git": git,
        "policySelector": {"matchLabels": {"team": f"t{team}"}},
        "update": {"path": f"./team-{team}", "strategy": "Setters"},
    }
    _put(stack, document("ImageUpdateAutomation", **spec), f"team-{team}")


def app_name(number: int) -> str:
    """Return the name of an app's repository and policy."""
    return f"app-{number:04d}"


def manifests(count: int) -> dict[str, bytes]:
    """Return the files that the automations edit: one for each app."""
    found = {}
    for number in range(count):
        marker = json.dumps({"$imagepolicy": f"ns:{app_name(number)}"})
        path = f"team-{number // APPS_AN_AUTOMATION}/{app_name(number)}.yaml"
        found[path] = f"image: app:1.0.0 # {marker}\n".encode()
    return found


def _put(stack: SimulatedStack, made: Mapping[str, Any], name: str, labels: Mapping[str, str] | None = None) -> None:
    metadata = {"name": name, "namespace": "ns", "labels": dict(labels or {})}
    stack.ports.objects.put({**made, "metadata": metadata})
