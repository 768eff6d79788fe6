"""What is due when: the index that a tick reads instead of all objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tagstream.domain.objects.model import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ObjectName:
    """An object of any kind."""

    kind: str
    key: NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When an object was looked at ``last`` (None: not known), and when it is ``due`` (None: not before it changes)."""

    last: datetime | None
    due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """All times, and when every object was last looked at to make sure that none is missing (None: never)."""

    times: Mapping[ObjectName, Times]
    swept_at: datetime | None


class AgendaStore(Protocol):
    """When objects are due. Changed objects and statuses that name a time to retry are noted by ``ObjectStore``."""

    def read(self, *, folds: bool = False) -> Agenda:
        """Everything, in a few read units for a thousand objects.

        With ``folds`` many small notes are gathered into few items, which takes the right to write.
        """

    def note(self, times: Mapping[ObjectName, Times]) -> None:
        """When these are due from now on; ``last`` None keeps what is known."""

    def forget(self, names: Iterable[ObjectName]) -> None:
        """These objects are gone."""

    def rewrite(self, times: Mapping[ObjectName, Times]) -> None:
        """These are all objects there are."""
