"""A scanned tag list beside the stored one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagstream.ports.tags import TagRecord
from tagstream.reconcile.scan.tag_list import Sightings, TagDifference

BEFORE, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
TAGS = st.frozensets(st.text("ab1.", min_size=1, max_size=3), max_size=12)


def descending(tags: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(tags, reverse=True))


def merged(tags: frozenset[str], known: frozenset[str]) -> tuple[dict[str, datetime], TagDifference]:
    stored = [TagRecord(tag=tag, first_seen_at=BEFORE) for tag in descending(known)]
    sightings = Sightings(descending(tags), stored, NOW)
    return {one.tag: one.first_seen_at for one in sightings.records()}, sightings.difference()


@pytest.mark.parametrize(
    ("tags", "known", "added", "removed"),
    [
        ("", "", "", ""),
        ("b a", "", "b a", ""),
        ("", "b a", "", "b a"),
        ("c b a", "b", "c a", ""),
        ("b", "c b a", "", "c a"),
        ("d b", "c a", "d b", "c a"),
    ],
)
def test_what_is_new_and_what_is_gone_is_found_on_the_way(tags: str, known: str, added: str, removed: str) -> None:
    _, difference = merged(frozenset(tags.split()), frozenset(known.split()))
    assert difference.added == tuple(added.split())
    assert difference.removed == tuple(removed.split())


@settings(deadline=None)
@given(TAGS, TAGS)
def test_every_tag_is_kept_once_with_the_time_it_was_first_seen(tags: frozenset[str], known: frozenset[str]) -> None:
    records, difference = merged(tags, known)
    assert records == {tag: BEFORE if tag in known else NOW for tag in tags}
    assert set(difference.added) == tags - known
    assert set(difference.removed) == known - tags
