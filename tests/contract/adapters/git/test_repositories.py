"""What repositories may hold: other objects, refs and trees than an update needs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tagstream.adapters.git.remote import GitClient, GitRepositorySession
from tagstream.domain.objects.model import GitRef
from tagstream.errors import RetryableError
from tagstream.ports.git import CommitText, GitAccess, RefUpdate
from tests.embedded.git_server import GitServer, bare_repository, git, git_server

TEXT = CommitText(author_name="bot", author_email="b@c", message=b"Update", time=datetime(2026, 11, 24, tzinfo=UTC))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A server with one repository, ``app.git``."""
    bare_repository(tmp_path, "app.git", {"apps/a.yaml": b"image: a:1\n"})
    with git_server(tmp_path) as running:
        yield running


@pytest.fixture
def bare(server: GitServer) -> Path:
    """The repository on disk."""
    return server.root / "app.git"


def opened(server: GitServer, name: str = "app.git") -> GitRepositorySession:
    return GitClient().open(GitAccess(url=server.url(name)))


@pytest.mark.parametrize("speaks_version_2", [True, False])
def test_a_repository_with_sha256_objects_is_refused_with_its_reason(
    server: GitServer, tmp_path: Path, speaks_version_2: bool
) -> None:
    work = tmp_path / "sha256.git"
    git("init", "--quiet", "--object-format=sha256", str(work), folder=tmp_path)
    git("commit", "--quiet", "--allow-empty", "--message", "begin", folder=work)
    server.speaks_version_2 = speaks_version_2
    session = opened(server, "sha256.git/.git")
    with pytest.raises(RetryableError, match="the repository has SHA-256 objects"):
        session.resolve(GitRef(branch="main"))


@pytest.mark.parametrize("commit", ["abc1234", "main", "0" * 41])
def test_a_commit_is_named_by_its_whole_id(server: GitServer, commit: str) -> None:
    with pytest.raises(RetryableError, match=f"'{commit}' is no commit's whole id"):
        opened(server).resolve(GitRef(commit=commit))


@pytest.mark.parametrize("speaks_version_2", [True, False])
def test_whatever_a_tree_holds_only_the_edited_files_change(
    server: GitServer, bare: Path, speaks_version_2: bool
) -> None:
    head = git("rev-parse", "main", folder=bare).strip()
    blob = git("hash-object", "-w", "--stdin", folder=bare, stdin=b"image: a:1\n").strip()
    deep = _tree(bare, f"100644 blob {blob}\tx.yaml".encode())
    for _ in range(100):
        deep = _tree(bare, f"040000 tree {deep}\td".encode())
    entries = [b"100755 blob %s\trun.yaml", b"120000 blob %s\tlink.yaml", b'100644 blob %s\tn\xff \n".yaml']
    entries += [b"100644 blob %s\ta", b"100644 blob %s\ta-b.yaml", b"100644 blob %s\tlarge.bin"]
    lines = [one % blob.encode() for one in entries]
    root = _tree(bare, *lines, f"040000 tree {deep}\ta.d".encode(), f"160000 commit {head}\tmodule".encode())
    git("update-ref", "refs/pull/7/head", git("commit-tree", root, "-m", "odd", folder=bare).strip(), folder=bare)
    server.speaks_version_2 = speaks_version_2
    session = opened(server)
    commit = session.resolve(GitRef(name="refs/pull/7/head")).commit
    files = session.files(commit, "")
    session.read({one.blob for one in files})
    edits = {one.path: b"image: a:2\n" for one in files if one.path.endswith(b".yaml")}
    made = session.commit(commit, edits, TEXT)
    session.push([RefUpdate(ref=b"refs/heads/auto", old=None, new=made)], {})
    git("fsck", "--full", folder=bare)
    changed = git("diff", "--name-only", "--diff-filter=M", "-z", commit, "auto", folder=bare).split("\0")[:-1]
    deepest = "a.d/" + "d/" * 100 + "x.yaml"
    assert changed == ["a-b.yaml", deepest, 'n\udcff \n".yaml', "run.yaml"]
    assert git("ls-tree", "auto", "run.yaml", "module", "link.yaml", folder=bare).count("\n") == 3
    assert git("ls-tree", "auto", "run.yaml", folder=bare).startswith("100755 ")


def _tree(bare: Path, *entries: bytes) -> str:
    return git("mktree", "-z", "--missing", folder=bare, stdin=b"\0".join(entries) + b"\0").strip()
