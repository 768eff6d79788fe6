"""Ports whose worker can be killed between any two of their calls; a dead worker does nothing more, not even clean up.

In: real ports, the number of the call to die at, and whether the call is still carried out. Out: ports of that worker.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from tagstream.ports.bundle import Ports, WebhookPorts

P = TypeVar("P", WebhookPorts, Ports)

# These change nothing and wait for nobody.
UNCOUNTED = frozenset({"clock", "metrics", "log", "markers", "issuer_keys"})


class Killed(BaseException):
    """The worker is gone: nothing in the product catches this."""


@dataclass
class Life:
    """Counts calls; ``ends_at`` is the last one, counted from 1, 0 for a life without an end.

    With an ``error`` that call fails instead, and the worker lives on.
    """

    ends_at: int = 0
    after_call: bool = True
    error: Exception | None = None
    calls: list[str] = field(default_factory=list)
    dead: bool = False
    lock: Any = field(default_factory=threading.Lock)

    def ports(self, ports: P) -> P:
        """The worker's own."""
        names = [one.name for one in fields(ports) if one.name not in UNCOUNTED]
        return replace(ports, **{name: _Mortal(getattr(ports, name), name, self) for name in names})

    def part(self, inner: Any, name: str) -> Any:
        """What a port is made of, to die between its calls too."""
        return _Mortal(inner, name, self)

    def call(self, name: str, method: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Carry a call out, unless the worker is dead or dies at it."""
        with self.lock:
            if self.dead:
                raise Killed
            self.calls.append(name)
            dies = len(self.calls) == self.ends_at
            self.dead = dies and self.error is None
        if dies and self.error is not None:
            raise self.error
        if dies and not self.after_call:
            raise Killed
        found = method(*arguments, **options)
        if dies:
            raise Killed
        return _Mortal(found, name, self) if name == "git.open" else found


class _Mortal:
    """A port, or a Git session, of a mortal worker."""

    def __init__(self, inner: Any, name: str, life: Life) -> None:
        self._inner, self._name, self._life = inner, name, life

    def __getattr__(self, member: str) -> Any:
        method = getattr(self._inner, member)
        if not callable(method):
            return method
        name = f"{self._name}.{member}"
        return lambda *arguments, **options: self._life.call(name, method, arguments, options)
