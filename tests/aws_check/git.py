"""Writes and reads one branch of a Git repository over HTTP, independently of tagstream's own Git code."""

from __future__ import annotations

import time
from collections.abc import Mapping

from dulwich.client import get_transport_and_path
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.refs import Ref
from dulwich.repo import MemoryRepo

from tests.aws_check.site import GitPlace

BRANCH = Ref(b"refs/heads/main")
AUTHOR = b"aws-check <aws-check@example.com>"


def push_files(place: GitPlace, files: Mapping[str, bytes]) -> None:
    """Push a first commit of these files; nothing happens if the branch is there already."""
    client, path = get_transport_and_path(place.url, username=place.username, password=place.password)
    repository = MemoryRepo()
    tree = Tree()
    for name, content in files.items():
        blob = Blob.from_string(content)
        repository.object_store.add_object(blob)
        tree.add(name.encode(), 0o100644, blob.id)
    repository.object_store.add_object(tree)
    commit = Commit()
    commit.tree, commit.message = tree.id, b"begin"
    commit.author = commit.committer = AUTHOR
    commit.author_time = commit.commit_time = int(time.time())
    commit.author_timezone = commit.commit_timezone = 0
    repository.object_store.add_object(commit)

    def refs(known: Mapping[Ref, ObjectID]) -> dict[Ref, ObjectID]:
        return {} if BRANCH in known else {BRANCH: commit.id}

    client.send_pack(path.encode(), refs, repository.object_store.generate_pack_data)


def read_file(place: GitPlace, name: str) -> bytes:
    """Return a file of the branch's root, b"" if there is no such file or no branch yet."""
    client, path = get_transport_and_path(place.url, username=place.username, password=place.password)
    repository = MemoryRepo()

    def wanted(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:
        return [refs[BRANCH]] if BRANCH in refs else []

    found = client.fetch(path, repository, determine_wants=wanted).refs.get(BRANCH)
    if found is None:
        return b""
    commit = repository.object_store[found]
    assert isinstance(commit, Commit)
    tree = repository.object_store[commit.tree]
    assert isinstance(tree, Tree)
    if name.encode() not in tree:
        return b""
    blob = repository.object_store[tree[name.encode()][1]]
    assert isinstance(blob, Blob)
    return blob.data
