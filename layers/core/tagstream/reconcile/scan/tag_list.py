"""A scanned tag list beside the stored one: what is new, what is gone, and since when the rest is known.

Both lists are in descending byte order, and records are made one at a time, so a million tags fit into a small worker.
Policies use the difference, so that they need not look at every tag again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tagstream.domain.objects.model import Revision
from tagstream.domain.select.policy import SharedBest
from tagstream.ports.tags import TagRecord, TagState


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDifference:
    """What changed from the list before, which every policy that is Ready was evaluated on."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedTags:
    """A complete list in descending byte order.

    Attributes:
        tags: the list.
        revision: its checksum.
        difference: None when nothing may be concluded from the list before.
        stored_at: when the scan that found the list has stored it (aware UTC); None for a list that was read.
        shared: what policies that were evaluated on it have found.
    """

    tags: Sequence[str]
    revision: Revision
    difference: TagDifference | None = None
    stored_at: datetime | None = None
    shared: SharedBest = field(default_factory=SharedBest, repr=False, compare=False)

    def is_replaced(self, state: TagState | None) -> bool:
        """Whether another list is stored by now; ``state`` is the summary of the stored list."""
        if self.stored_at is None:
            return False
        return state is None or (state.scanned_at, state.revision) != (self.stored_at, self.revision)


class Sightings:
    """The records of a new list, merged with those of the stored one while they are written.

    Args:
        tags: the new list.
        known: the stored one.
        now: when tags that are new were first seen.
    """

    def __init__(self, tags: Sequence[str], known: Iterable[TagRecord], now: datetime) -> None:
        self._tags = tags
        self._known = known
        self._now = now
        self._added: list[str] = []
        self._removed: list[str] = []

    def records(self) -> Iterator[TagRecord]:
        """A record for each tag; one that was known keeps the time it was first seen."""
        self._added, self._removed = [], []
        known = iter(self._known)
        older = next(known, None)
        for tag in self._tags:
            while older is not None and older.tag > tag:
                self._removed.append(older.tag)
                older = next(known, None)
            if older is not None and older.tag == tag:
                yield older
                older = next(known, None)
            else:
                self._added.append(tag)
                yield TagRecord(tag=tag, first_seen_at=self._now)
        while older is not None:
            self._removed.append(older.tag)
            older = next(known, None)

    def difference(self) -> TagDifference:
        """What differed; complete when ``records`` has been read to its end."""
        return TagDifference(added=tuple(self._added), removed=tuple(self._removed))
