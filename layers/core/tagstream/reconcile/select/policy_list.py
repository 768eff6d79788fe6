"""All ImagePolicies, read once for many scans that finish at the same time.

In: an ObjectStore. Out: a list that was begun to be read after the question was asked.
"""

from __future__ import annotations

import threading

from tagstream.ports.objects import ObjectStore, StoredObject

KIND = "ImagePolicy"


class PolicyList:
    """Answers threads that ask together with one reading.

    A scan asks after it has stored its tags. A policy applied later is evaluated by its own change, from those tags; so
    a reading may be shared only if it began after the question.

    Args:
        objects: where the policies are.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._lock = threading.Lock()
        self._begun = 0
        self._found: tuple[StoredObject, ...] = ()

    def now(self) -> tuple[StoredObject, ...]:
        """Every ImagePolicy with its status, not older than the call."""
        seen = self._begun
        with self._lock:
            if self._begun == seen:
                self._begun += 1
                self._found = self._objects.list(KIND)
            return self._found
