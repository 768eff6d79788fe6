"""Which blobs hold a setter marker, remembered by a warm container."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmMarkers:
    """MarkerCache in memory; 200,000 entries are about 30 MB."""

    limit: int = 200_000
    known: dict[bytes, bool] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def is_marked(self, blob: bytes) -> bool | None:
        """None when the container has not read this blob."""
        return self.known.get(blob)

    def learn(self, blob: bytes, marked: bool) -> None:
        """Insertion order is age."""
        with self.lock:
            self.known[blob] = marked
            while len(self.known) > self.limit:
                self.known.pop(next(iter(self.known)))
