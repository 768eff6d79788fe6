"""Freezes that people make with ``tagstream freeze``: of everything, of a namespace, of one automation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from tagstream.domain.calendar.calendar import Calendar
from tagstream.domain.calendar.freeze import Freeze
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Scope:
    """What a freeze stops: everything, a namespace, or one automation of a namespace."""

    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        if self.name:
            return f"ImageUpdateAutomation {self.namespace}/{self.name}"
        return f"namespace {self.namespace}" if self.namespace else "everything"

    def covers(self, automation: NamespacedName) -> bool:
        """Whether an automation is stopped by a freeze of this scope."""
        return self.namespace in ("", automation.namespace) and self.name in ("", automation.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandFreeze:
    """A freeze that a person made.

    Attributes:
        scope: what it stops.
        author: who made it.
        made_at: when (aware UTC).
        until: when it ends by itself; None means that it stays until somebody lifts it.
        reason: why; it may be empty.
    """

    scope: Scope
    author: str
    made_at: datetime
    until: datetime | None = None
    reason: str = ""

    @property
    def text(self) -> str:
        """Who made it, since when, and why."""
        why = f": {self.reason}" if self.reason else ""
        return f"by {self.author} since {instant_text(self.made_at)}{why}"

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended by itself."""
        return self.until is not None and self.until <= now


def freezes_of(automation: NamespacedName, freezes: Collection[HandFreeze]) -> tuple[Calendar, ...]:
    """The freezes that stop an automation, as calendars of their scopes.

    They count from the beginning of time, because the clock of whoever made one may be ahead.
    """
    return tuple(
        Calendar(owner=str(one.scope), freezes=(Freeze(starts=_ALWAYS, ends=one.until, text=one.text),))
        for one in sorted(freezes, key=lambda one: one.scope)
        if one.scope.covers(automation)
    )


def freezes_document(freezes: Collection[HandFreeze]) -> dict[str, object]:
    """Freezes as a JSON document."""
    return {
        "freezes": [
            {
                "namespace": one.scope.namespace,
                "name": one.scope.name,
                "author": one.author,
                "madeAt": one.made_at.isoformat(),
                "until": one.until.isoformat() if one.until else None,
                "reason": one.reason,
            }
            for one in sorted(freezes, key=lambda one: one.scope)
        ]
    }


def read_freezes(document: Mapping[str, object]) -> tuple[HandFreeze, ...]:
    """The inverse of ``freezes_document``.

    Raises:
        ValueError: the document is not one of this version. Whoever reads it must not push then.
    """
    try:
        return tuple(_read(one) for one in cast("list[Mapping[str, object]]", document["freezes"]))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"freezes cannot be read: {error}") from error


_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


def _read(stored: Mapping[str, object]) -> HandFreeze:
    until = stored["until"]
    return HandFreeze(
        scope=Scope(namespace=str(stored["namespace"]), name=str(stored["name"])),
        author=str(stored["author"]),
        made_at=datetime.fromisoformat(str(stored["madeAt"])),
        until=None if until is None else datetime.fromisoformat(str(until)),
        reason=str(stored["reason"]),
    )
