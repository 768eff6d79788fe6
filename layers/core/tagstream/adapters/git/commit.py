"""Commit objects: read and written without a work tree.

In: a parent, a tree, an author and a message. Out: the commit's bytes.

Source: git-commit-tree(1); go-git's object.Commit.Encode, which Flux writes commits with.
"""

from __future__ import annotations

import re
from datetime import UTC

from tagstream.adapters.git.replies import BrokenReply
from tagstream.domain.objects.model import CommitId
from tagstream.ports.git import CommitText

_ID = re.compile(b"[0-9a-f]{40}")
_CRUD = "<>\n\r\0"


def parse_commit(content: bytes) -> tuple[bytes, tuple[CommitId, ...]]:
    """A commit's tree id and parents.

    Raises:
        BrokenReply: not a commit.
    """
    tree, *rest = content.partition(b"\n\n")[0].split(b"\n")
    parents = [line.removeprefix(b"parent ") for line in rest if line.startswith(b"parent ")]
    ids = [tree.removeprefix(b"tree "), *parents]
    if not tree.startswith(b"tree ") or not all(_ID.fullmatch(one) for one in ids):
        raise BrokenReply("a commit object is damaged")
    return ids[0], tuple(CommitId(one.decode()) for one in parents)


def write_commit(tree: bytes, parent: CommitId, text: CommitText) -> bytes:
    """A commit's content; the author is the committer, the time is UTC, the message is taken as it is."""
    when = text.time.astimezone(UTC)
    who = f"{_clean(text.author_name)} <{_clean(text.author_email)}> {int(when.timestamp())} +0000".encode()
    head = b"tree %s\nparent %s\nauthor %s\ncommitter %s\n" % (tree, parent.encode(), who, who)
    body = b"\n" + text.message
    if text.sign is None:
        return head + body
    signature = text.sign(head + body).rstrip(b"\n").replace(b"\n", b"\n ")
    return head + b"gpgsig " + signature + b"\n" + body


def _clean(name: str) -> str:
    """Git drops the characters that would end the header early."""
    return "".join(one for one in name if one not in _CRUD).strip()
