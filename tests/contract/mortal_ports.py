"""Ports whose worker dies between any two of their calls. A dead worker does nothing more, not even clean up."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar, cast

from tagstream.cli.dry_stack import PARTS, READS
from tagstream.ports.bundle import NotifyPorts, Ports, WebhookPorts

P = TypeVar("P", WebhookPorts, Ports, NotifyPorts)
T = TypeVar("T")

# Calls of these ports change nothing that outlives the worker, so dying between them makes no difference.
UNCOUNTED = frozenset(
    {
        "clock",
        "workers",
        "metrics",
        "log",
        "markers",
        "issuer_keys",
        "stack_calendar",
        "read_public_keys",
        "no_cross_namespace_refs",
        "stack",
    }
)

# Further calls that change nothing, beside those that a dry stack lets through.
MORE_READS = frozenset(
    {"leases.intents", "leases.is_held", "registry.list_tags", "selections.get_with_lists", "tags.evaluation_mark"}
)

# A slow machine makes these calls more often, which must not change the numbers of the others.
TIMED = frozenset({"leases.renew"})


class Killed(BaseException):
    """The worker is dead. It is a BaseException, which no code of the product catches."""


@dataclass
class Life:
    """Counts the calls of a worker.

    ``ends_at`` is the number of the last call, counted from 1; 0 means that the worker never dies. With an ``error``,
    that call raises the error instead, and the worker lives on; if it ``is_carried_out``, only its answer is lost.
    """

    ends_at: int = 0
    after_call: bool = True
    error: Exception | None = None
    is_carried_out: bool = False
    calls: list[str] = field(default_factory=list)
    dead: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def deaths(self) -> list[tuple[int, str]]:
        """Return the numbers and names of the calls of this life that may have changed something.

        A worker that dies at one of the others leaves the same as one that dies after the change before it.
        """
        return [(at, call) for at, call in enumerate(self.calls, start=1) if not _only_reads(call)]

    def ports(self, ports: P) -> P:
        """Wrap the ports of this worker."""
        names = [one.name for one in fields(ports) if one.name not in UNCOUNTED]
        mortal: dict[str, Any] = {name: _Mortal(getattr(ports, name), name, self) for name in names}
        return replace(ports, **mortal)

    def part(self, inner: T, name: str) -> T:
        """Wrap a part of a port, so that the worker can also die between calls of that part."""
        return cast("T", _Mortal(inner, name, self))

    def call(self, name: str, method: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Carry out a call, unless the worker is dead or dies at this call."""
        with self.lock:
            if self.dead:
                raise Killed
            if name not in TIMED:
                self.calls.append(name)
            dies = name not in TIMED and len(self.calls) == self.ends_at
            self.dead = dies and self.error is None
        if dies and self.error is not None:
            if self.is_carried_out:
                method(*arguments, **options)
            raise self.error
        if dies and not self.after_call:
            raise Killed
        found = method(*arguments, **options)
        if dies:
            raise Killed
        return _Mortal(found, name, self) if name in ("git.open", "git_hosts.of") else found


def _only_reads(call: str) -> bool:
    port, _, member = call.rpartition(".")
    return call in MORE_READS or member in (PARTS.get(port) or READS.get(port, frozenset()))


class _Mortal:
    """A port, a Git session, or a repository's requests, of a worker that can die."""

    def __init__(self, inner: Any, name: str, life: Life) -> None:
        self._inner, self._name, self._life = inner, name, life

    def __getattr__(self, member: str) -> Any:
        method = getattr(self._inner, member)
        if not callable(method):
            return method
        name = f"{self._name}.{member}"
        return lambda *arguments, **options: self._life.call(name, method, arguments, options)
