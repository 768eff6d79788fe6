"""Tag lists as they are stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tagstream.domain.objects.model import CanonicalImage, Digest, NamespacedName, Revision
from tagstream.domain.scan.circle import EvaluationMark


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRecord:
    """A tag and when a scan first listed it (aware UTC, whole seconds)."""

    tag: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TagState:
    """The summary of a stored tag list; ``canonical_image`` and ``exclusion_list`` are what it was scanned with.

    ``first_scanned_at`` is when the image was first scanned (whole seconds); None in a list that a version before this
    field has stored. ``packed_tags`` is the list itself, if it is short and was read with its state; only the store
    can read it.
    """

    revision: Revision
    tag_count: int
    latest_tags: tuple[str, ...]
    scanned_at: datetime
    canonical_image: str
    exclusion_list: tuple[str, ...]
    snapshot: str = ""
    chunk_count: int = 0
    first_scanned_at: datetime | None = None
    packed_tags: bytes = field(default=b"", repr=False, compare=False)

    def is_of(self, canonical_image: str | None) -> bool:
        """Whether the list is of this image: ``spec.image`` may name another one since the last scan."""
        return self.canonical_image == canonical_image


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFact:
    """Something that is known of an image by its digest.

    Attributes:
        value: what is known; whoever keeps it knows its form.
        until: until when it counts (aware UTC, whole seconds).
    """

    value: str
    until: datetime


class TagStore(Protocol):
    """What scans found."""

    def state(self, key: NamespacedName) -> TagState | None:
        """The summary of the last stored tag list."""

    def states(self, keys: Collection[NamespacedName], *, may_lag: bool = False) -> Mapping[NamespacedName, TagState]:
        """Summaries of many repositories in as few reads as the table allows.

        ``may_lag`` allows writes of the last moments to be missing from the answer, which costs half.
        """

    def tags(self, key: NamespacedName, state: TagState | None = None) -> Iterator[TagRecord]:
        """All stored tags, descending bytewise, each with its first sighting; a list as it was at the call.

        Args:
            key: of the repository.
            state: as it was just read, if it was; it may have brought the list with it.

        Raises:
            RetryableError: StorageOperationFailed. A list that cannot be read any more is forgotten, so that the next
                scan stores it anew.
        """

    def names(self, key: NamespacedName, state: TagState | None = None) -> Sequence[str]:
        """All stored tags as ``tags`` gives them, without their first sightings, which takes a tenth of the time.

        Raises:
            RetryableError: as ``tags``.
        """

    def put(self, key: NamespacedName, state: TagState, tags: Iterable[TagRecord], expected: TagState | None) -> bool:
        """Replace the list whole if the stored one still is ``expected``; readers never see a mixture.

        None is expected when there was none, or none that can be read.
        """

    def first_seen(self, key: NamespacedName, tag: str, digest: Digest, now: datetime) -> datetime:
        """When this tag was first seen with this digest; recorded now when it is new."""

    def sightings(self, key: NamespacedName, tag: str) -> Mapping[Digest, datetime]:
        """The digests that a tag was seen with, and when it was first seen with each."""

    def image_fact(self, key: NamespacedName, digest: Digest, kind: str) -> ImageFact | None:
        """What is known of an image; None if nothing of this kind was kept. What is kept may be over."""

    def put_image_fact(self, key: NamespacedName, digest: Digest, kind: str, fact: ImageFact) -> None:
        """Remember something of an image, at least until it is over."""

    def creation_times(self, key: NamespacedName, image: CanonicalImage | None) -> Mapping[str, datetime | None]:
        """When an image's tags were created (aware UTC, whole seconds); None for one that does not say.

        Other tags are not known. What is stored of another image does not count; with None, the image does not matter.
        """

    def put_creation_times(
        self, key: NamespacedName, image: CanonicalImage, times: Mapping[str, datetime | None], now: datetime
    ) -> None:
        """Replace what is known of when tags were created, whatever image it was known of.

        It is forgotten when no tag was new for more than a year.
        """

    def evaluation_mark(self, key: NamespacedName) -> EvaluationMark | None:
        """How far a repository's policies were evaluated by a run that had no time for all of them."""

    def put_evaluation_mark(self, key: NamespacedName, mark: EvaluationMark, now: datetime) -> None:
        """Remember how far the policies are evaluated; forgotten after a week."""

    def cool_down(self, host: str, *, may_lag: bool = False) -> datetime | None:
        """Until when a host must be left alone."""

    def put_cool_down(self, host: str, until: datetime) -> None:
        """Leave a host alone; an earlier end never replaces a later one."""
