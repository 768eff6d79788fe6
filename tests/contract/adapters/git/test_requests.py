"""How few requests an update takes, and what happens when a server cannot do what is assumed of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tagstream.adapters.git.remote import GitClient, GitRepositorySession
from tagstream.domain.objects.model import CommitId, GitRef
from tagstream.errors import AuthenticationError, RetryableError
from tagstream.ports.git import CommitText, GitAccess, RefUpdate
from tests.embedded.git_server import GitServer, bare_repository, commit_files, git, git_server

FILES = {
    "README.md": b"# fleet\n",
    "apps/a/one.yaml": b"image: a:1\n",
    "apps/a/deep/two.yaml": b"image: a:1\n#\n",
    "apps/b/three.yaml": b"image: b:1\n",
    "src/main.go": b"package main\n",
    "src/deep/other.go": b"package deep\n",
}
MAIN = b"refs/heads/main"
TEXT = CommitText(
    author_name="bot", author_email="bot@example.com", message=b"Update\n", time=datetime(2026, 11, 24, tzinfo=UTC)
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A server with one repository, ``fleet.git``."""
    bare_repository(tmp_path, "fleet.git", FILES)
    with git_server(tmp_path) as running:
        yield running


@pytest.fixture
def bare(server: GitServer) -> Path:
    """The repository on disk."""
    return server.root / "fleet.git"


def opened(server: GitServer, client: GitClient, *refs: bytes) -> GitRepositorySession:
    return client.open(GitAccess(url=server.url("fleet.git")), refs)


def updated(server: GitServer, client: GitClient, path: str, content: bytes, folder: str = "apps") -> list[str]:
    """One update as a run does it; the requests it took."""
    server.requests.clear()
    session = opened(server, client, MAIN)
    head = session.resolve(GitRef(branch="main")).commit
    session.fetch(head, {folder})
    session.read([one.blob for one in session.files(head, folder)])
    made = session.commit(head, {path.encode(): content}, TEXT)
    session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})
    return [line.split("/fleet.git/")[1] for line in server.requests]


LS, FETCH, PUSH = "git-upload-pack", "git-upload-pack", "git-receive-pack"


def test_an_update_by_a_cold_container_takes_four_requests(server: GitServer, bare: Path) -> None:
    taken = updated(server, GitClient(), "apps/a/one.yaml", b"image: a:2\n")
    git("fsck", "--strict", "--full", folder=bare)
    assert taken == [LS, FETCH, FETCH, PUSH]
    assert git("show", "main:apps/a/one.yaml", folder=bare) == "image: a:2\n"


def test_an_update_on_top_of_ones_own_takes_two_requests(server: GitServer, bare: Path) -> None:
    client = GitClient()
    updated(server, client, "apps/a/one.yaml", b"image: a:2\n")
    taken = updated(server, client, "apps/b/three.yaml", b"image: b:2\n")
    git("fsck", "--strict", "--full", folder=bare)
    assert taken == [LS, PUSH]
    assert git("rev-list", "--count", "main", folder=bare) == "3\n"


def test_what_somebody_else_changed_is_fetched_and_nothing_else(server: GitServer, bare: Path) -> None:
    client = GitClient()
    updated(server, client, "apps/a/one.yaml", b"image: a:2\n")
    commit_files(bare, {"src/main.go": b"package other\n"}, "elsewhere")
    elsewhere = updated(server, client, "apps/a/one.yaml", b"image: a:3\n")
    commit_files(bare, {"apps/b/three.yaml": b"image: b:9\n"}, "here")
    here = updated(server, client, "apps/a/one.yaml", b"image: a:4\n")
    assert elsewhere == [LS, FETCH, PUSH]
    assert here == [LS, FETCH, FETCH, PUSH]
    assert git("show", "main:apps/b/three.yaml", folder=bare) == "image: b:9\n"
    git("fsck", "--strict", "--full", folder=bare)


def test_folders_beside_the_path_are_not_fetched(server: GitServer, bare: Path) -> None:
    chance = "".join(f"{number * 7919 % 9973:x}" for number in range(60_000)).encode()
    commit_files(bare, {f"src/{number}/large.yaml": b"%d\n" % number + chance for number in range(20)}, "large")
    server.bytes_out = 0
    updated(server, GitClient(), "apps/a/one.yaml", b"image: a:2\n")
    assert server.bytes_out < 5_000


def test_the_paths_of_several_automations_are_fetched_together(server: GitServer) -> None:
    session = opened(server, GitClient(), MAIN)
    head = session.resolve(GitRef(branch="main")).commit
    session.fetch(head, {"apps/a", "apps/b", "src/main.go", "nowhere/at/all"})
    before = session.requests
    found = [[one.path for one in session.files(head, path)] for path in ("apps/a", "apps/b", "src/main.go")]
    assert before == 3
    assert session.requests == 3
    assert found == [[b"apps/a/deep/two.yaml", b"apps/a/one.yaml"], [b"apps/b/three.yaml"], [b"src/main.go"]]


def test_a_path_that_a_former_run_left_out_is_fetched_when_it_is_asked_for(server: GitServer) -> None:
    client = GitClient()
    updated(server, client, "apps/b/three.yaml", b"image: b:2\n", folder="apps/b")
    session = opened(server, client, MAIN)
    head = session.resolve(GitRef(branch="main")).commit
    assert [one.path for one in session.files(head, "src/deep")] == [b"src/deep/other.go"]
    assert len(session.files(head, "")) == len(FILES)


def test_a_large_file_below_the_path_comes_only_when_it_is_read(server: GitServer, bare: Path) -> None:
    large = b"".join(b"- %d\n" % (number * 7919 % 99991) for number in range(20_000))
    commit_files(bare, {"apps/large.yaml": large}, "large")
    session = opened(server, GitClient(), MAIN)
    head = session.resolve(GitRef(branch="main")).commit
    (file,) = (one for one in session.files(head, "apps") if one.path == b"apps/large.yaml")
    before = session.requests
    assert session.read([file.blob]) == {file.blob: large}
    assert session.requests - before == 1


def test_of_many_manifests_a_warm_container_fetches_changed_folders_alone(server: GitServer, bare: Path) -> None:
    chance = random.Random(1)
    commit_files(bare, {f"apps/{number}/x.yaml": chance.randbytes(20_000) for number in range(20)}, "many")
    client = GitClient()
    updated(server, client, "apps/1/x.yaml", b"image: a:2\n")
    commit_files(bare, {"apps/2/x.yaml": b"image: b:2\n"}, "more")
    server.bytes_out = 0
    taken = updated(server, client, "apps/1/x.yaml", b"image: a:3\n")
    assert taken == [LS, FETCH, FETCH, PUSH]
    assert server.bytes_out < 5_000


@pytest.mark.parametrize(
    ("setting", "requests"),
    [("uploadpackfilter.tree.allow=false", 5), ("uploadpackfilter.blob:limit.allow=false", 6)],
)
def test_a_server_that_admits_few_filters_is_asked_for_those(
    server: GitServer, bare: Path, setting: str, requests: int
) -> None:
    key, _, value = setting.partition("=")
    git("config", key, value, folder=bare)
    client = GitClient()
    first = updated(server, client, "apps/a/one.yaml", b"image: a:2\n")
    commit_files(bare, {"apps/b/three.yaml": b"image: b:9\n"}, "here")
    again = updated(server, client, "apps/a/one.yaml", b"image: a:3\n")
    git("fsck", "--strict", "--full", folder=bare)
    assert len(first) == requests
    assert again == [LS, FETCH, FETCH, PUSH]


def test_a_server_without_filters_is_asked_once_what_it_can_do(server: GitServer, bare: Path) -> None:
    git("config", "uploadpack.allowFilter", "false", folder=bare)
    client = GitClient()
    first = updated(server, client, "apps/a/one.yaml", b"image: a:2\n")
    commit_files(bare, {"apps/b/three.yaml": b"image: b:9\n"}, "here")
    again = updated(server, client, "apps/a/one.yaml", b"image: a:3\n")
    assert "info/refs?service=git-upload-pack" in first and again == [LS, FETCH, PUSH]
    assert git("show", "main:apps/a/one.yaml", folder=bare) == "image: a:3\n"


def test_only_the_refs_of_interest_are_listed(server: GitServer, bare: Path) -> None:
    head = git("rev-parse", "main", folder=bare).strip()
    refs = "".join(f"create refs/pull/{number}/head {head}\n" for number in range(500))
    git("update-ref", "--stdin", folder=bare, stdin=refs.encode())
    assert set(opened(server, GitClient(), MAIN).refs()) == {b"HEAD", MAIN}
    assert len(opened(server, GitClient()).refs()) > 500


def test_an_empty_repository_and_a_missing_branch_are_told_apart(server: GitServer, bare: Path, tmp_path: Path) -> None:
    bare_repository(tmp_path, "empty.git", {})
    empty = GitClient().open(GitAccess(url=server.url("empty.git")), {MAIN})
    with pytest.raises(RetryableError, match="remote repository is empty"):
        empty.resolve(GitRef(branch="main"))
    with pytest.raises(RetryableError, match="couldn't find remote ref"):
        opened(server, GitClient(), b"refs/heads/nope").resolve(GitRef(branch="nope"))


def test_a_push_whose_answer_got_lost_has_arrived(server: GitServer, bare: Path) -> None:
    hook = bare / "hooks" / "post-receive"
    # The push is done when this hook runs; the parent is what would answer.
    hook.write_text("#!/bin/sh\nkill -9 $PPID\n")
    hook.chmod(0o755)
    updated(server, GitClient(), "apps/a/one.yaml", b"image: a:2\n")
    assert git("log", "--format=%s", "main", folder=bare) == "Update\nbegin\n"


def test_what_the_server_has_dropped_meanwhile_is_sent_again(server: GitServer, bare: Path) -> None:
    client = GitClient()
    before = git("rev-parse", "main", folder=bare).strip()
    updated(server, client, "apps/a/one.yaml", b"image: a:2\n")
    git("update-ref", "refs/heads/main", before, folder=bare)
    git("reflog", "expire", "--expire=now", "--all", folder=bare)
    git("gc", "--quiet", "--prune=now", folder=bare)
    updated(server, client, "apps/a/one.yaml", b"image: a:2\n")
    git("fsck", "--strict", "--full", folder=bare)
    assert git("show", "main:apps/a/one.yaml", folder=bare) == "image: a:2\n"


def test_a_sha256_repository_is_refused_in_words(server: GitServer, tmp_path: Path) -> None:
    git("init", "--quiet", "--bare", "--object-format=sha256", str(tmp_path / "new.git"), folder=tmp_path)
    session = GitClient().open(GitAccess(url=server.url("new.git")), {MAIN})
    with pytest.raises(RetryableError, match="SHA-256 objects"):
        session.resolve(GitRef(branch="main"))


def test_a_refused_login_is_not_tried_twice(server: GitServer) -> None:
    server.users = {"bot": "hunter2"}
    with pytest.raises(AuthenticationError):
        opened(server, GitClient(), MAIN).refs()
    assert len(server.requests) == 1


def test_a_commit_that_is_not_there_is_an_error_in_the_servers_words(server: GitServer) -> None:
    session = opened(server, GitClient(), MAIN)
    with pytest.raises(RetryableError, match="not our ref"):
        session.files(CommitId("1" * 40), "apps")
