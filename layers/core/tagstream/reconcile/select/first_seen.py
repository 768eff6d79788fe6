"""When a scan first listed each tag of a repository, read only when a gate asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.tags import TagStore


@dataclass(slots=True)
class FirstSeen:
    """The first sightings of a repository's tags; the stored list is read once."""

    repository: NamespacedName
    tags: TagStore
    _known: Mapping[str, datetime] | None = field(default=None, kw_only=True)
    _began_at: datetime | None = field(default=None, kw_only=True)

    def __call__(self, tag: str) -> datetime | None:
        """When a scan first listed a tag (aware UTC); None for a tag that is not stored."""
        return self.records().get(tag)

    def was_there_from_the_start(self, tag: str) -> bool:
        """Whether the repository's first scan listed a tag: nobody can say how old such a tag is."""
        seen_at = self(tag)
        return seen_at is not None and seen_at <= self.first_scan()

    def records(self) -> Mapping[str, datetime]:
        """When a scan first listed each tag that is stored."""
        if self._known is None:
            self._known = {one.tag: one.first_seen_at for one in self.tags.tags(self.repository)}
        return self._known

    def first_scan(self) -> datetime:
        """When the repository was scanned first; at least one tag must be stored."""
        if self._began_at is None:
            state = self.tags.state(self.repository)
            # A version before this one did not keep the time. The oldest tag that is left tells it best.
            kept = state.first_scanned_at if state else None
            self._began_at = kept or min(self.records().values())
        return self._began_at
