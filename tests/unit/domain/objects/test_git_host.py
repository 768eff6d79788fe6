"""Which kind of Git host a repository is on."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.git_host import GIT_HOST_KINDS, GitHostKind, git_host_kind, request_reference
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


PAGE = "https://git.example/7"


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("github", "#7"),
        ("gitea", "#7"),
        ("forgejo", "#7"),
        ("gitlab", "!7"),
        ("azure", "!7"),
        ("bitbucket", f"[#7]({PAGE})"),
        ("bitbucket-server", f"[#7]({PAGE})"),
        ("codecommit", f"7 ({PAGE})"),
    ],
)
def test_a_request_is_named_as_comments_on_its_host_do(kind: GitHostKind, named: str) -> None:
    assert request_reference(kind, "7", PAGE) == named


@pytest.mark.parametrize("kind", GIT_HOST_KINDS)
def test_a_request_without_a_page_is_named_by_its_number(kind: GitHostKind) -> None:
    assert request_reference(kind, "7", "") in ("#7", "!7", "7")
