"""Tag lists in the table: compressed, chunked, replaced whole.

In: complete scans. Out: states, tags with their first sighting, last scan times, cool-downs.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import ABSENT, Condition, Table
from tagstream.domain.objects.model import Digest, NamespacedName, Revision
from tagstream.errors import RetryableError
from tagstream.ports.tags import TagRecord, TagState

# An item may hold 400 KB. zlib never grows its input by more than a per mille, so this is safe before compression.
CHUNK_BYTES = 380_000
READ_TRIES = 4
UPDATE_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoTags:
    """TagStore on one table."""

    table: Table

    def state(self, key: NamespacedName) -> TagState | None:
        """One read."""
        item = self.table.get(keys.key(keys.tags(key), "state"))
        return _state(item) if item else None

    def states(self, keys_: Collection[NamespacedName]) -> Mapping[NamespacedName, TagState]:
        """A hundred states a request."""
        wanted = [keys.key(keys.tags(key), "state") for key in keys_]
        return {
            keys.named(keys.read_text(item, "pk").removeprefix("tags#")): _state(item)
            for item in self.table.get_many(wanted)
        }

    def tags(self, key: NamespacedName) -> Iterator[TagRecord]:
        """The chunks of the state's snapshot, read now and unpacked one by one; read again when a writer replaced them.

        Raises:
            RetryableError: StorageOperationFailed, the list kept changing.
        """
        for _ in range(READ_TRIES):
            state = self.state(key)
            if state is None:
                return iter(())
            parts = list(self.table.query(keys.tags(key), f"chunk#{state.snapshot}#"))
            if len(parts) == state.chunk_count:
                return _unpacked(parts)
        raise RetryableError(f"tags of ImageRepository/{key} keep changing", reason="StorageOperationFailed")

    def put(self, key: NamespacedName, state: TagState, tags: Iterable[TagRecord], expected: TagState | None) -> bool:
        """Chunks first, then the state that names them, then the old chunks go."""
        before = expected
        snapshot = f"{int(state.scanned_at.timestamp()):010x}{secrets.token_hex(4)}"
        count = 0
        for count, packed in enumerate(_packed(tags), start=1):
            self.table.put(keys.key(keys.tags(key), keys.chunk(snapshot, count)) | {"tags": {"B": packed}})
        stored = replace(state, snapshot=snapshot, chunk_count=count)
        same = _same_snapshot(before)
        kept = self.table.put(keys.key(keys.tags(key), "state") | {"doc": keys.document(_state_document(stored))}, same)
        # A loser of the race removes its own chunks: what it compared with is not what is stored any more.
        stale = before.snapshot if kept and before else None if kept else snapshot
        if stale:
            self.table.delete_many(list(self.table.query(keys.tags(key), f"chunk#{stale}#")))
        return kept

    def last_scans(self) -> Mapping[NamespacedName, datetime]:
        """One query over the shard items."""
        times: dict[NamespacedName, datetime] = {}
        for item in self.table.query("scans"):
            for name in item:
                if "/" in name:
                    times[keys.named(name)] = keys.moment(keys.read_number(item, name))
        return times

    def put_last_scans(self, times: Mapping[NamespacedName, datetime]) -> None:
        """One update per shard touched, a hundred names each."""
        shards: dict[int, list[tuple[str, float]]] = {}
        for key, time in times.items():
            shards.setdefault(self.shard(key), []).append((str(key), keys.epoch(time)))
        for shard, entries in shards.items():
            for start in range(0, len(entries), UPDATE_BATCH):
                self._put_shard(shard, entries[start : start + UPDATE_BATCH])

    def _put_shard(self, shard: int, entries: list[tuple[str, float]]) -> None:
        names = {f"#n{index}": name for index, (name, _) in enumerate(entries)}
        values = {f":v{index}": keys.number(time) for index, (_, time) in enumerate(entries)}
        assignments = ", ".join(f"#n{index} = :v{index}" for index in range(len(entries)))
        self.table.update(
            keys.key("scans", f"shard#{shard:02d}"),
            f"SET {assignments}",
            Condition(expression="", names=names, values=values),
        )

    def shard(self, key: NamespacedName) -> int:
        """By hash, so that a batch of one shard writes one item."""
        return keys.scan_shard(key)

    def first_seen(self, key: NamespacedName, tag: str, digest: Digest, now: datetime) -> datetime:
        """Written once per tag and digest; later sightings read it."""
        where = keys.key(f"seen#{key}", f"{tag}@{digest}")
        if self.table.put(where | {"at": keys.number(int(now.timestamp()))}, ABSENT):
            return now.replace(microsecond=0)
        return keys.moment(keys.read_number(self.table.get(where) or {}, "at"))

    def cool_down(self, host: str) -> datetime | None:
        """One read."""
        item = self.table.get(keys.key(f"cooldown#{host}"))
        return keys.moment(keys.read_number(item, "until")) if item else None

    def put_cool_down(self, host: str, until: datetime) -> None:
        """Kept only if it ends later than what is stored; expires by itself."""
        end = keys.number(keys.epoch(until))
        later = Condition(
            expression="attribute_not_exists(pk) OR #until < :until", names={"#until": "until"}, values={":until": end}
        )
        item = keys.key(f"cooldown#{host}") | {"until": end, "expiresAt": keys.number(int(until.timestamp()) + 3600)}
        self.table.put(item, later)


def _same_snapshot(before: TagState | None) -> Condition:
    if before is None:
        return ABSENT
    return Condition(expression="doc = :doc", names={}, values={":doc": keys.document(_state_document(before))})


def _state_document(state: TagState) -> dict[str, object]:
    return {
        "revision": state.revision,
        "tagCount": state.tag_count,
        "latestTags": list(state.latest_tags),
        "scannedAt": keys.iso(state.scanned_at),
        "canonicalImage": state.canonical_image,
        "exclusionList": list(state.exclusion_list),
        "snapshot": state.snapshot,
        "chunkCount": state.chunk_count,
    }


def _state(item: keys.Item) -> TagState:
    stored = keys.read_document(item)
    return TagState(
        revision=Revision(str(stored["revision"])),
        tag_count=cast("int", stored["tagCount"]),
        latest_tags=tuple(cast("list[str]", stored["latestTags"])),
        scanned_at=keys.from_iso(str(stored["scannedAt"])),
        canonical_image=str(stored["canonicalImage"]),
        exclusion_list=tuple(cast("list[str]", stored["exclusionList"])),
        snapshot=str(stored["snapshot"]),
        chunk_count=cast("int", stored["chunkCount"]),
    )


def _packed(tags: Iterable[TagRecord]) -> Iterator[bytes]:
    lines: list[bytes] = []
    size = 0
    for record in tags:
        line = f"{record.tag}\t{int(record.first_seen_at.timestamp())}\n".encode()
        if size + len(line) > CHUNK_BYTES:
            yield zlib.compress(b"".join(lines))
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield zlib.compress(b"".join(lines))


def _unpacked(parts: Iterable[keys.Item]) -> Iterator[TagRecord]:
    moments: dict[str, datetime] = {}
    for part in parts:
        for line in zlib.decompress(keys.read_bytes(part, "tags")).decode().splitlines():
            tag, _, at = line.partition("\t")
            if at not in moments:
                moments[at] = keys.moment(int(at))
            yield TagRecord(tag=tag, first_seen_at=moments[at])
