"""Fetch, edit, commit and push against a real `git http-backend`; everything pushed is read back by Git itself."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tagstream.adapters.git.remote import GitClient, GitRepositorySession
from tagstream.domain.objects.model import CommitId, GitRef
from tagstream.errors import AuthenticationError, RetryableError
from tagstream.ports.git import CommitText, GitAccess, PushConflict, RefUpdate
from tests.embedded.git_server import GitServer, bare_repository, commit_files, git, git_server
from tests.embedded.hanging import hanging

FILES = {"apps/a.yaml": b"image: a:1\r\n", "apps/deep/b.yaml": b"b\n", "other/c.yaml": b"c", "Kustomization": b"k\n"}
MAIN = b"refs/heads/main"
USERS = {"bot": "hunter2"}
TEXT = CommitText(
    author_name="fluxcdbot",
    author_email="flux@example.com",
    message=b"Update\n\n- a\n",
    time=datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC),
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A server with one repository, ``app.git``."""
    bare_repository(tmp_path, "app.git", FILES)
    with git_server(tmp_path, USERS) as running:
        yield running


@pytest.fixture
def bare(server: GitServer) -> Path:
    """The repository on disk."""
    return server.root / "app.git"


def opened(server: GitServer, client: GitClient | None = None, **access: str) -> GitRepositorySession:
    given = {"username": "bot", "password": "hunter2", **access}
    return (client or GitClient()).open(GitAccess(url=server.url("app.git"), **given))  # type: ignore[arg-type]


def edited(session: GitRepositorySession, **edits: bytes) -> tuple[CommitId, CommitId]:
    head = session.resolve(GitRef(branch="main")).commit
    session.files(head, "")
    return head, session.commit(head, {b"apps/a.yaml": b"image: a:2\r\n"}, TEXT)


def test_a_branch_resolves_to_its_head(server: GitServer, bare: Path) -> None:
    checkout = opened(server).resolve(GitRef(branch="main"))
    head = git("rev-parse", "main", folder=bare).strip()
    assert checkout.commit == head
    assert checkout.branch == "main"
    assert checkout.revision == f"main@sha1:{head}"


def test_references_resolve_by_fluxs_precedence(server: GitServer, bare: Path) -> None:
    first = git("rev-parse", "main", folder=bare).strip()
    git("tag", "v1.2.0", folder=bare)
    git("tag", "-a", "-m", "annotated", "v1.10.0", first, folder=bare)
    commit_files(bare, {"x": b"x"}, "more")
    session = opened(server)
    refs = (
        GitRef(tag="v1.10.0", branch="main"),
        GitRef(semver="1.x"),
        GitRef(name="refs/tags/v1.2.0", semver="1.x"),
        GitRef(commit=first, branch="main"),
    )
    shown = [session.resolve(ref).revision for ref in refs]
    assert shown == [
        f"v1.10.0@sha1:{first}",
        f"v1.10.0@sha1:{first}",
        f"refs/tags/v1.2.0@sha1:{first}",
        f"main@sha1:{first}",
    ]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", [b"Kustomization", b"apps/a.yaml", b"apps/deep/b.yaml", b"other/c.yaml"]),
        ("./apps", [b"apps/a.yaml", b"apps/deep/b.yaml"]),
        ("apps/deep/", [b"apps/deep/b.yaml"]),
        ("other/c.yaml", [b"other/c.yaml"]),
        ("../apps", [b"apps/a.yaml", b"apps/deep/b.yaml"]),
    ],
)
def test_files_are_listed_below_a_path(server: GitServer, path: str, names: list[bytes]) -> None:
    session = opened(server)
    found = session.files(session.resolve(GitRef(branch="main")).commit, path)
    assert [file.path for file in found] == names


def test_a_path_that_is_not_there_is_an_error_in_gos_words(server: GitServer) -> None:
    session = opened(server)
    with pytest.raises(FileNotFoundError, match="walking path for files: lstat nope: no such file or directory"):
        session.files(session.resolve(GitRef(branch="main")).commit, "nope")


def test_links_are_no_files(server: GitServer, bare: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    git("clone", "--quiet", str(bare), str(work), folder=tmp_path)
    (work / "link.yaml").symlink_to("apps/a.yaml")
    git("add", "link.yaml", folder=work)
    git("commit", "--quiet", "-m", "link", folder=work)
    git("push", "--quiet", folder=work)
    session = opened(server)
    names = [file.path for file in session.files(session.resolve(GitRef(branch="main")).commit, "")]
    assert b"link.yaml" not in names and len(names) == len(FILES)


def test_blobs_come_in_one_request_and_only_once(server: GitServer) -> None:
    session = opened(server)
    files = session.files(session.resolve(GitRef(branch="main")).commit, "")
    before = session.requests
    first = session.read([file.blob for file in files])
    assert session.requests - before == 1
    assert session.read([files[1].blob]) == {files[1].blob: b"image: a:1\r\n"}
    assert sorted(first.values()) == [b"b\n", b"c", b"image: a:1\r\n", b"k\n"]
    assert session.requests - before == 1


def test_a_pushed_commit_is_what_git_reads_back(server: GitServer, bare: Path) -> None:
    session = opened(server)
    head, made = edited(session)
    session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})
    git("fsck", "--strict", "--full", folder=bare)
    shown = git("show", "--format=%an|%ae|%cn|%at|%P%n%B", "--name-status", "main", folder=bare)
    expected = f"fluxcdbot|flux@example.com|fluxcdbot|{int(TEXT.time.timestamp())}|{head}\nUpdate\n\n- a\n"
    assert shown.startswith(expected) and shown.endswith("M\tapps/a.yaml\n")
    assert git("show", "main:apps/a.yaml", folder=bare) == "image: a:2\r\n"


def test_commits_can_be_stacked_and_pushed_together(server: GitServer, bare: Path) -> None:
    session = opened(server)
    head, first = edited(session)
    second = session.commit(first, {b"other/c.yaml": b"d"}, TEXT)
    session.push([RefUpdate(ref=MAIN, old=head, new=second)], {})
    assert git("rev-list", "--count", "main", folder=bare).strip() == "3"
    git("fsck", "--strict", "--full", folder=bare)


def test_each_of_many_branches_is_pushed_without_the_commits_of_those_before_it(server: GitServer, bare: Path) -> None:
    session = opened(server)
    head, _ = edited(session)
    sizes = []
    for number in range(3):
        before = server.bytes_in
        made = session.commit(head, {b"apps/a.yaml": random.Random(number).randbytes(20_000)}, TEXT)
        session.push([RefUpdate(ref=b"refs/heads/b%d" % number, old=None, new=made)], {})
        sizes.append(server.bytes_in - before)
    git("fsck", "--strict", "--full", folder=bare)
    assert 20_000 < max(sizes) < 30_000


def test_a_branch_that_moved_is_a_conflict_before_anything_is_sent(server: GitServer, bare: Path) -> None:
    session = opened(server)
    head, made = edited(session)
    commit_files(bare, {"x": b"x"}, "faster")
    with pytest.raises(PushConflict):
        session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})


def test_a_branch_that_moves_while_the_pack_travels_is_a_conflict_too(server: GitServer, bare: Path) -> None:
    session = opened(server)
    head, made = edited(session)
    server.before_push = lambda: commit_files(bare, {"x": b"x"}, "faster") and None
    with pytest.raises(PushConflict):
        session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})


def test_after_a_conflict_the_same_session_succeeds_from_the_new_head(server: GitServer, bare: Path) -> None:
    session = opened(server)
    edited(session)
    commit_files(bare, {"x": b"x"}, "faster")
    session.refresh()
    head, made = edited(session)
    session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})
    assert git("log", "--format=%s", "main", folder=bare).split("\n")[:2] == ["Update", "faster"]


def test_a_new_branch_is_created_and_a_forced_one_replaced(server: GitServer, bare: Path) -> None:
    session = opened(server)
    _, made = edited(session)
    ref = b"refs/heads/auto"
    session.push([RefUpdate(ref=ref, old=None, new=made)], {})
    head = session.resolve(GitRef(branch="main")).commit
    other = session.commit(head, {b"other/c.yaml": b"d"}, TEXT)
    session.push([RefUpdate(ref=ref, old=made, new=other)], {})
    assert git("rev-parse", "auto", folder=bare).strip() == other


def test_a_hook_that_refuses_is_heard(server: GitServer, bare: Path) -> None:
    hook = bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected: open a pull request' >&2\nexit 1\n")
    hook.chmod(0o755)
    session = opened(server)
    head, made = edited(session)
    with pytest.raises(RetryableError, match=r"main is protected: open a pull request.*pre-receive hook declined"):
        session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})


def test_of_branches_pushed_together_the_one_that_was_refused_is_named(server: GitServer, bare: Path) -> None:
    hook = bare / "hooks" / "update"
    hook.write_text("#!/bin/sh\n[ $1 != refs/heads/z ] || { echo 'z is protected from hunter2' >&2; exit 1; }\n")
    hook.chmod(0o755)
    session = opened(server)
    _, made = edited(session)
    together = [RefUpdate(ref=ref, old=None, new=made) for ref in (b"refs/heads/a", b"refs/heads/z")]
    with pytest.raises(RetryableError) as caught:
        session.push(together, {})
    refusal = "z is protected from ***; error: hook declined to update refs/heads/z; refs/heads/z: hook declined"
    assert caught.value.message.endswith(f"': {refusal}")
    assert git("for-each-ref", "--format=%(refname)", folder=bare) == "refs/heads/main\n"


def test_a_server_that_lets_no_branch_be_rebuilt_is_not_asked_again(server: GitServer, bare: Path) -> None:
    git("config", "receive.denyNonFastForwards", "true", folder=bare)
    session = opened(server)
    head, made = edited(session)
    ref = b"refs/heads/auto"
    session.push([RefUpdate(ref=ref, old=None, new=made)], {})
    other = session.commit(head, {b"other/c.yaml": b"d"}, TEXT)
    with pytest.raises(RetryableError, match="denying non-fast-forward refs/heads/auto"):
        session.push([RefUpdate(ref=ref, old=made, new=other)], {})


def test_push_options_reach_the_server(server: GitServer, bare: Path, tmp_path: Path) -> None:
    hook = bare / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\necho $GIT_PUSH_OPTION_0 $GIT_PUSH_OPTION_1 > {tmp_path}/options\n")
    hook.chmod(0o755)
    session = opened(server)
    head, made = edited(session)
    session.push([RefUpdate(ref=MAIN, old=head, new=made)], {"topic": "images", "ci.skip": ""})
    assert (tmp_path / "options").read_text().split() == ["topic=images", "ci.skip"]


def test_a_wrong_password_is_refused_without_being_repeated(server: GitServer) -> None:
    with pytest.raises(AuthenticationError, match="authentication required by") as caught:
        opened(server, password="wr0ng").resolve(GitRef(branch="main"))
    assert "wr0ng" not in str(caught.value) and "bot" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "cause"), [("nope.git", "repository not found"), ("empty.git", "remote repository is empty")]
)
def test_what_is_not_there_is_said(server: GitServer, tmp_path: Path, name: str, cause: str) -> None:
    bare_repository(tmp_path, "empty.git", {})
    access = GitAccess(url=server.url(name), username="bot", password="hunter2")
    with pytest.raises(RetryableError, match=cause):
        GitClient().open(access).resolve(GitRef(branch="main"))


def test_a_missing_branch_is_named(server: GitServer) -> None:
    with pytest.raises(RetryableError, match='couldn\'t find remote ref "refs/heads/nope"'):
        opened(server).resolve(GitRef(branch="nope"))


def test_an_unreachable_server_is_named_without_credentials() -> None:
    access = GitAccess(url="http://bot:hunter2@127.0.0.1:9/app.git", timeout_s=5)
    with pytest.raises(RetryableError, match=r"unable to reach 'http://127.0.0.1:9/app.git'") as caught:
        GitClient().open(access).resolve(GitRef(branch="main"))
    assert "hunter2" not in str(caught.value)


def test_a_server_that_hangs_before_it_lists_refs_does_not_get_its_whole_time_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tagstream.adapters.git.http_client.LISTED_WITHIN_S", 0.5)
    began_s = time.monotonic()
    with hanging() as server, pytest.raises(RetryableError, match="unable to reach"):
        GitClient().open(GitAccess(url=f"http://{server.address}/app.git", timeout_s=50)).resolve(GitRef(branch="main"))
    assert time.monotonic() - began_s < 30


def test_all_requests_of_a_session_together_have_its_time() -> None:
    began_s = time.monotonic()
    with hanging() as server:
        access = GitAccess(url=f"http://{server.address}/app.git", timeout_s=50, session_s=0.5)
        session = GitClient().open(access)
        for _ in range(3):
            with pytest.raises(RetryableError, match="unable to reach"):
                session.resolve(GitRef(branch="main"))
    assert time.monotonic() - began_s < 10


def test_a_warm_container_asks_once_to_see_that_nothing_moved(server: GitServer) -> None:
    client = GitClient()
    opened(server, client).resolve(GitRef(branch="main"))
    again = opened(server, client)
    again.resolve(GitRef(branch="main"))
    assert again.requests == 1


def test_a_server_of_version_0_is_fetched_from_and_pushed_to(server: GitServer, bare: Path) -> None:
    server.speaks_version_2 = False
    session = opened(server)
    head, made = edited(session)
    files = session.files(head, "apps")
    assert sorted(session.read([one.blob for one in files]).values()) == [b"b\n", b"image: a:1\r\n"]
    session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})
    git("fsck", "--strict", "--full", folder=bare)
    assert git("show", "main:apps/a.yaml", folder=bare) == "image: a:2\r\n"


def test_a_server_of_version_0_that_filters_sends_blobs_when_they_are_asked_for(server: GitServer, bare: Path) -> None:
    server.speaks_version_2 = False
    git("config", "uploadpack.allowReachableSHA1InWant", "true", folder=bare)
    session = opened(server)
    files = session.files(session.resolve(GitRef(branch="main")).commit, "apps")
    before = session.requests
    assert sorted(session.read([one.blob for one in files]).values()) == [b"b\n", b"image: a:1\r\n"]
    assert session.requests - before == 1


def test_a_server_of_version_0_tells_that_nothing_moved_in_one_request(server: GitServer) -> None:
    server.speaks_version_2 = False
    client = GitClient()
    opened(server, client).resolve(GitRef(branch="main"))
    again = opened(server, client)
    again.resolve(GitRef(branch="main"))
    assert again.requests == 1


def test_a_server_that_changed_its_version_is_asked_anew_after_one_failure(server: GitServer) -> None:
    client = GitClient()
    opened(server, client).resolve(GitRef(branch="main"))
    server.speaks_version_2 = False
    with pytest.raises(RetryableError):
        opened(server, client).resolve(GitRef(branch="main"))
    assert opened(server, client).resolve(GitRef(branch="main")).branch == "main"


def test_a_warm_container_pushes_with_one_request_and_is_told_of_conflicts_all_the_same(
    server: GitServer, bare: Path
) -> None:
    client = GitClient()
    session = opened(server, client)
    head, made = edited(session)
    session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})
    again = opened(server, client)
    now = again.resolve(GitRef(branch="main")).commit
    next_one = again.commit(now, {b"apps/a.yaml": b"image: a:3\r\n"}, TEXT)
    before = again.requests
    again.push([RefUpdate(ref=MAIN, old=now, new=next_one)], {})
    pushed = again.requests - before
    late = opened(server, client)
    stale = late.commit(late.resolve(GitRef(branch="main")).commit, {b"other/c.yaml": b"d"}, TEXT)
    commit_files(bare, {"x": b"x"}, "faster")
    with pytest.raises(PushConflict):
        late.push([RefUpdate(ref=MAIN, old=next_one, new=stale)], {})
    git("fsck", "--strict", "--full", folder=bare)
    assert pushed == 1
    assert git("log", "-1", "--format=%s", "main", folder=bare) == "faster\n"


def test_a_small_edit_of_a_large_file_is_a_small_push(server: GitServer, bare: Path) -> None:
    lines = "".join(f"{number}: {hash(number * 7919) & 0xFFFFFFFFFF:x}\n" for number in range(20_000)).encode()
    commit_files(bare, {"large.yaml": lines + b"image: a:1\n"}, "large")
    session = opened(server)
    head = session.resolve(GitRef(branch="main")).commit
    session.read([one.blob for one in session.files(head, "large.yaml")])
    made = session.commit(head, {b"large.yaml": lines + b"image: a:20\n"}, TEXT)
    before = server.bytes_in
    session.push([RefUpdate(ref=MAIN, old=head, new=made)], {})
    assert server.bytes_in - before < 1500
    assert git("show", "main:large.yaml", folder=bare).endswith("image: a:20\n")
    git("fsck", "--strict", "--full", folder=bare)


def test_a_server_without_filters_sends_everything_and_works(server: GitServer, bare: Path) -> None:
    git("config", "uploadpack.allowFilter", "false", folder=bare)
    session = opened(server)
    files = session.files(session.resolve(GitRef(branch="main")).commit, "")
    before = session.requests
    assert len(session.read([file.blob for file in files])) == 4
    assert session.requests - before == 0
