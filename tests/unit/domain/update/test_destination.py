"""Where an automation's commits go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagstream.domain.objects.model import (
    CommitSpec,
    GitRef,
    GitRepository,
    GitSpec,
    ImageUpdateAutomation,
    Metadata,
    NamespacedName,
    PushSpec,
    SourceRef,
)
from tagstream.domain.update.destination import (
    InvalidRefspec,
    NoPushBranch,
    Refspec,
    destination,
    parse_refspec,
    repository_name,
)

KEY = NamespacedName("flux-system", "app")


def automation(checkout: GitRef | None = None, push: PushSpec | None = None) -> ImageUpdateAutomation:
    return ImageUpdateAutomation(
        metadata=Metadata(key=KEY),
        dialect="v1",
        source=SourceRef(kind="GitRepository", key=KEY),
        interval_s=60,
        git=GitSpec(commit=CommitSpec(author_email="a@example.com"), checkout=checkout, push=push),
    )


def source(ref: GitRef | None = None) -> GitRepository:
    return GitRepository(metadata=Metadata(key=KEY), url="https://example.com/a.git", ref=ref)


@pytest.mark.parametrize(
    ("checkout", "push", "ref", "branch", "rebuilds_branch"),
    [
        (None, None, None, "master", False),
        (None, None, GitRef(branch="dev"), "dev", False),
        (GitRef(branch="main"), None, GitRef(branch="dev"), "main", False),
        (GitRef(branch="main"), PushSpec(branch="main"), None, "main", False),
        (GitRef(branch="main"), PushSpec(branch="auto"), None, "auto", True),
        (GitRef(tag="v1"), PushSpec(branch="auto"), None, "auto", True),
        (GitRef(name="refs/heads/main"), PushSpec(branch="main"), None, "main", False),
        (GitRef(name="refs/heads/main"), PushSpec(branch="auto"), None, "auto", True),
    ],
)
def test_the_push_branch_comes_from_push_then_checkout_then_source(
    checkout: GitRef | None, push: PushSpec | None, ref: GitRef | None, branch: str, rebuilds_branch: bool
) -> None:
    where = destination(automation(checkout, push), source(ref))
    assert where.push_branch == branch
    assert where.rebuilds_branch == rebuilds_branch


@pytest.mark.parametrize("login", ["", "bot@", "bot:s3cret@"])
def test_the_lease_of_a_repository_does_not_repeat_a_login(login: str) -> None:
    repository = GitRepository(metadata=Metadata(key=KEY), url=f"https://{login}example.com/a@b.git")
    assert destination(automation(), repository).target == "example.com/a@b#master"


def test_a_tag_without_push_branch_is_an_error_in_fluxs_words() -> None:
    with pytest.raises(NoPushBranch, match="push spec not provided, and cannot be inferred"):
        destination(automation(GitRef(tag="v1")), source())


def test_automations_of_one_branch_share_a_lease() -> None:
    first = destination(automation(GitRef(branch="main")), source())
    second = destination(automation(None, PushSpec(branch="main")), source(GitRef(branch="main")))
    assert first.target == second.target


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/team/app",
        "https://example.com/team/app.git",
        "https://user:secret@Example.com:443/team/app.git/",
        "http://example.com:80/team/app",
        "ssh://git@example.com/team/app.git",
        "ssh://git@example.com:22/team/app",
    ],
)
def test_spellings_of_one_repository_share_a_lease(url: str) -> None:
    assert repository_name(url) == "example.com/team/app"


def test_other_hosts_ports_and_paths_are_other_repositories() -> None:
    urls = (
        "https://example.com/app",
        "https://example.org/app",
        "https://example.com:8443/app",
        "https://example.com/App",
    )
    assert len({repository_name(url) for url in urls}) == len(urls)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("refs/heads/main:refs/heads/auto", Refspec(source=b"refs/heads/main", target=b"refs/heads/auto", force=False)),
        ("+main:refs/for/main", Refspec(source=b"refs/heads/main", target=b"refs/for/main", force=True)),
        ("HEAD:refs/heads/x", Refspec(source=b"HEAD", target=b"refs/heads/x", force=False)),
        ("main", Refspec(source=b"refs/heads/main", target=b"refs/heads/main", force=False)),
    ],
)
def test_refspecs_are_read_as_git_reads_them(text: str, expected: Refspec) -> None:
    assert parse_refspec(text) == expected


@pytest.mark.parametrize("text", ["", ":", ":refs/heads/x", "refs/heads/*:refs/heads/*", "a:b:c"])
def test_a_malformed_refspec_is_named_in_the_error(text: str) -> None:
    with pytest.raises(InvalidRefspec, match="malformed refspec"):
        parse_refspec(text)


def test_commits_by_the_host_are_made_on_a_scratch_branch_that_is_looked_at_too() -> None:
    pushed = destination(automation(push=PushSpec(branch="updates")), source(GitRef(branch="main")))
    by_host = replace(pushed, commit_by="api")
    assert pushed.scratch_branch == ""
    assert by_host.scratch_branch == "tagstream-api/updates"
    assert by_host.refs - pushed.refs == {b"refs/heads/tagstream-api/updates"}
