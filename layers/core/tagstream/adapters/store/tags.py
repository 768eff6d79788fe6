"""Tag lists in the table: compressed, chunked, replaced whole.

A short list is kept in the item of its state, so that most repositories cost one read and one write. A list that
cannot be read any more is given up, and the next scan stores it anew.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import ABSENT, Condition, unchanged
from tagstream.adapters.store.packed_tags import packed, unpacked, unpacked_names
from tagstream.adapters.store.parts import (
    NO_PARTS,
    PART_BYTES,
    READ_TRIES,
    Parts,
    Reference,
    cut,
    reference_in,
    snapshot_name,
)
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tag_state import UNREADABLE, state_document, tag_state, tag_state_key
from tagstream.domain.objects.model import CanonicalImage, Digest, NamespacedName
from tagstream.domain.scan.circle import EvaluationMark
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.tags import ImageFact, TagRecord, TagState

# A read unit is 4 KB: a list this short makes reading its state no dearer.
INLINE_BYTES = 2_800
# A sighting that is asked for lives on; one that nobody asks for any more goes by itself.
SIGHTING_TTL = timedelta(days=400)
# Runs that have no time for all policies follow each other within minutes.
MARK_TTL = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoTags:
    """TagStore on one table."""

    table: Table

    def state(self, key: NamespacedName) -> TagState | None:
        """One read."""
        return tag_state(self.table.get(tag_state_key(key)))

    def states(self, keys_: Collection[NamespacedName], *, may_lag: bool = False) -> Mapping[NamespacedName, TagState]:
        """A hundred states a request."""
        found = self.table.get_many([tag_state_key(key) for key in keys_], may_lag=may_lag)
        states = {keys.named(keys.read_text(item, "pk").removeprefix("tags#")): tag_state(item) for item in found}
        return {key: state for key, state in states.items() if state is not None}

    def tags(self, key: NamespacedName, state: TagState | None = None) -> Iterator[TagRecord]:
        """Read a repository's tags now, and return an iterator that unpacks them one by one.

        A short list came with its state, and is not read again.

        If a writer replaces the list while it is read, the new list is read instead.

        Raises:
            RetryableError: StorageOperationFailed. The list changed at every attempt; or it can no longer be read, and
                is deleted so that the next scan stores it again. The second error may be raised by the iterator.
        """
        found = self._parts(key, state)
        return iter(()) if found is None else self._records(key, *found)

    def names(self, key: NamespacedName, state: TagState | None = None) -> Sequence[str]:
        """Read a repository's tags as ``tags`` does, all at once and without their first sightings."""
        found = self._parts(key, state)
        if found is None:
            return ()
        known, parts = found
        try:
            return [tag for part in parts for tag in unpacked_names(part)]
        except UNREADABLE as error:
            raise self._given_up(key, known) from error

    def _parts(self, key: NamespacedName, state: TagState | None) -> tuple[TagState, Sequence[keys.Item]] | None:
        """The state and the items that hold the list, in order; None if nothing is stored."""
        if state is not None and state.packed_tags:
            return state, [{"tags": {"B": state.packed_tags}}]
        before: keys.Item | None = None
        for _ in range(READ_TRIES):
            item = self.table.get(tag_state_key(key))
            state = tag_state(item)
            if item is None or state is None:
                return None
            parts = [item] if "tags" in item else self._chunks(key, state)
            if len(parts) == state.chunk_count or "tags" in item:
                return state, parts
            if item == before:
                # Nobody replaced the list meanwhile: its chunks are gone for good.
                raise self._given_up(key, state)
            before = item
        raise RetryableError(f"tags of ImageRepository/{key} keep changing", reason="StorageOperationFailed")

    def _chunks(self, key: NamespacedName, state: TagState) -> list[keys.Item]:
        return self._stored(key).found(_chunks_of(state))

    def _stored(self, key: NamespacedName) -> Parts:
        return Parts(table=self.table, pk=keys.tags(key), prefix=keys.CHUNKS, attribute="tags")

    def _records(self, key: NamespacedName, state: TagState, parts: Sequence[keys.Item]) -> Iterator[TagRecord]:
        try:
            yield from unpacked(parts)
        except UNREADABLE as error:
            raise self._given_up(key, state) from error

    def _given_up(self, key: NamespacedName, state: TagState) -> RetryableError:
        """Forget a list that cannot be read, unless it was replaced meanwhile."""
        stored = self.table.get(tag_state_key(key))
        if stored is not None and tag_state(stored) == state:
            # Who only looks may have no right to delete it; the next scan has.
            with contextlib.suppress(ImageAutomationError):
                self.table.delete(tag_state_key(key), unchanged(stored))
        message = f"stored tags of ImageRepository/{key} cannot be read, the next scan stores them anew"
        return RetryableError(message, reason="StorageOperationFailed")

    def put(self, key: NamespacedName, state: TagState, tags: Iterable[TagRecord], expected: TagState | None) -> bool:
        """The chunks are the parts of the list, and its state names them; a short list is kept in its state."""
        item, chunks = tag_state_key(key), self._stored(key)
        bodies = packed(tags)
        begin = list(itertools.islice(bodies, 2))
        if len(begin) == 1 and len(begin[0]) <= INLINE_BYTES:
            item["tags"] = {"B": begin.pop()}
        has_chunks = bool(begin)

        def put(named: Reference) -> Reference | None:
            written = replace(state, snapshot=named.snapshot, chunk_count=named.count)
            item["doc"] = keys.document(state_document(written))
            if not self._replaced(item, expected):
                return None
            return _chunks_of(expected) if expected else NO_PARTS

        kept = chunks.replace(itertools.chain(begin, bodies), snapshot_name(state.scanned_at), put)
        if kept and has_chunks:
            chunks.drop_left_behind(state.scanned_at)
        return kept

    def _replaced(self, item: keys.Item, expected: TagState | None) -> bool:
        if expected is not None:
            same = Condition(expression="doc = :doc", values={":doc": keys.document(state_document(expected))})
            if self.table.put(item, same):
                return True
        elif self.table.put(item, ABSENT):
            return True
        stored = self.table.get({"pk": item["pk"], "sk": item["sk"]})
        if stored is None or tag_state(stored) != expected:
            return False
        # What is stored says the same in other words, or nothing to this version: it is replaced, not respected for
        # ever.
        return self.table.put(item, unchanged(stored))

    def first_seen(self, key: NamespacedName, tag: str, digest: Digest, now: datetime) -> datetime:
        """Written once per tag and digest; later sightings read it, and put off its end now and then."""
        where = keys.sighting(key, tag, digest)
        stored = self.table.get(where) or {}
        at = keys.read_number(stored, "at") if "at" in stored else int(now.timestamp())
        end = now + SIGHTING_TTL
        if keys.read_number(stored, "expiresAt") < (end - SIGHTING_TTL / 2).timestamp():
            times = {"at": keys.number(at), "expiresAt": keys.number(int(end.timestamp()))}
            self.table.put(where | times)
        return keys.moment(at)

    def sightings(self, key: NamespacedName, tag: str) -> Mapping[Digest, datetime]:
        """One query."""
        found = self.table.query(keys.sightings(key), f"{tag}@")
        return {
            Digest(keys.read_text(item, "sk").rpartition("@")[2]): keys.moment(keys.read_number(item, "at"))
            for item in found
        }

    def image_fact(self, key: NamespacedName, digest: Digest, kind: str) -> ImageFact | None:
        """One read."""
        item = self.table.get(keys.image_fact(key, digest, kind))
        if item is None:
            return None
        return ImageFact(value=keys.read_text(item, "value"), until=keys.moment(keys.read_number(item, "expiresAt")))

    def put_image_fact(self, key: NamespacedName, digest: Digest, kind: str, fact: ImageFact) -> None:
        """One write."""
        found = {"value": keys.text(fact.value), "expiresAt": keys.number(int(fact.until.timestamp()))}
        self.table.put(keys.image_fact(key, digest, kind) | found)

    def creation_times(self, key: NamespacedName, image: CanonicalImage | None) -> Mapping[str, datetime | None]:
        """One read, and one more for those of very many tags."""
        item, body = self._created(key).whole(self.table.get(keys.creation_times(key)) or {}, reference_in)
        # Versions before this one did not keep the image.
        if image is not None and keys.read_text(item, "image") not in ("", image):
            return {}
        found = keys.unpacked_document(body) if body else keys.read_document(item)
        numbers = {tag: at for tag, at in found.items() if at is None or isinstance(at, int)}
        return {tag: None if at is None else keys.moment(at) for tag, at in numbers.items()}

    def put_creation_times(
        self, key: NamespacedName, image: CanonicalImage, times: Mapping[str, datetime | None], now: datetime
    ) -> None:
        """One write. It may come after the repository was deleted, so it expires by itself.

        It may also come from an evaluation that began before ``spec.image`` was changed. Therefore the image is kept:
        the next evaluation of the other image ignores these times, and replaces them.
        """
        found = {tag: None if at is None else int(at.timestamp()) for tag, at in times.items()}
        packed = keys.packed_document(found)
        until: keys.Item = {"expiresAt": keys.number(int((now + SIGHTING_TTL).timestamp()))}
        where = keys.creation_times(key)
        whole = where | until | {"image": keys.text(image)}
        body = packed.get("B", b"")
        if len(body) <= PART_BYTES:
            self.table.put(whole | {"doc": packed})
            return
        parts = self._created(key)
        before = self.table.get(where) or {}

        def put(named: Reference) -> Reference:
            # A version that knows no parts finds no times, and looks them up again.
            self.table.put(whole | {"doc": keys.document({}), keys.PARTS: keys.text(str(named))})
            return reference_in(before) or NO_PARTS

        parts.replace(cut(bytes(body)), snapshot_name(now), put, until)
        parts.drop_left_behind(now)

    def _created(self, key: NamespacedName) -> Parts:
        return Parts(table=self.table, pk=keys.sightings(key), prefix=keys.CREATED_PARTS)

    def evaluation_mark(self, key: NamespacedName) -> EvaluationMark | None:
        """One read."""
        item = self.table.get(keys.evaluation_mark(key))
        if item is None:
            return None
        begun_behind, done_to = (keys.named(keys.read_text(item, name)) for name in ("begunBehind", "doneTo"))
        return EvaluationMark(
            of=keys.read_text(item, "of"),
            begun_behind=begun_behind,
            done_to=done_to,
            has_failed=keys.read_number(item, "failed") == 1,
        )

    def put_evaluation_mark(self, key: NamespacedName, mark: EvaluationMark, now: datetime) -> None:
        """One write. It may come after the repository was deleted, so it expires by itself."""
        found = {
            "of": keys.text(mark.of),
            "begunBehind": keys.text(str(mark.begun_behind)),
            "doneTo": keys.text(str(mark.done_to)),
            "failed": keys.number(mark.has_failed),
            "expiresAt": keys.number(int((now + MARK_TTL).timestamp())),
        }
        self.table.put(keys.evaluation_mark(key) | found)

    def cool_down(self, host: str, *, may_lag: bool = False) -> datetime | None:
        """One read."""
        found = self.table.get_many([keys.key(f"cooldown#{host}")], may_lag=may_lag)
        return keys.moment(keys.read_number(found[0], "until")) if found else None

    def put_cool_down(self, host: str, until: datetime) -> None:
        """Kept only if it ends later than what is stored; expires by itself."""
        end = keys.number(keys.epoch(until))
        later = Condition(
            expression="attribute_not_exists(pk) OR #until < :until", names={"#until": "until"}, values={":until": end}
        )
        item = keys.key(f"cooldown#{host}") | {"until": end, "expiresAt": keys.number(int(until.timestamp()) + 3600)}
        self.table.put(item, later)


def _chunks_of(state: TagState) -> Reference:
    return Reference(state.snapshot, state.chunk_count)
