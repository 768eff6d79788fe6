"""A real registry notifies the deployed webhook of a push, and the push becomes a commit without any polling."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.aws import EmbeddedStack
from tests.embedded.distribution import Distribution, running_distribution
from tests.embedded.git_server import bare_repository, git
from tests.embedded.need import need
from tests.embedded.oci_layout import write_layout
from tests.embedded.system import PASSWORD, USER, Server, System, documents, start_server

NAMESPACE = "notified"
TOKEN = "what-the-registry-sends"
MARKER = '# {"$imagepolicy": "notified:app"}'


class Door(ThreadingHTTPServer):
    """Forwards the registry's notifications to the deployed function, whose URL has no DNS name here."""

    daemon_threads = True

    def __init__(self, stack: EmbeddedStack) -> None:
        super().__init__(("127.0.0.1", 0), _DoorHandler)
        self.stack = stack
        self.path = "/nobody-listens-yet"
        self.answers: list[tuple[str, int]] = []

    def accepted(self) -> list[str]:
        """Return the ids of the registry's events that were answered with 200, in order."""
        return [event for event, status in self.answers if status == HTTPStatus.OK]


class _DoorHandler(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")}
        answer = self.server.stack.post(self.server.path, body, kept)
        self.server.answers += [(one["id"], answer.status) for one in json.loads(body)["events"]]
        self.send_response(answer.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print no log."""


@pytest.fixture(scope="module")
def door(stack: EmbeddedStack) -> Iterator[Door]:
    with Door(stack) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(scope="module")
def registry(door: Door) -> Iterator[Distribution]:
    """A registry configured as in docs/webhooks.md, but with longer timeouts: the embedded functions start slowly."""
    endpoint = {
        "name": "tagstream",
        "url": f"http://127.0.0.1:{door.server_address[1]}/",
        "headers": {"Authorization": [f"Bearer {TOKEN}"]},
        "timeout": "30s",
        "threshold": 3,
        "backoff": "1s",
        "ignore": {"actions": ["pull"], "mediatypes": ["application/octet-stream"]},
    }
    with running_distribution(notified=[endpoint]) as running:
        yield running


@pytest.fixture(scope="module")
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    root = tmp_path_factory.mktemp("git")
    server = start_server("git_server", "--root", str(root), "--user", f"{USER}:{PASSWORD}")
    yield server, root
    server.stop()


@pytest.fixture(scope="module")
def system(
    stack: EmbeddedStack,
    registry: Distribution,
    door: Door,
    git_server: tuple[Server, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> System:
    """The stack with objects applied and one tag selected, and after that a Receiver.

    No interval is over within this test, and there is no schedule: only webhooks cause scans.
    """
    server, root = git_server
    line = f"image: {registry.address}/team/app:1.0.0 {MARKER}\n"
    bare_repository(root, "app.git", {"app.yaml": line.encode()})
    copied(registry, "1.0.0", tmp_path_factory.mktemp("first"))
    built = System(stack=stack, registry=registry.address)
    secrets = [secret("git", username=USER, password=PASSWORD), secret("hook", token=TOKEN)]
    built.cli("apply", "-f", "-", stdin=documents(*secrets, *objects(registry, f"http://{server.address}/app.git")))
    stack.wait_for("the first selection", lambda: selected(built) == "1.0.0")
    built.cli("apply", "-f", "-", stdin=documents(receiver()))
    door.path = built.hook_path("registry", NAMESPACE)
    return built


def secret(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def one(group: str, kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def receiver() -> dict[str, Any]:
    found = one(
        "notification.toolkit.fluxcd.io/v1",
        "Receiver",
        "registry",
        type="generic",
        secretRef={"name": "hook"},
        resources=[{"kind": "ImageRepository", "name": "*"}],
    )
    found["metadata"]["annotations"] = {"tagstream.dev/sender": "distribution"}
    return found


def objects(registry: Distribution, url: str) -> list[dict[str, Any]]:
    image, source = "image.toolkit.fluxcd.io/v1", "source.toolkit.fluxcd.io/v1"
    git_spec = {"commit": {"author": {"email": "bot@example.com"}}, "push": {"branch": "main"}}
    return [
        one(image, "ImageRepository", "app", image=f"{registry.address}/team/app", interval="24h"),
        one(image, "ImageRepository", "other", image=f"{registry.address}/team/other", interval="24h", suspend=True),
        one(image, "ImagePolicy", "app", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}}),
        one(source, "GitRepository", "app", url=url, interval="24h", ref={"branch": "main"}, secretRef={"name": "git"}),
        one(
            image,
            "ImageUpdateAutomation",
            "app",
            interval="24h",
            sourceRef={"kind": "GitRepository", "name": "app"},
            git=git_spec,
        ),
    ]


def copied(registry: Distribution, tag: str, folder: Path) -> str:
    """Copy a multi-architecture image with ``skopeo copy --all``; return the digest of its index."""
    digest = write_layout(folder, tag)
    command = [need("skopeo"), "--insecure-policy", "copy", "--all", "--quiet", "--dest-tls-verify=false"]
    target = f"docker://{registry.address}/team/app:{tag}"
    subprocess.run([*command, f"oci:{folder}:{tag}", target], check=True, timeout=120, capture_output=True)
    return digest


def selected(system: System) -> str:
    (policy,) = system.objects("policy", NAMESPACE)
    return str(policy.get("status", {}).get("latestRef", {}).get("tag", ""))


def followed(system: System, cause: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(system.cli("events", "--cause", cause, "-o", "json"))
    return found


def test_a_copied_image_becomes_a_commit_that_its_delivery_can_be_followed_to(
    system: System, registry: Distribution, door: Door, git_server: tuple[Server, Path], tmp_path: Path
) -> None:
    bare = git_server[1] / "app.git"
    before = git("rev-list", "--count", "main", folder=bare)
    # The first image was pushed before the Receiver existed. The registry repeats a notification until it is accepted,
    # and its log says so.
    system.stack.wait_for("the first deliveries", lambda: len(door.accepted()) == 3)
    assert retries(registry.log.read_text()) != []
    door.answers.clear()
    begin = len(registry.log.read_text())
    copied(registry, "1.1.0", tmp_path)
    system.stack.wait_for("the commit", lambda: "1.1.0" in git("show", "main:app.yaml", folder=bare))
    head = git("rev-parse", "main", folder=bare).strip()
    assert (before, git("rev-list", "--count", "main", folder=bare)) == ("1\n", "2\n")
    # A push makes three notifications: for two manifests without a tag, and for the index with its tag. Each was
    # answered at the first attempt.
    system.stack.wait_for("three deliveries", lambda: len(door.answers) >= 3)
    assert ([status for _, status in door.answers], retries(registry.log.read_text()[begin:])) == ([200] * 3, [])
    *untagged, tagged = door.accepted()
    system.stack.wait_for("the commit's event", lambda: followed(system, tagged)[-1]["facts"].get("commit") == head)
    steps = followed(system, tagged)
    kinds = [one["kind"] for one in steps]
    assert kinds[0] == "Receiver" and {"ImageRepository", "ImagePolicy", "ImageUpdateAutomation"} <= set(kinds)
    assert [(one["old"], one["new"]) for one in steps[-1]["facts"]["changes"]] == [
        (f"{registry.address}/team/app:1.0.0", f"{registry.address}/team/app:1.1.0")
    ]
    assert [[one["message"] for one in followed(system, cause)] for cause in untagged] == [
        ["distribution delivery: nothing to scan: untagged"]
    ] * 2


def retries(log: str) -> list[str]:
    """Return the lines that the registry logs if a notification is not accepted."""
    words = ("retrying", "error writing event", "encountered too many errors")
    return [line for line in log.splitlines() if any(one in line for one in words)]


def test_the_delivery_is_shown_with_its_receiver_and_its_repository_only(system: System) -> None:
    def receiver_status() -> Any:
        (receiver,) = json.loads(system.cli("get", "receivers", "-n", NAMESPACE, "-o", "json"))["items"]
        return receiver["status"]

    system.stack.wait_for("the Receiver's last delivery", lambda: "lastDelivery" in receiver_status())
    repositories = {one["metadata"]["name"]: one for one in system.objects("repository", NAMESPACE)}
    assert receiver_status()["lastDelivery"]["sender"] == "distribution"
    assert repositories["app"]["status"]["lastDelivery"]["result"] == "asked for a scan"
    assert "lastDelivery" not in repositories["other"]["status"]
    assert "distribution: " in system.cli("get", "receivers", "-n", NAMESPACE)
