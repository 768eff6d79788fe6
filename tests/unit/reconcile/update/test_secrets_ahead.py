"""Which secrets a run of an automation needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagstream.domain.objects.model import (
    CommitSpec,
    GitRepository,
    GitSpec,
    ImageUpdateAutomation,
    Metadata,
    NamespacedName,
    SigningKey,
    SourceRef,
)
from tagstream.domain.objects.pull_request import PullRequestSpec
from tagstream.reconcile.update.secrets_ahead import secrets_of

OWN, THEIRS = NamespacedName("apps", "bot"), NamespacedName("shared", "fleet")
PLAIN = ImageUpdateAutomation(
    metadata=Metadata(key=OWN),
    dialect="v1",
    source=SourceRef(kind="GitRepository", key=THEIRS),
    interval_s=60.0,
    git=GitSpec(commit=CommitSpec(author_email="bot@example.com")),
)
SIGNED = CommitSpec(author_email="bot@example.com", signing_key=SigningKey(secret_ref="key", type="gpg"))


@pytest.mark.parametrize(
    ("automation", "name"),
    [
        (replace(PLAIN, git=GitSpec(commit=SIGNED)), "key"),
        (replace(PLAIN, pull_request=PullRequestSpec(api_secret="api")), "api"),
        (replace(PLAIN, commit_by="api", api_secret="api"), "api"),
    ],
)
def test_a_run_needs_the_key_that_signs_and_the_secret_of_the_host_s_api(
    automation: ImageUpdateAutomation, name: str
) -> None:
    repository = GitRepository(metadata=Metadata(key=THEIRS), url="https://git.example.com/org/fleet", secret_ref="git")
    assert secrets_of(PLAIN, None) == frozenset()
    assert secrets_of(automation, None) == {NamespacedName("apps", name)}
    assert secrets_of(automation, repository) == {NamespacedName("apps", name), NamespacedName("shared", "git")}
