"""Trees: reading the files below a path, and writing new trees for changed files only.

In: tree contents by id. Out: files, and a new root tree.

Source: gitformat-index and git-mktree(1): an entry is ``mode SP name NUL id``, sorted by name with a slash behind
trees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tagstream.adapters.git.objects import ObjectStore
from tagstream.adapters.git.pack import BLOB, TREE
from tagstream.adapters.git.replies import BrokenReply
from tagstream.ports.git import TreeFile

TREE_MODE = 0o40000
REGULAR = (0o100644, 0o100755, 0o100664)
MAX_DEPTH, MAX_ENTRIES = 128, 1_000_000
_MODE = re.compile(b"[0-7]{5,6}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of a tree."""

    mode: int
    name: bytes
    id: bytes


def entries(content: bytes) -> Iterator[Entry]:
    """The members of a tree, in order.

    Raises:
        BrokenReply: not a tree.
    """
    position = 0
    while position < len(content):
        blank, nul = content.find(b" ", position), content.find(b"\0", position)
        mode, name = content[position:blank], content[blank + 1 : nul]
        # A name with a slash in it would be taken for a path, and its edits would be lost.
        is_whole = position < blank < nul and len(content) >= nul + 21
        if not is_whole or not _MODE.fullmatch(mode) or b"/" in name or name in (b"", b".", b".."):
            raise BrokenReply("a tree object is damaged")
        yield Entry(int(mode, 8), name, content[nul + 1 : nul + 21].hex().encode())
        position = nul + 21


def split(path: bytes) -> tuple[bytes, ...]:
    """The names on the way to a path; none for the root."""
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            # A path may not leave the repository; securejoin keeps it at the root.
            parts = parts[:-1]
        elif part not in (b"", b"."):
            parts.append(part)
    return tuple(parts)


def find(store: ObjectStore, root: bytes, parts: Sequence[bytes]) -> Entry | None:
    """What is at a path, None when there is nothing.

    Raises:
        MissingObjects: a tree on the way is not known.
    """
    here: Entry | None = Entry(TREE_MODE, b"", root)
    for part in parts:
        if here is None or here.mode != TREE_MODE:
            return None
        here = next((one for one in entries(store.read(here.id, TREE)) if one.name == part), None)
    return here


def unknown_below(store: ObjectStore, tree: bytes) -> set[bytes]:
    """The topmost trees at or below a tree that are not known; each is looked at once, wherever it is named."""
    unknown, seen, waiting = set[bytes](), {tree}, [tree]
    while waiting:
        here = waiting.pop()
        if here not in store:
            unknown.add(here)
            continue
        new = {one.id for one in entries(store.read(here, TREE)) if one.mode == TREE_MODE} - seen
        seen |= new
        waiting += new
    return unknown


def files_below(store: ObjectStore, root: bytes, path: bytes) -> list[TreeFile]:
    """Regular files at or below a path, sorted; links and submodules are left out.

    Raises:
        FileNotFoundError: there is nothing at the path, in Go's words, or what leads elsewhere.
        MissingObjects: a tree is not known.
    """
    parts = split(path)
    here = find(store, root, parts)
    if here is None:
        shown = path.decode(errors="replace")
        raise FileNotFoundError(f"walking path for files: lstat {shown}: no such file or directory")
    prefix = b"/".join(parts)
    if here.mode in REGULAR:
        return [TreeFile(path=prefix, blob=here.id, mode=here.mode)]
    if here.mode != TREE_MODE:
        # Nothing would ever be found there, and nobody would know why.
        raise FileNotFoundError(f"walking path for files: {path.decode(errors='replace')} is a link or a submodule")
    return sorted(_walk(store, here.id, prefix + b"/" if prefix else b""), key=lambda file: file.path)


def _walk(store: ObjectStore, tree: bytes, prefix: bytes) -> Iterator[TreeFile]:
    """In no order. A few small trees can name each other often enough to hold more files than there is time for."""
    waiting, seen = [(tree, prefix, 0)], 0
    while waiting:
        here, prefix, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise BrokenReply(f"folders are nested more than {MAX_DEPTH} deep")
        for one in entries(store.read(here, TREE)):
            seen += 1
            if seen > MAX_ENTRIES:
                raise BrokenReply(f"there are more than {MAX_ENTRIES} files and folders")
            if one.mode == TREE_MODE:
                waiting.append((one.id, prefix + one.name + b"/", depth + 1))
            elif one.mode in REGULAR:
                yield TreeFile(path=prefix + one.name, blob=one.id, mode=one.mode)


def write_files(store: ObjectStore, root: bytes, edits: Mapping[bytes, bytes]) -> bytes:
    """The root of a tree in which these existing files have new contents; modes stay, other entries are not touched."""
    here: dict[bytes, bytes] = {}
    below: dict[bytes, dict[bytes, bytes]] = {}
    for path, content in edits.items():
        first, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(first, {})[rest] = content
        else:
            here[first] = content
    parts = []
    for one in entries(store.read(root, TREE)):
        new = one.id
        if one.name in here and one.mode in REGULAR:
            new = store.add(BLOB, here[one.name], base=one.id if one.id in store else None)
        elif one.name in below and one.mode == TREE_MODE:
            new = write_files(store, one.id, below[one.name])
        parts.append(b"%o %s\0%s" % (one.mode, one.name, bytes.fromhex(new.decode())))
    return store.add(TREE, b"".join(parts), base=root)
