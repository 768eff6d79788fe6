"""Packs that try to exhaust a client, and a process that reads one: what came of it, in how much time and memory."""

from __future__ import annotations

import hashlib
import itertools
import json
import resource
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

MB = 2**20
BLOB, OFS_DELTA, REF_DELTA = 3, 6, 7
READER_LIMIT = 600 * MB


def sealed(*entries: bytes, count: int | None = None) -> bytes:
    """A pack of entries as they are on the wire."""
    announced = len(entries) if count is None else count
    data = b"PACK" + (2).to_bytes(4, "big") + announced.to_bytes(4, "big") + b"".join(entries)
    return data + hashlib.sha1(data).digest()


def header(kind: int, size: int) -> bytes:
    """What an entry begins with."""
    out, byte = bytearray(), kind << 4 | size & 15
    size >>= 4
    while size:
        out.append(byte | 128)
        byte, size = size & 127, size >> 7
    return bytes([*out, byte])


def whole(content: bytes) -> bytes:
    """A blob's entry."""
    return header(BLOB, len(content)) + zlib.compress(content, 1)


def on_offset(distance: int, delta: bytes) -> bytes:
    """A delta against the entry so many bytes before it."""
    groups = [distance & 127]
    while distance := distance >> 7:
        distance -= 1
        groups.insert(0, distance & 127 | 128)
    return header(OFS_DELTA, len(delta)) + bytes(groups) + zlib.compress(delta)


def on_id(base: bytes, delta: bytes) -> bytes:
    """A delta against an object of a 20 byte id."""
    return header(REF_DELTA, len(delta)) + base + zlib.compress(delta)


def number(value: int) -> bytes:
    """As deltas write sizes."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def blob_id(content: bytes) -> bytes:
    """Of 20 bytes."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).digest()


def _huge_object() -> bytes:
    """4 GB of zeros. After a full flush the same bytes are compressed to the same ones, so 16 MB are enough."""
    raw, size = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS), 2**32
    part = raw.compress(bytes(2**24)) + raw.flush(zlib.Z_FULL_FLUSH)
    # The checksum of zeros is their number and a one.
    body = b"\x78\xda" + part * (size // 2**24) + b"\x03\x00" + (size % 65_521 << 16 | 1).to_bytes(4, "big")
    return sealed(header(BLOB, size) + body)


def _larger_than_it_says() -> bytes:
    return sealed(header(BLOB, 5) + zlib.compress(bytes(50 * MB), 9))


def _many_large_objects() -> bytes:
    body = header(BLOB, 60 * MB) + zlib.compress(bytes(60 * MB), 9)
    return sealed(*[body] * 200)


def _delta_that_announces_a_terabyte() -> bytes:
    base = whole(bytes(65_536))
    delta = number(65_536) + number(2**40) + b"\xb0\x00\xff" * 1000
    return sealed(base, on_offset(len(base), delta))


def _delta_that_makes_60_gigabytes() -> bytes:
    base, copies = whole(bytes(65_536)), 900_000
    delta = number(65_536) + number(copies * 65_535) + b"\xb0\xff\xff" * copies
    return sealed(base, on_offset(len(base), delta))


def _copy_all_but_one(size: int, last: int) -> bytes:
    """A delta that makes a blob of the same size whose last byte is another."""
    copies, at = [], 0
    while at < size - 1:
        part = min(0xFFFFFF, size - 1 - at)
        copies.append(b"\xff" + at.to_bytes(4, "little") + part.to_bytes(3, "little"))
        at += part
    return number(size) + number(size) + b"".join(copies) + b"\x01" + bytes([last])


def branching_chain(size: int, depth: int) -> bytes:
    """Two deltas on each entry, of which the second carries the chain on."""
    entries = [whole(bytes(size))]
    length, base = 12 + len(entries[0]), 12
    for level in range(depth):
        for branch in (1, 2):
            entries.append(on_offset(length - base, _copy_all_but_one(size, 2 * level + branch)))
            start, length = length, length + len(entries[-1])
        base = start
    return sealed(*entries)


def _forest_on_ids(size: int, width: int) -> bytes:
    """Every level's bases wait for their deltas while the next level is made."""
    base = bytes(size)
    name = blob_id(base)
    return sealed(whole(base), *(on_id(name, _copy_all_but_one(size, last)) for last in range(1, width)))


def _unknown_bases_in_a_circle() -> bytes:
    first, second = b"\xaa" * 20, b"\xbb" * 20
    return sealed(on_id(first, b"\1\1\1a"), on_id(second, b"\1\1\1a"))


ATTACKS: dict[str, Callable[[], bytes]] = {
    "an object of 4 GB": _huge_object,
    "an object larger than it says": _larger_than_it_says,
    "200 objects of 60 MB": _many_large_objects,
    "a delta that announces 1 TB": _delta_that_announces_a_terabyte,
    "a delta that makes 60 GB": _delta_that_makes_60_gigabytes,
    "deltas of 60 MB that branch": lambda: branching_chain(60 * MB, 14),
    "deltas of 4 MB that branch": lambda: branching_chain(4 * MB, 100),
    "100 deltas of 30 MB on one id": lambda: _forest_on_ids(30 * MB, 100),
    "4 billion objects announced": lambda: sealed(whole(b"a"), count=2**32 - 1),
    "bases in a circle": _unknown_bases_in_a_circle,
    "a base before the pack": lambda: sealed(on_offset(500, b"\1\1\1a")),
    "a delta on itself": lambda: sealed(on_offset(0, b"\1\1\1a")),
    "more entries than announced": lambda: sealed(whole(b"a"), whole(b"b"), count=1),
}


def long_chain(length: int) -> bytes:
    """Small deltas, each on the id of the next one in the pack."""
    contents = [b"%08d" % one for one in range(length)]
    deltas = [on_id(blob_id(before), b"\x08\x08\x08" + after) for before, after in itertools.pairwise(contents)]
    return sealed(*reversed(deltas), whole(contents[0]))


HONEST: dict[str, Callable[[], bytes]] = {
    "50,000 small blobs": lambda: sealed(*(whole(b"%09d" % one) for one in range(50_000))),
    "20,000 deltas in a chain, backwards": lambda: long_chain(20_000),
    "an object of 60 MB": lambda: sealed(whole(bytes(60 * MB))),
}


def read(path: str) -> tuple[str, float, int]:
    """Read a pack as the client does: the outcome, CPU seconds, and MB of memory on top of what it began with."""
    from tagstream.adapters.git.objects import ObjectStore
    from tagstream.adapters.git.replies import BrokenReply, MissingObjects

    data, store = Path(path).read_bytes(), ObjectStore()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resource.setrlimit(resource.RLIMIT_AS, (READER_LIMIT, READER_LIMIT))
    begin = time.process_time()
    try:
        store.add_pack(data)
        outcome = "read"
    except (BrokenReply, MissingObjects) as error:
        outcome = f"refused: {error}"
    took_s = time.process_time() - begin
    return outcome, took_s, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1])))
