"""Who makes an automation's commits, and what is refused with it."""

from __future__ import annotations

from typing import Any

import pytest

from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import ImageUpdateAutomation

SIGNED = {"signingKey": {"secretRef": {"name": "key"}}}


def read(commit: dict[str, Any] | None = None, **annotations: str) -> tuple[ImageUpdateAutomation, list[str]]:
    """An automation with annotations below ``tagstream.dev/``, and what is wrong with it."""
    notes = {f"tagstream.dev/{name.replace('_', '-')}": text for name, text in annotations.items()}
    found = parse_object(
        {
            "apiVersion": "image.toolkit.fluxcd.io/v1",
            "kind": "ImageUpdateAutomation",
            "metadata": {"name": "web", "namespace": "apps", "annotations": notes},
            "spec": {
                "interval": "1m",
                "sourceRef": {"kind": "GitRepository", "name": "web"},
                "git": {"commit": {"author": {"email": "a@b"}, **(commit or {})}, "push": {"branch": "updates"}},
            },
        },
        "apps",
    )
    assert isinstance(found.draft, ImageUpdateAutomation)
    return found.draft, [str(one) for one in found.problems]


def test_commits_are_pushed_unless_the_annotation_asks_for_the_api() -> None:
    assert (read()[0].commit_by, read(commit_by="push")[0].commit_by, read(commit_by="api")[0].commit_by) == (
        "push",
        "push",
        "api",
    )
    assert read(commit_by="api")[1] == []


def test_another_value_is_refused_by_name() -> None:
    _, problems = read(commit_by="github")
    assert problems == [
        'metadata.annotations[tagstream.dev/commit-by]: Unsupported value: "github": supported values: "push", "api"'
    ]


def test_a_signing_key_of_our_own_does_not_go_with_the_host_s() -> None:
    assert read(SIGNED)[1] == []
    assert read(SIGNED, commit_by="api")[1] == [
        "spec.git.commit.signingKey: Forbidden: with annotation 'tagstream.dev/commit-by: api' the Git host signs the"
        " commits: remove one of the two"
    ]


@pytest.mark.parametrize("pull_request", ["true", "false"])
def test_an_api_secret_may_be_named_with_and_without_a_pull_request(pull_request: str) -> None:
    automation, problems = read(commit_by="api", api_secret="github-api", pull_request=pull_request)
    assert (automation.api_secret, problems) == ("github-api", [])
    _, problems = read(commit_by="api", api_secret="no name!", pull_request=pull_request)
    assert len(problems) == 1
    assert "is no name of a secret" in problems[0]
