"""Which names a registry lists are tags at all.

Source: OCI distribution specification v1.1, "Pulling manifests" (the grammar of a tag).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
# Tags with a newline behind each. Nothing is tried twice, since a tag has no newline in it.
_LINES = re.compile(rf"(?>{TAG.pattern}\n)*+")
SHOWN = 10
SHOWN_CHARACTERS = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedOut:
    """Names of the OCI grammar, in the registry's order, and all others."""

    tags: tuple[str, ...]
    refused: tuple[str, ...]


def sort_out(names: Iterable[str]) -> SortedOut:
    """Take apart what a registry listed: a name that no client can pull must not be selected, stored or written."""
    listed = tuple(names)
    lines = "\n".join((*listed, ""))
    if lines.count("\n") == len(listed) and _LINES.fullmatch(lines):
        # Nearly every list has tags alone. To match it as one text takes a third of the time.
        return SortedOut(tags=listed, refused=())
    is_tag = TAG.fullmatch
    tags = tuple(name for name in listed if is_tag(name))
    refused = () if len(tags) == len(listed) else tuple(sorted(name for name in listed if not is_tag(name)))
    return SortedOut(tags=tags, refused=refused)


def shown(refused: Iterable[str]) -> list[str]:
    """The first ten refused names, safe to print: escaped and cut."""
    quoted = (ascii(name)[1:-1] for name in sorted(refused)[:SHOWN])
    return [name if len(name) <= SHOWN_CHARACTERS else f"{name[:SHOWN_CHARACTERS]}…" for name in quoted]
