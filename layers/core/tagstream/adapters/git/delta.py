"""Deltas for pushing: what is copied from an object the server has, and what is new.

In: an object and what it was before. Out: a delta in the pack format.

Updates change a few values of a file and a few ids of a tree, so that both sides are compared piece by piece in step;
git looks for moved pieces too, which takes longer and finds nothing here.

Source: gitformat-pack(5) "Deltified representation".
"""

from __future__ import annotations

from collections.abc import Iterator

BLOCK = 64
MAX_COPY, MAX_INSERT = 0xFFFF, 127


def make_delta(base: bytes, target: bytes) -> bytes:
    """Instructions that make ``target`` out of ``base``."""
    out = bytearray(_varint(len(base)) + _varint(len(target)))
    copied_from, copied, inserted = 0, 0, bytearray()
    for offset, piece, is_same in _pieces(base, target):
        if is_same and copied and not inserted and copied_from + copied == offset:
            copied += len(piece)
        elif is_same:
            _flush(out, copied_from, copied, inserted)
            copied_from, copied, inserted = offset, len(piece), bytearray()
        else:
            inserted += piece
    _flush(out, copied_from, copied, inserted)
    return bytes(out)


def _pieces(base: bytes, target: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Pieces of the target in order: where the base has the same one, and whether it has."""
    if len(base) == len(target):
        for start in range(0, len(target), BLOCK):
            before, after = base[start : start + BLOCK], target[start : start + BLOCK]
            if before == after:
                yield start, after, True
            else:
                yield from _ends(before, after, start)
        return
    before_lines, after_lines = base.splitlines(keepends=True), target.splitlines(keepends=True)
    if len(before_lines) != len(after_lines):
        yield from _ends(base, target, 0)
        return
    offset = 0
    for before, after in zip(before_lines, after_lines, strict=True):
        if before == after or len(after) <= BLOCK:
            yield offset, after, before == after
        else:
            yield from _ends(before, after, offset)
        offset += len(before)


def _ends(base: bytes, target: bytes, offset: int) -> Iterator[tuple[int, bytes, bool]]:
    """What both begin and end with, and what is between; ``offset`` is where the base begins."""
    shorter = min(len(base), len(target))
    head = _shared_length(base[:shorter], target[:shorter])
    tail = _shared_length(base[head:][::-1], target[head:][::-1])
    yield offset, target[:head], True
    yield offset, target[head : len(target) - tail], False
    yield offset + len(base) - tail, target[len(target) - tail :], True


def _shared_length(one: bytes, other: bytes) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _flush(out: bytearray, offset: int, size: int, inserted: bytearray) -> None:
    """The copy first, then what stands behind it."""
    while size > 0:
        part = min(size, MAX_COPY)
        out += _copy(offset, part)
        offset, size = offset + part, size - part
    for start in range(0, len(inserted), MAX_INSERT):
        piece = inserted[start : start + MAX_INSERT]
        out.append(len(piece))
        out += piece


def _copy(offset: int, size: int) -> bytes:
    code, arguments = 0x80, bytearray()
    for shift, value in ((0, offset), (4, size)):
        for index in range(4 if shift == 0 else 2):
            byte = value >> (8 * index) & 0xFF
            if byte:
                code |= 1 << (shift + index)
                arguments.append(byte)
    return bytes([code]) + bytes(arguments)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
