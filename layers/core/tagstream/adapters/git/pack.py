"""Pack files in memory: indexed on arrival within limits, objects inflated on demand; and new packs to send.

In: a pack's bytes. Out: object ids with where they are; or objects to a pack. The limits (objects, sizes, inflated
total) are why reading is here rather than dulwich's: a pack may be an attack, dulwich inflates what it is given.

Source: gitformat-pack(5).
"""

from __future__ import annotations

import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dulwich.errors import ApplyDeltaError
from dulwich.pack import apply_delta

from tagstream.adapters.git.replies import BrokenReply, MissingObjects

COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA = 1, 2, 3, 4, 6, 7
KIND_NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}
TRAILER = 20
MAX_OBJECT = 64 * 2**20
MAX_INFLATED = 2**30
BASE_CACHE = 16 * 2**20
MAX_OBJECTS = 1_000_000
# Of one object: deltas on the way to its base, and their bytes, which are held together.
MAX_CHAIN, MAX_HELD = 4096, 2 * MAX_OBJECT

Found = tuple[int, bytes]
"""An object's kind and content."""


def object_id(kind: int, content: bytes) -> bytes:
    """The SHA-1 id as 40 hex bytes."""
    digest = hashlib.sha1(b"%s %d\0" % (KIND_NAMES[kind], len(content)), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest().encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    kind: int
    content: bytes
    end: int
    base: int | bytes = 0


class Pack:
    """One pack; ``offsets`` maps each id to its entry.

    Args:
        data: the whole file.
        outside: looks up bases that a thin pack leaves out, None when unknown.

    Raises:
        BrokenReply: cut off, wrong checksum, impossible sizes.
        MissingObjects: a base is nowhere.
    """

    def __init__(self, data: bytes | bytearray, outside: Callable[[bytes], Found | None]) -> None:
        self._view = memoryview(data)
        self._outside = outside
        self._cache: OrderedDict[int, Found] = OrderedDict()
        self._cached = 0
        self._inflated = 0
        self.offsets: dict[bytes, int] = {}
        self._index(self._checked_count(data))
        self._inflated = -(2**62)  # From here on objects are inflated one by one, on demand.

    def __len__(self) -> int:
        return len(self._view)

    def read(self, offset: int) -> Found:
        """The object at an offset, deltas resolved."""
        return self._resolve(offset)[0]

    def _checked_count(self, data: bytes | bytearray) -> int:
        if len(data) < 12 + TRAILER or data[:4] != b"PACK":
            raise BrokenReply("the pack is cut off")
        version, count = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
        if version not in (2, 3):
            raise BrokenReply(f"pack version {version} is not known")
        if hashlib.sha1(self._view[:-TRAILER], usedforsecurity=False).digest() != data[-TRAILER:]:
            raise BrokenReply("the pack is damaged: its checksum is wrong")
        if count > MAX_OBJECTS:
            raise BrokenReply(f"the pack announces more than {MAX_OBJECTS} objects")
        if count > len(data) // 8:
            raise BrokenReply(f"the pack announces {count} objects in {len(data)} bytes")
        return count

    def _index(self, count: int) -> None:
        offset = 12
        # A base given by id may come later in the pack: offsets by the id they wait for.
        waiting: dict[bytes, list[int]] = {}
        for _ in range(count):
            end = self._indexed(offset, waiting)
            offset = self._entry(offset).end if end is None else end
        if offset != len(self._view) - TRAILER:
            raise BrokenReply("the pack holds more than it announces")
        ready = [one for one in waiting if one in self.offsets]
        while ready:
            for waited in waiting.pop(ready.pop(), ()):
                self._indexed(waited, waiting, ready)
        if waiting:
            raise MissingObjects(waiting)

    def _indexed(self, offset: int, waiting: dict[bytes, list[int]], ready: list[bytes] | None = None) -> int | None:
        """Where the object ends, None when it waits for another one."""
        try:
            (kind, content), end = self._resolve(offset)
        except MissingObjects as missing:
            waiting.setdefault(missing.ids[0], []).append(offset)
            return None
        one = object_id(kind, content)
        self.offsets[one] = offset
        if ready is not None and one in waiting:
            ready.append(one)
        return end

    def _resolve(self, offset: int) -> tuple[Found, int]:
        entry = first = self._entry(offset)
        deltas: list[bytes] = []
        at: int | None = offset
        found: Found | None = None
        held = 0
        while found is None:
            if entry.kind not in (OFS_DELTA, REF_DELTA):
                found = (entry.kind, entry.content)
                break
            deltas.append(entry.content)
            held += len(entry.content)
            if len(deltas) > MAX_CHAIN or held > MAX_HELD:
                raise BrokenReply("a chain of deltas in the pack is too long")
            at = entry.base if isinstance(entry.base, int) else self.offsets.get(entry.base)
            if at is None and isinstance(entry.base, bytes):
                found = self._outside(entry.base)
                if found is None:
                    raise MissingObjects([entry.base])
            elif at is not None:
                found = self._from_cache(at)
                entry = entry if found else self._entry(at)
        kind, content = found
        for delta in reversed(deltas):
            content = _applied(content, delta)
            self._count(len(content))
        self._keep(offset, (kind, content))
        return (kind, content), first.end

    def _entry(self, offset: int) -> _Entry:
        view, limit = self._view, len(self._view) - TRAILER
        try:
            start = offset
            byte = view[offset]
            kind, size, shift = (byte >> 4) & 7, byte & 15, 4
            while byte & 128:
                offset += 1
                byte = view[offset]
                size |= (byte & 127) << shift
                shift += 7
            offset += 1
            base: int | bytes = 0
            if kind == OFS_DELTA:
                distance, offset = _distance(view, offset)
                base = start - distance
            elif kind == REF_DELTA:
                base, offset = bytes(view[offset : offset + 20]).hex().encode(), offset + 20
            elif kind not in KIND_NAMES:
                raise BrokenReply(f"the pack holds an object of unknown kind {kind}")
        except IndexError:
            raise BrokenReply("the pack is cut off") from None
        if size > MAX_OBJECT:
            raise BrokenReply(f"an object of {size} bytes is larger than allowed ({MAX_OBJECT})")
        if isinstance(base, int) and kind == OFS_DELTA and not 12 <= base < start:
            raise BrokenReply("a delta in the pack points outside of it")
        self._count(size)
        content, end = _inflate(view[:limit], offset, size)
        return _Entry(kind=kind, content=content, end=end, base=base)

    def _count(self, size: int) -> None:
        self._inflated += size
        if self._inflated > MAX_INFLATED:
            raise BrokenReply(f"the pack inflates to more than {MAX_INFLATED} bytes")

    def _from_cache(self, offset: int) -> Found | None:
        found = self._cache.get(offset)
        if found is not None:
            self._cache.move_to_end(offset)
        return found

    def _keep(self, offset: int, found: Found) -> None:
        if offset in self._cache or len(found[1]) > BASE_CACHE // 4:
            return
        self._cache[offset] = found
        self._cached += len(found[1])
        while self._cached > BASE_CACHE:
            _, (_, dropped) = self._cache.popitem(last=False)
            self._cached -= len(dropped)


def _distance(view: memoryview, offset: int) -> tuple[int, int]:
    byte = view[offset]
    distance = byte & 127
    while byte & 128:
        offset += 1
        byte = view[offset]
        distance = ((distance + 1) << 7) | (byte & 127)
    return distance, offset + 1


def _inflate(view: memoryview, offset: int, size: int) -> tuple[bytes, int]:
    # Fed in windows: zlib copies everything behind the stream's end, which for a whole pack would be quadratic.
    window = min(size + size // 512 + 64, 65536)
    stream = zlib.decompressobj()
    parts, left = [], size
    while not stream.eof:
        chunk = view[offset : offset + window]
        if not chunk:
            raise BrokenReply("the pack is cut off")
        try:
            part = stream.decompress(chunk, left + 1)
        except zlib.error:
            raise BrokenReply("the pack is damaged: an object does not inflate") from None
        offset += len(chunk) - len(stream.unconsumed_tail)
        left -= len(part)
        if left < 0:
            raise BrokenReply("the pack is damaged: an object is larger than it says")
        parts.append(part)
    if left:
        raise BrokenReply("the pack is damaged: an object is smaller than it says")
    return b"".join(parts), offset - len(stream.unused_data)


def _applied(base: bytes, delta: bytes) -> bytes:
    if _varint(delta, _varint(delta, 0)[1])[0] > MAX_OBJECT:
        raise BrokenReply(f"a delta makes an object larger than allowed ({MAX_OBJECT})")
    try:
        return b"".join(apply_delta(base, delta))
    except (ApplyDeltaError, ValueError, IndexError):
        raise BrokenReply("the pack is damaged: a delta does not fit its base") from None


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if offset >= len(data):
            raise BrokenReply("the pack is damaged: a delta is cut off")
        byte = data[offset]
        value |= (byte & 127) << shift
        shift += 7
        offset += 1
        if not byte & 128:
            return value, offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """An object to send: whole, or as a delta against ``base``, an id that the receiver has."""

    kind: int
    content: bytes
    base: bytes | None = None


def write_pack(objects: Iterable[Packed]) -> bytes:
    """A pack, version 2, with these objects; thin when one of them has a base."""
    entries = list(objects)
    data = bytearray(b"PACK" + (2).to_bytes(4, "big") + len(entries).to_bytes(4, "big"))
    for one in entries:
        data += _header(REF_DELTA if one.base else one.kind, len(one.content))
        data += bytes.fromhex(one.base.decode()) if one.base else b""
        data += zlib.compress(one.content)
    return bytes(data) + hashlib.sha1(data, usedforsecurity=False).digest()


def _header(kind: int, size: int) -> bytes:
    out, byte = bytearray(), (kind << 4) | (size & 15)
    size >>= 4
    while size:
        out.append(byte | 128)
        byte, size = size & 127, size >> 7
    out.append(byte)
    return bytes(out)
