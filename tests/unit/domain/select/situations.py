"""Situations for tests of gates: what is selected now, and what else a gate may be told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tagstream.domain.objects.model import ImageRef, Metadata, NamespacedName
from tagstream.domain.select.choice import Content, Situation, TagCounts

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SAME = TagCounts(before=20, after=20)


def situation(
    current: str | None = None,
    counts: TagCounts = SAME,
    may_go_back: bool = False,
    first_seen: Mapping[str, datetime] | None = None,
    now: datetime = NOW,
    minimum_age: timedelta = timedelta(0),
    contents: Mapping[str, datetime] | None = None,
) -> Situation:
    """A situation in which ``current`` is the selected tag of the image ``i``."""
    return Situation(
        policy=Metadata(key=NamespacedName("ns", "app")),
        current=ImageRef(name="i", tag=current) if current else None,
        counts=counts,
        may_go_back=may_go_back,
        first_seen=(first_seen or {}).get,
        now=now,
        minimum_age=minimum_age,
        content=lambda tag: Content(since=(contents or {}).get(tag)),
    )
