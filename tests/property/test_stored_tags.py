"""Stored tag lists that are damaged: whoever reads the names and whoever reads the records find the same."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.domain.objects.model import NamespacedName, Revision
from tagstream.errors import RetryableError
from tagstream.ports.tags import TagState

APP = NamespacedName("flux-system", "app")
NOW = datetime(2026, 11, 27, tzinfo=UTC)


class EmptyTable:
    """Holds nothing: the lists came with their state."""

    def get(self, key: dict[str, Any]) -> None:
        return None


def found(read: Callable[[], list[str]]) -> list[str] | None:
    """None for a list that is given up."""
    try:
        return read()
    except RetryableError:
        return None


def both(text: str) -> tuple[list[str] | None, list[str] | None]:
    tags = DynamoTags(table=cast("Table", EmptyTable()))
    state = TagState(
        revision=Revision("sha256:1"),
        tag_count=1,
        latest_tags=(),
        scanned_at=NOW,
        canonical_image="app",
        exclusion_list=(),
        packed_tags=zlib.compress(text.encode(errors="surrogatepass")),
    )
    records = found(lambda: [record.tag for record in tags.tags(APP, state)])
    return found(lambda: list(tags.names(APP, state))), records


lines = st.tuples(st.text("ab\\nt\t\n\r\u2028", max_size=3), st.text("\t\n -+05\u0665", max_size=4)).map("\t".join)
damaged = st.lists(lines, max_size=4).map("\n".join).flatmap(lambda text: st.sampled_from([text, text + "\n"]))


@given(damaged)
@example("")
@example("a\tb\t5\n")
@example("a\t5")
@example("a\t5\n\n")
@example("a\t+5\n")
@example("a\t 5\n")
@example("a\t\u0665\n")
@example("a\t99999999999999999999\n")
@example("a\t999999999999\n")
@example("a\t-99999999999\n")
def test_names_and_records_are_given_up_together(text: str) -> None:
    names, records = both(text)
    assert names == records


@given(st.sampled_from(["a\t5\n", "\t5\n", "a\\q\t5\n", "a\\\\\\t\t-9999999999\nb\t99999999999\n", "a\r\t5\n"]))
def test_a_whole_list_is_read(text: str) -> None:
    names, records = both(text)
    assert names is not None
    assert names == records
