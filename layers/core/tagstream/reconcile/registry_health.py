"""Which registries are left alone for a while, because they did not answer.

A registry that hangs holds one of the few places of the scan function. What only one tenant suffers from must not close
a registry for the others: a proxy that hangs is left alone by those who use it, and a slow repository by itself.
Registries that asked for a pause are no matter of this module.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.image_name import ImageName
from tagstream.domain.scan.schedule import retry_delay_s
from tagstream.errors import RetryableError, ThrottledError
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.registry import RegistryAccess
from tagstream.reconcile import status
from tagstream.reconcile.cool_downs import CoolDowns, digest, has_hung, is_unanswered

# What a registry gets for its first answer: one that failed last time or was never asked, and one that answered.
FIRST_ANSWER_S, PROVEN_FIRST_ANSWER_S = 10.0, 15.0
HUNG_AFTER_S = 8.0
# When so many have waited in vain in one run for a registry that answered nobody, no other one asks it.
MOST_HUNG = 3


class RegistryHealth:
    """What one run knows of its registries; safe to share between threads.

    Args:
        cool_downs: of the run.
        ports: the clock is read through.
    """

    def __init__(self, cool_downs: CoolDowns, ports: Ports) -> None:
        self._cool_downs, self._ports = cool_downs, ports
        self._lock = threading.Lock()
        self._hung: dict[str, int] = {}
        self._answered: set[str] = set()

    def check(self, stored: StoredObject, image: ImageName, access: RegistryAccess) -> None:
        """Refuse to ask a registry that is left alone because it did not answer.

        An object whose last reconcile succeeded may ask all the same, as does one that a person asks for: somebody
        else's trouble with the registry need not be its own.

        Args:
            stored: the ImageRepository, or the ImagePolicy that needs a digest.
            image: what is asked for.
            access: through what.

        Raises:
            RetryableError: ReadOperationFailed, with the time when it may be asked again.
        """
        if status.is_asked_for(stored):
            return
        way = _way(image, access)
        if self._hangs(way):
            raise _left_alone(f"{image.registry} does not answer")
        if status.is_ready(stored.status):
            return
        names = {way: image.registry}
        if status.failures(stored.status):
            # Whoever has not failed yet need not read whether its repository is slow.
            names[_repository(way, image)] = f"{image.registry}/{image.repository}"
        for name, shown in names.items():
            until = self._cool_downs.until(name)
            if until is not None:
                wait_s = (until - self._ports.clock.now()).total_seconds()
                text = f"{shown} did not answer in time and is left alone until {instant_text(until)}"
                raise _left_alone(text, wait_s)

    def _hangs(self, way: str) -> bool:
        with self._lock:
            return way not in self._answered and self._hung.get(way, 0) >= MOST_HUNG

    @contextmanager
    def watched(self, stored: StoredObject, image: ImageName, access: RegistryAccess) -> Iterator[RegistryAccess]:
        """Begin a cool-down when the registry fails after a long wait; longer after each such failure.

        Yields:
            The access with a limit for the first answer.
        """
        began_s = self._ports.clock.monotonic_s()
        first_s = PROVEN_FIRST_ANSWER_S if status.is_ready(stored.status) else FIRST_ANSWER_S
        way = _way(image, access)
        try:
            yield replace(access, first_answer_s=first_s)
        except ThrottledError:
            raise
        except RetryableError as error:
            if has_hung(error, self._ports.clock.monotonic_s() - began_s, HUNG_AFTER_S):
                name = way if is_unanswered(error) and self._is_silent(way) else _repository(way, image)
                self._cool_downs.begin(name, retry_delay_s(1 + status.failures(stored.status)))
            raise
        with self._lock:
            self._answered.add(way)

    def _is_silent(self, way: str) -> bool:
        """Count a registry that did not answer; tell whether it has answered nobody in this run."""
        with self._lock:
            self._hung[way] = self._hung.get(way, 0) + 1
            return way not in self._answered


def _left_alone(text: str, wait_s: float | None = None) -> RetryableError:
    return RetryableError(text, reason="ReadOperationFailed", retry_after_s=wait_s)


def _way(image: ImageName, access: RegistryAccess) -> str:
    """Which registry is asked, and through which proxy; no registry's own name has a number sign."""
    proxy = access.proxy
    return f"hung#{image.registry}" + (f"@{digest(repr((proxy.address, proxy.username)))}" if proxy else "")


def _repository(way: str, image: ImageName) -> str:
    return f"{way}/{digest(image.repository)}"
