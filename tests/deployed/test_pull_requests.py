"""A pull request in the deployed stack: the example of docs/pull-requests.md, from a new tag to the merge."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from pathlib import Path

from tests.embedded.aws import EmbeddedStack
from tests.embedded.git_hosts.github import GitHub
from tests.embedded.git_hosts.host import Answer, Hosted, running
from tests.embedded.git_server import bare_repository, git, git_server
from tests.embedded.registry import Registry, running_registry
from tests.embedded.system import System, documents

NAMESPACE, TOKEN = "proposed", "token-of-the-bot"
PAGE = (Path(__file__).parents[2] / "docs/pull-requests.md").read_text()
EXAMPLE, EACH_POLICY = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def image_objects(image: str) -> bytes:
    """The image, its policy, the secret of the repository, and a Receiver for the host's deliveries."""

    def named(version: str, kind: str, spec: dict[str, object]) -> dict[str, object]:
        return {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": "fleet", "namespace": NAMESPACE},
            "spec": spec,
        }

    secret = {"username": "bot", "password": TOKEN, "token": TOKEN}
    images, policy = {"image": image, "interval": "1h"}, {"semver": {"range": ">=1"}}
    receiver = {
        "type": "github",
        "secretRef": {"name": "fleet"},
        "resources": [{"kind": "GitRepository", "name": "fleet"}],
    }
    return documents(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "fleet", "namespace": NAMESPACE},
            "stringData": secret,
        },
        named("image.toolkit.fluxcd.io/v1", "ImageRepository", images),
        named("image.toolkit.fluxcd.io/v1", "ImagePolicy", {"imageRepositoryRef": {"name": "fleet"}, "policy": policy}),
        named("notification.toolkit.fluxcd.io/v1", "Receiver", receiver),
    )


def test_a_new_tag_is_proposed_merged_and_told(stack: EmbeddedStack, tmp_path: Path) -> None:
    host = GitHub()
    with running_registry() as registry, git_server(tmp_path) as server, running(host):
        registry.add_tags("example/fleet", ["1.4.2"])
        image = f"{registry.address}/example/fleet"
        system = System(stack=stack, registry=registry.address)
        marker = f'image: {image}:1.0.0 # {{"$imagepolicy": "{NAMESPACE}:fleet"}}\n'
        host.bare = bare_repository(tmp_path, "acme/fleet.git", {"fleet.yaml": marker.encode()})
        host.authorizations = {f"Bearer {TOKEN}"}
        manifests = (
            EXAMPLE.replace("https://github.example.com/org/fleet", server.url("acme/fleet.git"))
            .replace("https://github.example.com/api/v3", host.origin)
            .replace("namespace: apps", f"namespace: {NAMESPACE}")
        )
        refusal = "no right to open requests"
        host.refusals_of["pulls/create"] = Answer(status=403, document={"message": refusal})
        system.cli("apply", "-f", "-", stdin=image_objects(image))
        told = previewed(system, tmp_path, manifests)
        for words in (f"title: Deploy {image}:1.4.2", "labels: images, bot", "auto-merge: squash"):
            assert f"#     {words}\n" in told
        assert not host.requests
        system.cli("apply", "-f", "-", stdin=manifests.encode())

        def shown(words: str) -> bool:
            return words in system.cli("get", "images", "update", "-n", NAMESPACE, "-o", "wide")

        # Another run may follow so soon that nobody sees the refusal in the status.
        stack.wait_for("the refusal", lambda: refusal in system.cli("events", "-n", NAMESPACE))
        system.cli("reconcile", "image", "update", "fleet", "-n", NAMESPACE)
        stack.wait_for("the request and what belongs to it", lambda: host.requests and host.requests[0].auto_merge)
        (request,) = host.requests
        assert (request.head, request.base, request.state) == ("image-updates", "main", "open")
        assert request.title == f"Deploy {image}:1.4.2"
        assert request.body.startswith(f"Proposed by {NAMESPACE}/fleet.\n\n| Image | Old | New | File |")
        assert f"| `{image}` | `1.0.0` | `1.4.2` | `fleet.yaml` |" in request.body
        assert (request.labels, request.reviewers) == (["images", "bot"], ["alice", "platform"])
        assert request.auto_merge == "squash"

        stack.wait_for("the request in the status", lambda: shown(f"#1 open {host_page()}"))
        host.merge(request)
        deliver_the_end(system, request)
        stack.wait_for("the merge in the status", lambda: shown("#1 merged"))
        assert "1.4.2" in git("show", "main:fleet.yaml", folder=host.bare)
        events = system.cli("events", "-n", NAMESPACE)
        assert "RequestOpened" in events and "RequestMerged" in events

        each_policy_has_a_request_of_its_own(system, registry, host)
        assert host.problems == []


def previewed(system: System, folder: Path, manifests: str) -> str:
    """What a preview of manifests prints once a tag is selected."""
    (folder / "new.yaml").write_text(manifests)

    def opening() -> str:
        out = system.cli("preview", "-n", NAMESPACE, "-f", str(folder / "new.yaml"))
        return out if "# a pull request is opened\n" in out else ""

    return str(system.stack.wait_for("the preview", opening))


def deliver_the_end(system: System, request: Hosted) -> None:
    """What the host sends to the Receiver when a request was merged or closed."""
    told = {"action": "closed", "number": request.number, "pull_request": {"head": {"ref": request.head}}}
    body = json.dumps(told).encode()
    signature = hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Hub-Signature-256": f"sha256={signature}",
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": str(request.number),
    }
    assert system.stack.post(system.hook_path("fleet", NAMESPACE), body, headers).status == 200


def host_page() -> str:
    return "https://github.example/acme/fleet/pull/1"


def each_policy_has_a_request_of_its_own(system: System, registry: Registry, host: GitHub) -> None:
    """Go on with the page's second example: two new tags, one after the other."""
    wait_for = system.stack.wait_for
    system.cli("apply", "-f", "-", stdin=EACH_POLICY.replace("namespace: apps", f"namespace: {NAMESPACE}").encode())

    def push(tag: str) -> None:
        registry.add_tags("example/fleet", [tag])
        system.cli("reconcile", "image", "repository", "fleet", "-n", NAMESPACE)

    push("1.5.0")
    wait_for("a request for 1.5.0", lambda: host.requests[-1].title == "Update fleet to 1.5.0")
    system.cli("freeze", "automation", "fleet", "-n", NAMESPACE, "--reason", "an incident")
    push("1.6.0")
    wait_for("the wait", lambda: "an incident (1 new tag)" in system.cli("get", "images", "update", "-n", NAMESPACE))
    assert [one.state for one in host.requests[1:]] == ["open"]
    assert "images/fleet-1.6.0" not in git("branch", "--list", folder=host.bare)
    system.cli("thaw", "automation", "fleet", "-n", NAMESPACE)
    wait_for("a request for 1.6.0", lambda: host.requests[-1].title == "Update fleet to 1.6.0")
    wait_for("the end of the request before", lambda: host.requests[1].state == "closed")
    assert [one.head for one in host.requests[1:]] == ["images/fleet-1.5.0", "images/fleet-1.6.0"]
    wait_for("it in the status", lambda: "#3 open" in system.cli("get", "images", "update", "-n", NAMESPACE))
    # The interval is ten minutes, so that only the delivery can tell of the closing.
    host.requests[2].state = "closed"
    deliver_the_end(system, host.requests[2])
    wait_for("the closing in the status", lambda: "#3 closed" in system.cli("get", "images", "update", "-n", NAMESPACE))
