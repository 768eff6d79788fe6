"""From a push to a chat: the example of docs/alerts.md in the deployed stack, with a receiver on loopback."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.aws import EmbeddedStack
from tests.embedded.git_server import bare_repository, commit_files, git, git_server
from tests.embedded.hook_receiver import HookReceiver, hook_receiver
from tests.embedded.registry import running_registry
from tests.embedded.system import System, documents

NAMESPACE = "told"
PAGE = (Path(__file__).parents[2] / "docs/alerts.md").read_text()
EXAMPLE = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]


def document(version: str, kind: str, spec: dict[str, Any], **annotations: str) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": NAMESPACE, "annotations": annotations}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


@pytest.fixture
def receiver() -> Iterator[HookReceiver]:
    with hook_receiver() as running:
        yield running


def test_a_push_ends_in_a_commit_and_in_messages_of_a_chat(
    stack: EmbeddedStack, receiver: HookReceiver, tmp_path: Path
) -> None:
    with running_registry() as registry, git_server(tmp_path) as server:
        registry.add_tags("web", ["1.0.0"])
        image = f"{registry.address}/web"
        bare = bare_repository(tmp_path, "web.git", {})
        marker = f'image: {image}:1.0.0 # {{"$imagepolicy": "{NAMESPACE}:web"}}\n'
        commit_files(bare, {"web.yaml": marker.encode()}, "begin")
        system = System(stack=stack, registry=registry.address)
        literal = f"--from-literal=address={receiver.url('/services/T0/s3cr3t')}"
        system.cli("-n", NAMESPACE, "create", "secret", "generic", "slack-hook", literal)
        system.cli("apply", "-f", "-", stdin=EXAMPLE.replace("flux-system", NAMESPACE).encode())
        receiver.answer(503, b"try again")
        v1 = "image.toolkit.fluxcd.io/v1"
        automation = {
            "interval": "1h",
            "sourceRef": {"kind": "GitRepository", "name": "web"},
            "git": {"commit": {"author": {"email": "bot@example.com"}}},
        }
        source = {"url": server.url("web.git"), "interval": "1h", "ref": {"branch": "main"}}
        system.cli(
            "apply",
            "-f",
            "-",
            stdin=documents(
                document("source.toolkit.fluxcd.io/v1", "GitRepository", source),
                document(v1, "ImageUpdateAutomation", automation, **{"tagstream.dev/debounce": "0s"}),
                document(v1, "ImageRepository", {"image": image, "interval": "1h"}),
                document(
                    v1,
                    "ImagePolicy",
                    {"imageRepositoryRef": {"name": "web"}, "policy": {"semver": {"range": ">=1.0.0"}}},
                ),
            ),
        )
        first = stack.wait_for("the message of the selection, after a refusal", lambda: _texts(receiver, "1.0.0"))
        registry.add_tags("web", ["1.1.0"])
        system.cli("-n", NAMESPACE, "reconcile", "image", "repository", "web")
        stack.wait_for("the commit", lambda: "1.1.0" in git("show", "main:web.yaml", folder=bare))
        stack.wait_for("the message of the commit", lambda: _texts(receiver, "pushed commit"))
        stack.wait_for("the message of the selection", lambda: _texts(receiver, "1.1.0"))
    (message,) = [one for one in receiver.received if "pushed commit" in one.body.decode()]
    assert message.path == "/services/T0/s3cr3t"
    assert message.json["channel"] == "deployments"
    assert {"title": "summary", "value": "production", "short": False} in message.json["attachments"][0]["fields"]
    assert len(first) >= 1
    assert _quiet(receiver), "each message was sent once"
    told = [str(one) for one in stack.table_items()] + stack.logs("notify") + stack.logs("scan")
    assert [one for one in told if "s3cr3t" in one] == []


def _texts(receiver: HookReceiver, part: str) -> list[str]:
    texts = [one.json["attachments"][0]["text"] for one in receiver.received[1:]]
    return [one for one in texts if part in one]


def _quiet(receiver: HookReceiver) -> bool:
    """Whether nothing comes any more, and nothing came twice after the refusal."""
    before = len(receiver.received)
    time.sleep(2)
    bodies = [one.body for one in receiver.received[1:]]
    return len(receiver.received) == before and len(bodies) == len(set(bodies))


def test_what_happens_is_an_event_on_the_bus(stack: EmbeddedStack) -> None:
    events, sqs = stack.client("events"), stack.client("sqs")
    url = sqs.create_queue(QueueName="told-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["tagstream"], "detail": {"involvedObject": {"namespace": ["bus"]}}}
    events.put_rule(Name="told-events", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="told-events", Targets=[{"Id": "queue", "Arn": arn}])
    system = System(stack=stack, registry="127.0.0.1:1")
    spec = {"imageRepositoryRef": {"name": "gone"}, "policy": {"semver": {"range": "1.x"}}}
    metadata = {"name": "app", "namespace": "bus"}
    policy = {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy", "metadata": metadata, "spec": spec}
    system.cli("apply", "-f", "-", stdin=documents(policy))

    def received() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
        return [json.loads(one["Body"]) for one in found]

    (event,) = stack.wait_for("the event", received)
    assert (event["source"], event["detail-type"]) == ("tagstream", "ImagePolicy Failed")
    assert (event["detail"]["version"], event["detail"]["severity"]) == ("1", "error")
    assert event["detail"]["involvedObject"]["name"] == "app"
