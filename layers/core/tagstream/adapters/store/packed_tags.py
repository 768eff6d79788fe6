"""How a tag list is kept in bytes: a line for each tag, with the time it was first seen, compressed.

A list may have a million tags, so that what is done for each of them is done at once for many.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from tagstream.adapters.store import keys
from tagstream.adapters.store.parts import PART_BYTES
from tagstream.ports.tags import TagRecord

RECORDS_A_BLOCK = 1_000
_ESCAPE = re.compile(r"\\[\\nt]")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\t": "\t"}
# The times of the years 1653 to 5138, so that each is one that datetime has.
_STAMP = re.compile(r"[0-9]{1,11}|-[0-9]{1,10}")
_LINE = re.compile(rf"^([^\t\n]*)\t(?:{_STAMP.pattern})\n", re.MULTILINE)


def packed(tags: Iterable[TagRecord]) -> Iterator[bytes]:
    """The records as compressed bodies, each short enough for an item; one at a time, so that few are in memory."""
    blocks: list[bytes] = []
    size = 0
    records = iter(tags)
    while part := list(itertools.islice(records, RECORDS_A_BLOCK)):
        for block in _blocks(part):
            if size + len(block) > PART_BYTES:
                yield zlib.compress(b"".join(blocks))
                blocks, size = [], 0
            blocks.append(block)
            size += len(block)
    if blocks:
        yield zlib.compress(b"".join(blocks))


def _blocks(records: Sequence[TagRecord]) -> list[bytes]:
    """The lines of some records, in blocks that fit into a chunk: one block, unless the tags are very long.

    A block is made at once, since what is done for each tag is done a million times.
    """
    stamps = {at: f"\t{int(at.timestamp())}\n" for at in {one.first_seen_at for one in records}}
    names = "".join([one.tag for one in records])
    if names.isprintable() and "\\" not in names:
        text = "".join([one.tag + stamps[one.first_seen_at] for one in records])
    else:
        text = "".join([_escaped(one.tag) + stamps[one.first_seen_at] for one in records])
    block = text.encode(errors="surrogatepass")
    if len(block) <= PART_BYTES or len(records) == 1:
        return [block]
    half = len(records) // 2
    return _blocks(records[:half]) + _blocks(records[half:])


def _escaped(tag: str) -> str:
    """A tag that cannot end its line or column, whatever is in it; tags of the OCI grammar stay as they are."""
    if tag.isprintable() and "\\" not in tag:
        return tag
    return tag.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def unpacked_names(part: keys.Item) -> Sequence[str]:
    """The tags of an item; ten times as fast as ``unpacked``.

    Raises:
        KeyError, ValueError, zlib.error: it holds no list of tags.
    """
    text = _text(part)
    tags: list[str] = _LINE.findall(text)
    if not text.endswith("\n") or len(tags) != text.count("\n"):
        raise ValueError("not a list of tags")
    return [_unescaped(tag) for tag in tags] if "\\" in text else tags


def unpacked(parts: Iterable[keys.Item]) -> Iterator[TagRecord]:
    """The records of all items, one at a time.

    Raises:
        KeyError, ValueError, zlib.error: an item holds no list of tags.
    """
    moments: dict[str, datetime] = {}
    for part in parts:
        text = _text(part)
        if not text.endswith("\n"):
            raise ValueError("a list of tags that was cut")
        is_escaped = "\\" in text
        for line in text[:-1].split("\n"):
            tag, _, stamp = line.partition("\t")
            at = moments.get(stamp)
            if at is None:
                at = moments[stamp] = _moment(stamp)
            if is_escaped:
                tag = _unescaped(tag)
            yield TagRecord(tag=tag, first_seen_at=at)


def _moment(stamp: str) -> datetime:
    if not _STAMP.fullmatch(stamp):
        raise ValueError("a tag without the time when it was first seen")
    return keys.moment(int(stamp))


def _text(part: keys.Item) -> str:
    return zlib.decompress(keys.read_bytes(part, "tags")).decode(errors="surrogatepass")


def _unescaped(tag: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES[found[0]], tag)
