"""Objects that a warm container has seen: they never change, so none is fetched twice.

In: objects by repository and id. Out: the same, the longest unused dropped first.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from tagstream.adapters.git.pack import Found

LIMIT = 48 * 2**20
# Larger ones would push out hundreds of manifests.
MAX_OBJECT = 2**18


class WarmObjects:
    """Trees, commits and manifests by the repository's URL and their id.

    An id says what the content is, yet what one repository sends is never shown to another.

    Args:
        limit: bytes of content that are kept.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._known: OrderedDict[tuple[str, bytes], Found] = OrderedDict()
        self._lock = Lock()

    def get(self, url: str, one: bytes) -> Found | None:
        """Kind and content, None when it is not known (any more)."""
        with self._lock:
            found = self._known.get((url, one))
            if found is not None:
                self._known.move_to_end((url, one))
            return found

    def put(self, url: str, one: bytes, found: Found) -> None:
        """Keep an object, if it is not too large."""
        if len(found[1]) > MAX_OBJECT:
            return
        with self._lock:
            if (url, one) in self._known:
                return
            self._known[(url, one)] = found
            self._size += len(found[1])
            while self._size > self._limit:
                self._size -= len(self._known.popitem(last=False)[1][1])
