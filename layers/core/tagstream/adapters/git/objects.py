"""The objects of one repository in memory: packs as they were received, and what was made here to be pushed."""

from __future__ import annotations

import hashlib
import posixpath
import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, FileFormatException, ObjectFormatException
from dulwich.lru_cache import LRUSizeCache
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.object_store import BaseObjectStore, MaxTreeDepthExceeded, iter_tree_contents
from dulwich.objects import (
    Blob,
    Commit,
    ObjectID,
    RawObjectID,
    ShaFile,
    Tree,
    parse_commit_broken,
    parse_tree,
)
from dulwich.pack import (
    MemoryPackIndex,
    Pack,
    UnpackedObject,
    UnresolvedDeltas,
    create_delta,
)

from tagstream.adapters.git.bounded_pack import BoundedIndexer, BoundedPack
from tagstream.adapters.git.folders import Folder, folder_of
from tagstream.adapters.git.replies import BrokenReply, MissingObjects, words
from tagstream.ports.git import TreeFile

LIMIT = 256 * 2**20
MAX_DEPTH, MAX_ENTRIES = 128, 1_000_000
WARM_BYTES, MAX_WARM_OBJECT = 48 * 2**20, 2**18
REGULAR = (0o100644, 0o100755, 0o100664)
MAX_MODE = 0o777777
MAX_SHOWN = 200
PARSED_TREES = 64
_DAMAGED = (
    AssertionError,
    ValueError,
    KeyError,
    IndexError,
    zlib.error,
    ApplyDeltaError,
    ChecksumMismatch,
    FileFormatException,
)

Found = tuple[int, bytes]
"""An object's type number and content."""


class WarmObjects:
    """Objects that a warm container has seen, by repository: they never change, so none is fetched twice.

    Although an id says what the content is, what one repository sends is never shown to another.
    """

    def __init__(self, limit: int = WARM_BYTES) -> None:
        self._known = LRUSizeCache[tuple[str, bytes], Found](limit, compute_size=lambda found: len(found[1]))
        self._lock = Lock()

    def get(self, url: str, one: bytes) -> Found | None:
        """Type and content, None when it is not known (any more)."""
        with self._lock:
            return self._known.get((url, one))

    def put(self, url: str, one: bytes, found: Found) -> None:
        """Keep an object, unless it is so large that it would push out hundreds of manifests."""
        if len(found[1]) <= MAX_WARM_OBJECT:
            with self._lock:
                self._known[url, one] = found


class StrictTree(Tree):
    """A tree in which every entry has a name of its own that is no path.

    Of entries with the same name dulwich 1.2.21 keeps the last and drops the others when it writes the tree again; it
    takes ``a/b``, ``..`` and an empty name for a file's name.
    """

    def _deserialize(self, chunks: list[bytes]) -> None:
        entries = list(parse_tree(b"".join(chunks), self.object_format.oid_length))
        self._entries = {name: (mode, ObjectID(one)) for name, mode, one in entries}
        # A name with a slash in it would be taken for a path, and edits at that path would be lost.
        odd = any(b"/" in name or name in (b"", b".", b"..") for name in self._entries)
        if odd or len(self._entries) != len(entries) or any(mode > MAX_MODE for mode, _ in self._entries.values()):
            raise ObjectFormatException("names or modes that Git does not write")


class ObjectStore(BaseObjectStore):
    """What is known of one repository.

    Args:
        warm: what this container has seen before.
        url: of the repository.
        limit: bytes of packs and new objects that may be kept.
    """

    def __init__(self, warm: WarmObjects | None = None, url: str = "", limit: int = LIMIT) -> None:
        super().__init__()
        self._limit, self._warm, self._url = limit, warm or WarmObjects(1), url
        self._packs: list[Pack] = []
        self._where: dict[bytes, Pack] = {}
        self._made: dict[bytes, Found] = {}
        self._bases: dict[bytes, bytes] = {}
        self._sent: set[bytes] = set()
        self._parsed: dict[bytes, Tree | Folder] = {}
        self.size = self._walked = 0

    def __contains__(self, one: bytes) -> bool:
        return one in self._made or one in self._where or self._warm.get(self._url, one) is not None

    def get_raw(self, name: ObjectID | RawObjectID) -> Found:
        """Type number and content.

        Raises:
            MissingObjects: the object is not known.
        """
        one = name.hex().encode() if len(name) == DEFAULT_OBJECT_FORMAT.oid_length else bytes(name)
        if one in self._made:
            return self._made[one]
        pack = self._where.get(one)
        if pack is None:
            known = self._warm.get(self._url, one)
            if known is None:
                raise MissingObjects([one])
            return known
        found = pack.get_raw(ObjectID(one))
        self._warm.put(self._url, one, found)
        return found

    def __getitem__(self, sha1: ObjectID | RawObjectID) -> StrictTree:
        """A tree of a walk; dulwich looks up nothing else here."""
        found = self.tree(bytes(sha1))
        # A few small trees can name each other often enough to hold more files than the memory.
        self._walked += len(found)
        if self._walked > MAX_ENTRIES:
            raise BrokenReply(f"there are more than {MAX_ENTRIES} files and folders")
        return found

    def tree(self, one: bytes) -> StrictTree:
        """A tree, parsed anew."""
        content = self._content(one, Tree)
        with _damage("a tree object is damaged"):
            found: StrictTree = StrictTree.from_string(content)
        return found

    def blob(self, one: bytes) -> bytes:
        """A file's content."""
        return self._content(one, Blob)

    def commit(self, one: bytes) -> Commit:
        """A commit; lines of its author and committer that dulwich cannot read do not matter."""
        content = self._content(one, Commit)
        with _damage("a commit object is damaged"):
            return parse_commit_broken(content)

    def _content(self, one: bytes, kind: type[ShaFile]) -> bytes:
        found, content = self.get_raw(ObjectID(one))
        if found != kind.type_num:
            raise BrokenReply(f"object {one.decode()} is not of the expected kind")
        return content

    def add_object(self, obj: ShaFile) -> None:
        """Keep a new object that is to be pushed."""
        self._add(bytes(obj.id), obj.type_num, obj.as_raw_string())

    def _add(self, one: bytes, kind: int, content: bytes) -> None:
        # What was seen by an earlier session the server may have dropped by now: it is sent again.
        if one in self._made or one in self._where:
            return
        self._grow(len(content))
        self._made[one] = kind, content

    def add_pack(self, data: bytes) -> None:
        """Index a pack that was received.

        Raises:
            BrokenReply: it is damaged or too large.
            MissingObjects: a base is nowhere.
        """
        self._grow(len(data))
        try:
            with _damage("the pack is damaged"):
                pack = BoundedPack(data)
                entries = list(BoundedIndexer.for_pack_data(pack, resolve_ext_ref=self._base))
                found = Pack.from_objects(pack, MemoryPackIndex(entries, DEFAULT_OBJECT_FORMAT))
                found.resolve_ext_ref = self._base
        except UnresolvedDeltas as error:
            raise MissingObjects(error.shas) from None
        self._packs.append(found)
        for one, _, _ in entries:
            self._where.setdefault(one.hex().encode(), found)

    def _base(self, one: RawObjectID | ObjectID) -> tuple[int, bytes | list[bytes]]:
        try:
            kind, content = self.get_raw(one)
        except MissingObjects as error:
            raise KeyError(one) from error
        return kind, [content]

    def close(self) -> None:
        """Let go of the packs."""
        for pack in self._packs:
            pack.close()

    def find(self, root: bytes, parts: Sequence[bytes]) -> tuple[int, bytes] | None:
        """Mode and id of what is at a path, None when there is nothing.

        Raises:
            MissingObjects: a tree on the way is not known.
        """
        mode, here = stat.S_IFDIR, root
        for part in parts:
            tree = self._looked_up(here) if stat.S_ISDIR(mode) else Tree()
            if part not in tree:
                return None
            mode, here = tree[part]
        return mode, here

    def _looked_up(self, one: bytes) -> Tree | Folder:
        """A tree for looking up names only; thousands of files of one folder are found in one parsed tree."""
        found = self._parsed.pop(one, None)
        if found is None:
            found = self.tree(one)
        self._keep_parsed(one, found)
        return found

    def _keep_parsed(self, one: bytes, found: Tree | Folder) -> None:
        """The tree that was used last stands last."""
        if len(self._parsed) >= PARSED_TREES and one not in self._parsed:
            del self._parsed[next(iter(self._parsed))]
        self._parsed[one] = found

    def unknown_below(self, tree: bytes) -> set[bytes]:
        """The topmost trees at or below a tree that are not known; each is looked at once, wherever it is named."""
        unknown, seen, waiting = set[bytes](), {tree}, [tree]
        while waiting:
            here = waiting.pop()
            if here not in self:
                unknown.add(here)
                continue
            new = {one for _, mode, one in self.tree(here).iteritems() if stat.S_ISDIR(mode)} - seen
            seen |= new
            waiting += new
        return unknown

    def files_below(self, root: bytes, path: bytes) -> list[TreeFile]:
        """Regular files at or below a path, sorted; links and submodules are left out.

        Raises:
            FileNotFoundError: nothing is at the path (in Go's words), or something that leads elsewhere.
            MissingObjects: a tree is not known.
        """
        parts, shown = split(path), path.decode(errors="replace")
        here = self.find(root, parts)
        if here is None:
            raise FileNotFoundError(f"walking path for files: lstat {shown}: no such file or directory")
        (mode, one), prefix = here, b"/".join(parts)
        if mode in REGULAR:
            return [TreeFile(path=prefix, blob=one, mode=mode)]
        if not stat.S_ISDIR(mode):
            # Nothing would ever be found there, and nobody would know why.
            raise FileNotFoundError(f"walking path for files: {shown} is a link or a submodule")
        self._walked = 0
        try:
            walk = iter_tree_contents(self, ObjectID(one), max_depth=MAX_DEPTH)
            found = [file for file in walk if file.mode in REGULAR]
        except MaxTreeDepthExceeded:
            raise BrokenReply(f"folders are nested more than {MAX_DEPTH} deep") from None
        before = prefix + b"/" if prefix else b""
        files = (TreeFile(path=before + file.path, blob=file.sha, mode=file.mode) for file in found)
        return sorted(files, key=lambda file: file.path)

    def edited(self, root: bytes, edits: Mapping[bytes, bytes]) -> bytes:
        """The root of a tree in which these existing files have new contents; modes and other entries stay."""
        blobs = {}
        for path, content in edits.items():
            before = self.find(root, path.split(b"/"))
            if before is not None and before[0] in REGULAR:
                blob = Blob.from_string(content)
                if before[1] in self:
                    self._base_on(blob.id, before[1])
                self.add_object(blob)
                blobs[path] = bytes(blob.id)
        return self._with_blobs(root, blobs) if blobs else root

    def _with_blobs(self, tree: bytes, blobs: Mapping[bytes, bytes]) -> bytes:
        """The id of a tree in which these files, named by their paths from it, are other blobs."""
        ids, below = dict[bytes, bytes](), dict[bytes, dict[bytes, bytes]]()
        for path, blob in blobs.items():
            name, slash, rest = path.partition(b"/")
            if slash:
                below.setdefault(name, {})[rest] = blob
            else:
                ids[name] = blob
        found = self._looked_up(tree)
        folder = found if isinstance(found, Folder) else folder_of(found)
        for name, theirs in below.items():
            ids[name] = self._with_blobs(folder[name][1], theirs)
        made = folder.with_ids(ids)
        one = object_id(Tree, made.content)
        self._base_on(one, tree)
        self._add(one, Tree.type_num, made.content)
        self._keep_parsed(one, made)
        return one

    def _base_on(self, one: bytes, before: bytes) -> None:
        """An object may be sent as what changed, but never as a change of what is itself sent as a change of it."""
        if one not in self or before not in self._made:
            self._bases[one] = before

    def is_made(self, one: bytes) -> bool:
        """Whether an object was made here."""
        return one in self._made

    def to_send(self, *, thin: bool) -> list[UnpackedObject]:
        """The objects made here that the server has not got yet.

        They are deltas against what it has where that is shorter and ``thin`` allows it.
        """
        unsent = (one for one in self._made if one not in self._sent)
        return [self._packed(one, self._bases.get(one) if thin else None) for one in unsent]

    def _packed(self, one: bytes, base: bytes | None) -> UnpackedObject:
        (kind, content), sha = self._made[one], bytes.fromhex(one.decode())
        whole = UnpackedObject(kind, delta_base=None, decomp_chunks=[content], sha=sha)
        if base is None or base == one:
            return whole
        delta = list(create_delta(self.get_raw(ObjectID(base))[1], content))
        if sum(map(len, delta)) >= len(content) // 2:
            return whole
        return UnpackedObject(kind, delta_base=bytes.fromhex(base.decode()), decomp_chunks=delta, sha=sha)

    def pushed(self, *, removes: bool) -> None:
        """The server has what was made here: the next push need not send it, and the next session finds it known.

        Args:
            removes: whether the push has removed a ref. The server may drop what only that ref led to.
        """
        for one in self._made.keys() - self._sent:
            self._warm.put(self._url, one, self._made[one])
        self._sent = set() if removes else set(self._made)

    def _grow(self, size: int) -> None:
        self.size += size
        if self.size > self._limit:
            raise BrokenReply(f"the repository's objects are larger than {self._limit} bytes")


@contextmanager
def _damage(what: str) -> Iterator[None]:
    """Whatever dulwich raises when it reads bytes that are none of Git's."""
    try:
        yield
    except _DAMAGED as error:
        raise BrokenReply(f"{what}: {words(str(error).encode()[:MAX_SHOWN])}") from None


def object_id(kind: type[ShaFile], content: bytes) -> bytes:
    """The id, in hexadecimal digits, of an object with this content."""
    return (
        hashlib.sha1(b"%s %d\0" % (kind.type_name, len(content)) + content, usedforsecurity=False).hexdigest().encode()
    )


def split(path: bytes) -> tuple[bytes, ...]:
    """The names on the way to a path; none for the root."""
    # A path may not leave the repository: as for securejoin, the root's parent is the root.
    return tuple(part for part in posixpath.normpath(b"/" + path).split(b"/") if part)
