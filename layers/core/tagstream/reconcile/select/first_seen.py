"""When a scan first listed each tag of a repository, read only when a gate asks for it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.tags import TagStore


def stored_first_seen(repository: NamespacedName, tags: TagStore) -> Callable[[str], datetime | None]:
    """A function from tag to first sighting (aware UTC), None for a tag that is not stored; it reads the list once."""

    @functools.cache
    def known() -> Mapping[str, datetime]:
        return {one.tag: one.first_seen_at for one in tags.tags(repository)}

    return lambda tag: known().get(tag)
