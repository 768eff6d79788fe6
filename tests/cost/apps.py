"""What the simulated stack works for: images, policies, automations, and a Git repository with a file for each app."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tagstream.domain.objects.git_host import API_URL, GIT_HOST
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.objects.pull_request import PULL_REQUEST
from tagstream.reconcile.receive.paths import publish_receiver
from tests.contract.reconciling import document
from tests.cost.simulated_stack import SimulatedStack
from tests.embedded.git_hosts.host import NAME, OWNER

TOKEN = b"a-token-of-the-receiver"
SECRETS = 2
TAGS = 40
APPS_AN_AUTOMATION = 20
INTERVAL_TICKS = 5
FLEET = 10
"""How many objects the Kustomization has."""
PROPOSED = 10
"""How many policies have a branch and a pull request of their own where a template is added."""
HOSTED = f"{OWNER}/{NAME}.git"
"""The repository that is on a Git host."""
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


def add_template(stack: SimulatedStack) -> None:
    """Apply an automation whose push branch is a template, and its GitRepository; both look every 5 minutes.

    It has a branch with an open pull request for each of PROPOSED policies.
    """
    source = "source.toolkit.fluxcd.io/v1"
    repository = document("GitRepository", source, url=stack.git.url(HOSTED), interval="5m", secretRef={"name": "git"})
    _put(stack, repository, "hosted", annotations={GIT_HOST: "github", API_URL: stack.git_host.origin})
    spec = _automation("hosted", "images/{{ .Policy }}-{{ .NewTag }}", "./")
    _put(stack, document("ImageUpdateAutomation", **spec), "hosted", annotations={PULL_REQUEST: "true"})


def proposed() -> dict[str, bytes]:
    """Return the files of the repository on the Git host: one for each of PROPOSED policies."""
    return {f"{app_name(number)}.yaml": _marked(app_name(number)) for number in range(PROPOSED)}


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
    spec = {
        **_automation("app", "main", f"./team-{team}"),
        "policySelector": {"matchLabels": {"team": f"t{team}"}},
    }
    _put(stack, document("ImageUpdateAutomation", **spec), f"team-{team}")


def _automation(source: str, push: str, path: str) -> dict[str, Any]:
    git = {
        "checkout": {"ref": {"branch": "main"}},
        "push": {"branch": push},
        "commit": {"author": {"email": "bot@example.com", "name": "bot"}},
    }
    return {
        "interval": "5m",
        "sourceRef": {"kind": "GitRepository", "name": source},
        "git": git,
        "update": {"path": path, "strategy": "Setters"},
    }


def app_name(number: int) -> str:
    """Return the name of an app's repository and policy."""
    return f"app-{number:04d}"


def manifests(count: int) -> dict[str, bytes]:
    """Return the files that the automations edit: one for each app."""
    found = {}
    for number in range(count):
        path = f"team-{number // APPS_AN_AUTOMATION}/{app_name(number)}.yaml"
        found[path] = _marked(app_name(number))
    return found


def _marked(policy: str) -> bytes:
    marker = json.dumps({"$imagepolicy": f"ns:{policy}"})
    return f"image: app:1.0.0 # {marker}\n".encode()


def _put(
    stack: SimulatedStack,
    made: Mapping[str, Any],
    name: str,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> None:
    labels, annotations = dict(labels or {}), dict(annotations or {})
    metadata = {"name": name, "namespace": "ns", "labels": labels, "annotations": annotations}
    stack.ports.objects.put({**made, "metadata": metadata})
