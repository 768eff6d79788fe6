"""Tag lists for tests of the command line and the dashboard, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from tagstream.domain.objects.image_name import canonical_name
from tagstream.domain.objects.model import CanonicalImage, Digest, NamespacedName, Revision
from tagstream.ports.objects import StoredObject
from tagstream.ports.tags import TagRecord, TagState
from tagstream.reconcile.shown_status import spec_of


def not_called(*arguments: object, **options: object) -> NoReturn:
    """Fail the test: the command line has no business with this method."""
    raise AssertionError(f"the command line called a method that it must not call: {arguments} {options}")


@dataclass
class MemoryTags:
    """The part of TagStore that the command line needs; a tag was first seen ``now`` unless ``seen`` says otherwise.

    Lists are of the images that the ImageRepositories name, which ``get`` finds.
    """

    get: Callable[[str, NamespacedName], StoredObject | None]
    now: datetime
    lists: dict[NamespacedName, tuple[str, ...]] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)
    states = put = first_seen = image_fact = put_image_fact = put_creation_times = cool_down = put_cool_down = (
        not_called
    )
    evaluation_mark = put_evaluation_mark = not_called

    def tags(self, key: NamespacedName, state: TagState | None = None) -> Iterator[TagRecord]:
        """Descending."""
        listed = sorted(self.lists.get(key, ()), reverse=True)
        return iter([TagRecord(tag=tag, first_seen_at=self.seen.get(tag, self.now)) for tag in listed])

    def creation_times(self, key: NamespacedName, image: CanonicalImage | None) -> Mapping[str, datetime | None]:
        """No image was looked at."""
        return {}

    def names(self, key: NamespacedName, state: TagState | None = None) -> Sequence[str]:
        """Descending."""
        return [one.tag for one in self.tags(key, state)]

    def sightings(self, key: NamespacedName, tag: str) -> Mapping[Digest, datetime]:
        """No digest was seen."""
        return {}

    def state(self, key: NamespacedName) -> TagState | None:
        """A summary of the list."""
        tags = self.lists.get(key)
        if tags is None:
            return None
        stored = self.get("ImageRepository", key)
        image = str(spec_of(stored).get("image", "")) if stored else ""
        return TagState(
            revision=Revision("sha256:0"),
            tag_count=len(tags),
            latest_tags=tags[:10],
            scanned_at=self.now,
            canonical_image=canonical_name(image) or "",
            exclusion_list=(),
        )
