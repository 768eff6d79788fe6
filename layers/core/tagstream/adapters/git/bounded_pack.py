"""Packs in memory whose sizes are checked before anything is inflated, because a pack may be an attack."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from dulwich.errors import ChecksumMismatch
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.pack import (
    DELTA_TYPES,
    PackData,
    PackIndexEntry,
    PackIndexer,
    UnpackedObject,
    chunks_length,
    take_msb_bytes_at,
    unpack_object_at,
)

from tagstream.adapters.git.replies import BrokenReply

MAX_OBJECTS = 1_000_000
MAX_OBJECT = 64 * 2**20
MAX_INFLATED = 2**30
# Any pack may inflate to this much, and by this factor: text compresses to a fifth, zeros to a thousandth.
FREE_INFLATED, MAX_RATIO = 2**27, 10
# Instructions of all deltas; and contents that wait for the deltas made from them.
MAX_DELTAS, MAX_HELD = 2 * MAX_OBJECT, 3 * MAX_OBJECT // 2
BASE_CACHE = 16 * 2**20
MIN_ENTRY = 8
# Packed bytes that are inflated at a time: zeros become a thousand times as many, and zlib holds them twice.
WINDOW = 4096
TRAILER = 20


class BoundedPack(PackData):
    """A pack whose announced sizes are checked before anything is inflated, results of deltas included.

    dulwich 1.2.21 believes what a pack says of itself: 4 MB took 3 GB.

    Raises:
        BrokenReply: more objects or larger ones than allowed.
        AssertionError, ChecksumMismatch: cut off or damaged.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < 12 + TRAILER or data[:4] != b"PACK":
            raise BrokenReply("the pack is cut off")
        count = int.from_bytes(data[8:12], "big")
        if count > MAX_OBJECTS:
            raise BrokenReply(f"the pack announces more than {MAX_OBJECTS} objects")
        if count > len(data) // MIN_ENTRY:
            raise BrokenReply(f"the pack announces {count} objects in {len(data)} bytes")
        super().__init__("", DEFAULT_OBJECT_FORMAT, BytesIO(data), delta_base_cache_limit=BASE_CACHE)
        try:
            self.check()
        except ChecksumMismatch:
            self.close()
            raise

    def iter_unpacked(self, *, include_comp: bool = False) -> Iterator[UnpackedObject]:
        """The entries in order, each inflated only after its size was allowed."""
        contents, offset = self._buffer(), self._header_size
        inflated = deltas = 0
        allowed = min(MAX_INFLATED, FREE_INFLATED + MAX_RATIO * len(contents))
        for _ in range(len(self)):
            head, _, _ = take_msb_bytes_at(contents, offset)
            size, is_delta = head[0] & 15 | _number(head[1:]) << 4, head[0] >> 4 & 7 in DELTA_TYPES
            inflated += _allowed(size)
            deltas += size if is_delta else 0
            if deltas > MAX_DELTAS:
                raise BrokenReply("a chain of deltas in the pack is too long")
            if inflated > allowed:
                raise BrokenReply(f"the pack inflates to more than {allowed} bytes")
            one, end = unpack_object_at(
                contents, offset, self.object_format.hash_func, include_comp=include_comp, zlib_bufsize=WINDOW
            )
            if is_delta:
                inflated += _allowed(_size_of_result(b"".join(one.decomp_chunks)))
            # Whoever resolves deltas inflates each entry when its turn comes: nothing is held until then.
            one.decomp_chunks = []
            yield one
            offset = end
        if offset != len(contents) - TRAILER:
            raise BrokenReply("the pack holds more than it announces")


class BoundedIndexer(PackIndexer):
    """Resolves deltas while the contents that wait for their turn stay within a limit.

    dulwich 1.2.21 holds the base of every delta that waits, however many and large they are.
    """

    def _follow_chain(
        self, offset: int, obj_type_num: int, base_chunks: bytes | list[bytes] | None
    ) -> Iterator[PackIndexEntry]:
        # A frame is a base with the deltas that are still to be applied to it; it goes with the last of them.
        frames = [([offset], obj_type_num, base_chunks, chunks_length(base_chunks or b""))]
        while frames:
            waiting, kind, base, _ = frames[-1]
            unpacked = self._resolve_object(waiting.pop(), kind, base)
            yield self._result(unpacked)
            if not waiting:
                frames.pop()
            found, made = unpacked.offset, unpacked.obj_chunks
            if found is None or made is None or unpacked.obj_type_num is None:
                raise BrokenReply("the pack is damaged: a delta was not resolved")
            unblocked = [*self._pending_ofs.pop(found, ()), *self._pending_ref.pop(unpacked.sha(), ())]
            if unblocked:
                frames.append((unblocked, unpacked.obj_type_num, made, chunks_length(made)))
            if sum(size for *_, size in frames) > MAX_HELD:
                raise BrokenReply("a chain of deltas in the pack is too long")


def _allowed(size: int) -> int:
    if size > MAX_OBJECT:
        raise BrokenReply(f"an object of {size} bytes is larger than allowed ({MAX_OBJECT})")
    return size


def _size_of_result(delta: bytes) -> int:
    """A delta begins with the sizes of its base and of its result."""
    _, offset, _ = take_msb_bytes_at(delta, 0)
    size, _, _ = take_msb_bytes_at(delta, offset)
    return _number(size)


def _number(groups: list[int]) -> int:
    """Seven bits a byte, the lowest first."""
    return sum((byte & 127) << 7 * at for at, byte in enumerate(groups))
