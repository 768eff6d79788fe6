"""All ImagePolicies, read once for many scans that finish at the same time.

A caller must never get a list that began to be read before it asked.
"""

from __future__ import annotations

import threading

from tagstream.ports.objects import ObjectStore, StoredObject

KIND = "ImagePolicy"


class PolicyList:
    """Answers threads that ask at the same time with one reading.

    A scan asks after it has stored its tags. A policy that is applied later is evaluated because of its own change,
    from those tags. So a reading may be shared only if it began after the question.

    Args:
        objects: where the policies are stored.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._lock = threading.Lock()
        self._begun = 0
        self._found: tuple[StoredObject, ...] = ()

    def now(self) -> tuple[StoredObject, ...]:
        """Every ImagePolicy with its status, not older than this call."""
        seen = self._begun
        with self._lock:
            if self._begun == seen:
                self._begun += 1
                self._found = self._objects.list(KIND)
            return self._found
