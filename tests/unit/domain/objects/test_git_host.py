"""Which kind of Git host a repository is on."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.git_host import git_host_kind
from tagstream.domain.objects.model import Provider


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://github.com/org/app", "github"),
        ("ssh://git@ssh.github.com:443/org/app.git", "github"),
        ("https://octo.ghe.com/org/app", "github"),
        ("https://gitlab.com/group/sub/app.git", "gitlab"),
        ("https://codeberg.org/org/app", "forgejo"),
        ("https://gitea.com/org/app", "gitea"),
        ("ssh://git@bitbucket.org/team/app.git", "bitbucket"),
        ("https://dev.azure.com/org/project/_git/app", "azure"),
        ("ssh://git@ssh.dev.azure.com/v3/org/project/app", "azure"),
        ("https://org.visualstudio.com/project/_git/app", "azure"),
        ("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app", "codecommit"),
    ],
)
def test_well_known_hosts_are_recognised_by_their_names(url: str, kind: str) -> None:
    assert git_host_kind(url) == kind


@pytest.mark.parametrize("url", ["https://git.example.com/a/b", "https://github.com.evil.example/a/b", "https://[/a"])
def test_nothing_is_guessed_for_other_hosts(url: str) -> None:
    assert git_host_kind(url) is None


@pytest.mark.parametrize(("provider", "kind"), [("github", "github"), ("azure", "azure"), ("aws", "codecommit")])
def test_the_provider_tells_the_kind_of_a_host_with_a_name_of_its_own(provider: Provider, kind: str) -> None:
    assert git_host_kind("https://git.example.com/a/b", provider) == kind


def test_the_annotation_comes_before_everything_else() -> None:
    assert git_host_kind("https://github.com/a/b", "github", "gitea") == "gitea"


def test_an_annotation_that_is_no_kind_counts_as_none() -> None:
    assert git_host_kind("https://github.com/a/b", annotated="sourcehut") == "github"
