"""The item that sums up a repository's tag list: its key and its form."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from tagstream.adapters.store import keys
from tagstream.domain.objects.model import NamespacedName, Revision
from tagstream.ports.tags import TagState

UNREADABLE = (KeyError, TypeError, ValueError, zlib.error)


def tag_state_key(key: NamespacedName) -> keys.Item:
    """The key of the summary of a repository's stored tag list."""
    return keys.key(keys.tags(key), "state")


def state_document(state: TagState) -> dict[str, object]:
    """The summary as a JSON object."""
    return {
        "revision": state.revision,
        "tagCount": state.tag_count,
        "latestTags": list(state.latest_tags),
        "scannedAt": keys.iso(state.scanned_at),
        "canonicalImage": state.canonical_image,
        "exclusionList": list(state.exclusion_list),
        "snapshot": state.snapshot,
        "chunkCount": state.chunk_count,
    } | ({"firstScannedAt": keys.iso(state.first_scanned_at)} if state.first_scanned_at else {})


def tag_state(item: keys.Item | None) -> TagState | None:
    """The summary in an item; None also for what cannot be read."""
    if item is None:
        return None
    try:
        state = _state_of(keys.read_document(item))
        return replace(state, packed_tags=keys.read_bytes(item, "tags")) if "tags" in item else state
    except UNREADABLE:
        return None


def _state_of(stored: Mapping[str, object]) -> TagState:
    return TagState(
        revision=Revision(str(stored["revision"])),
        tag_count=cast("int", stored["tagCount"]),
        latest_tags=tuple(cast("list[str]", stored["latestTags"])),
        scanned_at=keys.from_iso(str(stored["scannedAt"])),
        canonical_image=str(stored["canonicalImage"]),
        exclusion_list=tuple(cast("list[str]", stored["exclusionList"])),
        snapshot=str(stored["snapshot"]),
        chunk_count=cast("int", stored["chunkCount"]),
        first_scanned_at=keys.from_iso(str(stored["firstScannedAt"])) if stored.get("firstScannedAt") else None,
    )
