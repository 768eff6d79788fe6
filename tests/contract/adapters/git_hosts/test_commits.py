"""Commits that GitHub and GitLab make through their APIs, in a real repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.git_hosts.commits import ApiCommits
from tagstream.domain.objects.git_host import COMMITTING_KINDS, GIT_HOST_KINDS
from tagstream.domain.objects.model import CommitId
from tagstream.errors import AuthenticationError, RetryableError, StalledError, ThrottledError
from tagstream.ports.git import GitAccess, PushConflict
from tagstream.ports.host_commits import CommitDraft
from tagstream.ports.pull_requests import HostAccess
from tests.embedded.committing_hosts import TOKEN, Committing, CommittingGitHub, CommittingGitLab, serving
from tests.embedded.git_hosts.host import Answer
from tests.embedded.git_server import bare_repository, commit_files, git

ODD = 'a b/ü"x.yaml'
BINARY = bytes(range(256)) * 64
HOSTS = {"github": CommittingGitHub, "gitlab": CommittingGitLab}


@dataclass(frozen=True)
class On:
    """A host that runs, and who asks it."""

    host: Committing
    access: HostAccess

    @property
    def operation(self) -> str:
        return "graphql" if self.access.kind == "github" else "create-commit"

    def commit(self, files: dict[bytes, bytes], message: str = "update", parent: str = "") -> str:
        """A commit on the main branch."""
        draft = CommitDraft(files=files, message=message, author_name="Bot", author_email="bot@example.com")
        commits = ApiCommits(lambda git: git, SystemClock())
        return commits.commit(self.access, "main", CommitId(parent or self.host.branch("main")), draft)


@pytest.fixture(params=HOSTS)
def on(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[On]:
    kind: Literal["github", "gitlab"] = request.param
    bare = bare_repository(tmp_path, "org/app.git", {"app.yaml": b"old", ODD: b"old", "binary": b"\x00"})
    with serving(HOSTS[kind](bare)) as host:
        # The API is where api-url says; the repository's own URL gives its name.
        url = f"{host.origin}/org/app.git"
        yield On(host, HostAccess(git=GitAccess(url=url, bearer_token=TOKEN), kind=kind, api_url=host.origin))


def test_a_commit_has_the_new_contents_and_nothing_else(on: On) -> None:
    before = on.host.branch("main")
    made = on.commit({b"app.yaml": b"new\r\n", ODD.encode(): b"newer", b"binary": BINARY})
    assert on.host.branch("main") == made
    changed = git("diff", "--name-only", "-z", before, made, folder=on.host.bare).split("\0")
    assert sorted(changed) == sorted(["", "app.yaml", "binary", ODD])
    assert git("show", f"{made}:app.yaml", folder=on.host.bare) == "new\r\n"
    assert git("show", f"{made}:{ODD}", folder=on.host.bare) == "newer"
    assert git("cat-file", "-s", f"{made}:binary", folder=on.host.bare).strip() == str(len(BINARY))


@pytest.mark.parametrize("message", ["one line", "headline\n\nbody\nof two lines", "headline\nbody"])
def test_a_commit_has_the_message(on: On, message: str) -> None:
    made = on.commit({b"app.yaml": b"new"}, message)
    written = git("show", "--no-patch", "--format=%B", made, folder=on.host.bare)
    # GitHub parts headline and body by a blank line, whatever parted them before.
    wanted = message.replace("headline\nbody", "headline\n\nbody") if on.access.kind == "github" else message
    assert written.startswith(wanted)


def test_a_branch_that_has_moved_is_a_conflict(on: On) -> None:
    before = on.host.branch("main")
    commit_files(on.host.bare, {"other": b"x"}, "somebody was quicker")
    with pytest.raises(PushConflict):
        on.commit({b"app.yaml": b"new"}, parent=before)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_token_without_the_right_is_an_error_that_names_the_right_and_no_secret(on: On, status: int) -> None:
    on.host.refusals = [Answer(status=status, document={"message": "no"})]
    with pytest.raises(AuthenticationError) as raised:
        on.commit({b"app.yaml": b"new"})
    assert raised.value.reason == "GitOperationFailed"
    assert "failed to commit through the Git host's API" in raised.value.message
    assert TOKEN not in raised.value.message


def test_a_limit_is_told_with_its_pause(on: On) -> None:
    on.host.refusals = [Answer(status=429, document={"message": "slow down"}, headers={"Retry-After": "41"})]
    with pytest.raises(ThrottledError) as raised:
        on.commit({b"app.yaml": b"new"})
    assert (raised.value.reason, raised.value.retry_after_s) == ("GitOperationFailed", 41.0)


def test_an_answer_without_a_commit_is_tried_again_later(on: On) -> None:
    on.host.refusals = [Answer(status=200, document={"parent_ids": [on.host.branch("main")]})]
    with pytest.raises(RetryableError, match="names no commit"):
        on.commit({b"app.yaml": b"new"})


def test_a_path_that_is_no_text_is_refused_by_name(on: On) -> None:
    with pytest.raises(StalledError, match=r"file 'caf\\xe9.yaml', whose name is not UTF-8"):
        on.commit({b"caf\xe9.yaml": b"new"})


@pytest.mark.parametrize("kind", [*(one for one in GIT_HOST_KINDS if one not in COMMITTING_KINDS), None])
def test_other_hosts_are_refused(on: On, kind: str) -> None:
    with pytest.raises(StalledError, match="works on github and gitlab only"):
        replace(on, access=replace(on.access, kind=kind)).commit({b"app.yaml": b"new"})


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (("FORBIDDEN", "Resource not accessible by integration"), AuthenticationError),
        (("NOT_FOUND", "Could not resolve to a Repository"), AuthenticationError),
        (("RATE_LIMITED", "API rate limit exceeded"), ThrottledError),
        (("UNPROCESSABLE", "A path was requested for deletion which does not exist"), RetryableError),
    ],
)
def test_what_github_refuses_in_an_answer_of_status_200_is_told(
    tmp_path: Path, error: tuple[str, str], raised: type[Exception]
) -> None:
    bare = bare_repository(tmp_path, "org/app.git", {"app.yaml": b"old"})
    host = CommittingGitHub(bare)
    host.error = error
    with serving(host):
        access = GitAccess(url=f"{host.origin}/org/app.git", bearer_token=TOKEN)
        with pytest.raises(raised, match=error[1]):
            On(host, HostAccess(git=access, kind="github", api_url=host.origin)).commit({b"app.yaml": b"new"})
