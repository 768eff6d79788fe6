"""``tagstream create`` makes the objects flux makes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tagstream.domain.objects.model import NamespacedName
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import MemoryPorts, command

KEY = NamespacedName("flux-system", "one")
POLICY = ("create", "image", "policy", "one", "--image-ref=r")
UPDATE = ("--git-repo-ref=g", "--checkout-branch=main", "--author-name=bot", "--author-email=bot@example.com")


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        (("image", "repository", "--image=a/b"), {"image": "a/b", "interval": "1m0s"}),
        (
            ("image", "repository", "--image=a/b", "--interval=5m", "--scan-timeout=30s", "--secret-ref=s"),
            {"image": "a/b", "interval": "5m", "timeout": "30s", "secretRef": {"name": "s"}},
        ),
        (
            ("image", "policy", "--image-ref=r", "--select-semver=1.x", "--filter-regex=^v(.*)", "--filter-extract=$1"),
            {
                "imageRepositoryRef": {"name": "r"},
                "policy": {"semver": {"range": "1.x"}},
                "filterTags": {"pattern": "^v(.*)", "extract": "$1"},
            },
        ),
        (
            ("image", "policy", "--image-ref=r", "--select-alpha=asc", "--reflect-digest=Always", "--interval=1h"),
            {
                "imageRepositoryRef": {"name": "r"},
                "policy": {"alphabetical": {"order": "asc"}},
                "digestReflectionPolicy": "Always",
                "interval": "1h",
            },
        ),
        (
            ("image", "update", *UPDATE, "--git-repo-path=./x", "--push-branch=p", "--commit-template={{ . }}"),
            {
                "sourceRef": {"kind": "GitRepository", "name": "g"},
                "interval": "1m0s",
                "git": {
                    "checkout": {"ref": {"branch": "main"}},
                    "commit": {"author": {"name": "bot", "email": "bot@example.com"}, "messageTemplate": "{{ . }}"},
                    "push": {"branch": "p"},
                },
                "update": {"path": "./x", "strategy": "Setters"},
            },
        ),
        (
            ("source", "git", "--url=https://g/x.git", "--branch=main"),
            {"url": "https://g/x.git", "interval": "1m0s", "ref": {"branch": "main"}},
        ),
    ],
)
def test_an_exported_object_has_what_the_flags_say(words: tuple[str, ...], spec: dict[str, Any]) -> None:
    done = command("create", *words[:2], "one", *words[2:], "--export", "--label=a=b")
    shown = yaml.safe_load(done.out)
    assert shown["spec"] == spec
    assert shown["metadata"] == {"name": "one", "namespace": "flux-system", "labels": {"a": "b"}}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("image", "repository"), "an image repository (--image) is required"),
        (("image", "repository", "--image=a/b:1"), "spec.image: Invalid value"),
        (("image", "policy"), "the name of an ImageRepository"),
        (("image", "policy", "--image-ref=r"), "a policy must be provided"),
        (("image", "policy", "--image-ref=r", "--select-alpha=asc", "--select-numeric=asc"), "only one of"),
        (("image", "policy", "--image-ref=r", "--select-semver=banana"), 'improper constraint: "banana"'),
        (("image", "policy", "--image-ref=r", "--select-semver=1", "--filter-extract=x"), "without specifying"),
        (("image", "update"), "a reference to a GitRepository is required"),
        (("source", "git"), "url is required"),
        (("source", "git", "--url=git@x:y"), "should match"),
        (("source", "git", "--url=https://x", "--label=a"), "invalid label format 'a'"),
    ],
)
def test_a_wrong_object_is_refused(words: tuple[str, ...], message: str) -> None:
    done = command("create", *words[:2], "one", *words[2:], "--export")
    assert done.code == 1
    assert message in done.err
    assert done.out == ""


def test_a_created_object_is_stored_and_waited_for() -> None:
    ports = MemoryPorts()
    done = command("--timeout=1s", "create", "image", "repository", "one", "--image=a/b", ports=ports)
    assert done.err.splitlines() == [
        "✚ generating ImageRepository",
        "► applying ImageRepository",
        "✔ ImageRepository created",
        "◎ waiting for ImageRepository reconciliation",
        "✗ ImageRepository 'one' was not reconciled within 1 s",
    ]
    assert [str(one.key) for one in ports.objects.list("ImageRepository")] == ["flux-system/one"]


def failing(ports: MemoryPorts, generation: int) -> None:
    told = {"type": "Ready", "status": "False", "message": "no tag fits", "observedGeneration": generation}
    put_status(ports.objects, "ImagePolicy", KEY, {"conditions": [told], "observedGeneration": -1})


def test_a_failure_of_the_object_as_it_was_before_is_not_the_outcome() -> None:
    ports = MemoryPorts()
    command("--timeout=0s", *POLICY, "--select-semver=>=99", ports=ports)
    failing(ports, 1)
    done = command("--timeout=1s", *POLICY, "--select-semver=1.x", ports=ports)
    assert done.err.splitlines()[-1] == "✗ ImagePolicy 'one' was not reconciled within 1 s"
    failing(ports, 2)
    done = command("--timeout=1s", *POLICY, "--select-semver=1.x", ports=ports)
    assert done.err.splitlines()[-1] == "✗ ImagePolicy reconciliation failed: no tag fits"


def test_a_changed_object_keeps_its_annotations_and_its_suspension_and_is_not_waited_for() -> None:
    ports = MemoryPorts()
    command("--timeout=0s", *POLICY, "--select-semver=1.x", "--label=a=b", ports=ports)
    ports.objects.annotate("ImagePolicy", KEY, {"tagstream.dev/allow-downgrade": "true"})
    command("suspend", "image", "policy", "one", ports=ports)
    done = command(*POLICY, "--select-semver=2.x", ports=ports)
    kept = ports.objects.get("ImagePolicy", KEY).document
    assert done.code == 0
    assert done.err.splitlines()[-1] == "► ImagePolicy is suspended: nothing is reconciled until it is resumed"
    assert kept["spec"]["policy"] == {"semver": {"range": "2.x"}}
    assert kept["spec"]["suspend"] is True
    assert kept["metadata"]["annotations"]["tagstream.dev/allow-downgrade"] == "true"
    assert "labels" not in kept["metadata"]
