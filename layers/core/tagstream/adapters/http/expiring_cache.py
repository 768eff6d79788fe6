"""Tokens kept until they expire, fetched once however many threads ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from tagstream.errors import RetryableError
from tagstream.ports.runtime import Clock

Value = TypeVar("Value")
MAX_ENTRIES = 4096


class ExpiringCache(Generic[Value]):
    """A bounded map with a lock for each key, so that a slow fetch holds up only those who need its value."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._values: dict[Hashable, tuple[Value, float]] = {}
        self._fetching: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, fetch: Callable[[], tuple[Value, float]], wait_s: float) -> Value:
        """The value under a key.

        Args:
            key: whatever the value depends on.
            fetch: gives a value and for how many seconds it may be used; its errors are the caller's and not kept.
            wait_s: how long to wait for another thread that is fetching it.

        Raises:
            RetryableError: ReadOperationFailed, the other thread needs longer.
        """
        known = self._known(key)
        if known is not None:
            return known
        with self._lock:
            own = self._fetching.setdefault(key, threading.Lock())
        if not own.acquire(timeout=max(wait_s, 0.0)):
            raise RetryableError("waiting for a token: context deadline exceeded", reason="ReadOperationFailed")
        try:
            known = self._known(key)
            return known if known is not None else self._fetch(key, fetch)
        finally:
            own.release()

    def forget(self, key: Hashable) -> None:
        """Drop a value that turned out to be useless."""
        with self._lock:
            self._values.pop(key, None)

    def _fetch(self, key: Hashable, fetch: Callable[[], tuple[Value, float]]) -> Value:
        try:
            value, lifetime_s = fetch()
            self._keep(key, value, lifetime_s)
        finally:
            with self._lock:
                self._fetching.pop(key, None)
        return value

    def _known(self, key: Hashable) -> Value | None:
        with self._lock:
            found = self._values.get(key)
        return found[0] if found is not None and found[1] > self._clock.monotonic_s() else None

    def _keep(self, key: Hashable, value: Value, lifetime_s: float) -> None:
        with self._lock:
            self._values.pop(key, None)
            while len(self._values) >= MAX_ENTRIES:
                self._values.pop(next(iter(self._values)))
            self._values[key] = (value, self._clock.monotonic_s() + lifetime_s)
