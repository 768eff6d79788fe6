"""``tagstream create`` makes the objects flux makes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.cli.memory_ports import MemoryPorts, command

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
    assert (shown["spec"], shown["metadata"]) == (
        spec,
        {"name": "one", "namespace": "flux-system", "labels": {"a": "b"}},
    )


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
    assert (done.code, message in done.err, done.out) == (1, True, "")


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
