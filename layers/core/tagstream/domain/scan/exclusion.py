"""Which tags of a registry's list a scan keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gocompat.regexp import InvalidPattern, abridged, compile_pattern
from tagstream.domain.objects.model import Revision
from tagstream.domain.scan.revision import revision

LATEST_TAGS = 10


class InvalidExclusion(ValueError):
    """An exclusion pattern that does not compile; the message is Flux's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """Kept tags in descending byte order, their revision and the first ten."""

    tags: tuple[str, ...]
    revision: Revision
    latest_tags: tuple[str, ...]


def exclude(tags: Iterable[str], exclusion_list: Sequence[str]) -> ScanResult:
    """Drop excluded tags, sort the others, and compute their revision.

    Args:
        tags: as the registry lists them.
        exclusion_list: Go patterns that are searched anywhere in a tag; an empty pattern drops every tag.

    Raises:
        InvalidExclusion: ``failed to compile regex P: error parsing regexp: …``.
    """
    # Python orders text by code point, which is the order of its UTF-8 bytes.
    kept = sorted(keep(tags, exclusion_list), reverse=True)
    return ScanResult(tags=tuple(kept), revision=revision(kept), latest_tags=tuple(kept[:LATEST_TAGS]))


def keep(tags: Iterable[str], exclusion_list: Sequence[str]) -> list[str]:
    """The tags in which no pattern is found, in their order.

    Raises:
        InvalidExclusion: as ``exclude``, for the first bad pattern, before any tag is looked at.
    """
    patterns = []
    for text in exclusion_list:
        try:
            patterns.append(compile_pattern(text))
        except InvalidPattern as error:
            raise InvalidExclusion(f"failed to compile regex {abridged(text)}: {error}") from error
    kept = list(tags)
    for pattern in patterns:
        excluded = frozenset(pattern.matching(kept))
        if excluded:
            kept = [tag for tag in kept if tag not in excluded]
    return kept
