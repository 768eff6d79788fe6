"""``tagstream create receiver`` makes what flux makes, and says where it listens."""

from __future__ import annotations

import pytest
import yaml

from tests.unit.cli.memory_ports import MemoryPorts, command
from tests.unit.cli.verbs.test_apply import TOKEN

WORDS = ("create", "receiver", "push", "--type=github", "--secret-ref=token", "--event=ping,push")
RESOURCES = ("--resource=ImageRepository/web", "--resource=ImageRepository/api.apps")


def test_the_manifest_is_fluxs() -> None:
    document = yaml.safe_load(command(*WORDS, *RESOURCES, "--export").out)
    assert document["spec"] == {
        "type": "github",
        "secretRef": {"name": "token"},
        "events": ["ping", "push"],
        "resources": [
            {"kind": "ImageRepository", "name": "web"},
            {"kind": "ImageRepository", "name": "api", "namespace": "apps"},
        ],
    }


def test_the_url_is_told_once_there_is_a_token() -> None:
    ports = MemoryPorts()
    before = command(*WORDS, *RESOURCES, ports=ports)
    command("apply", "-f", "-", ports=ports, stdin=TOKEN)
    after = command(*WORDS, *RESOURCES, ports=ports)
    url = command("webhook-url", "push", ports=ports).out.strip()
    assert "Warning: Receiver push has no webhook path yet" in before.err
    assert after.err.endswith(f"✔ generated webhook URL {url}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Receiver type is required"),
        (("--type=quay",), "secret ref is required"),
        (("--type=quay", "--secret-ref=a"), "atleast one resource is required"),
        (("--type=quay", "--secret-ref=a", "--resource=web"), "invalid resource 'web'"),
        (("--type=pigeon", "--secret-ref=a", "--resource=ImageRepository/web"), "spec.type"),
    ],
)
def test_what_is_missing_is_said_in_fluxs_words(words: tuple[str, ...], message: str) -> None:
    done = command("create", "receiver", "push", *words, "--export")
    assert done.code == 1
    assert message in done.err
