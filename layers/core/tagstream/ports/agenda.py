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

    def note(self, times: Mapping[ObjectName, Times], as_of: datetime | None = None) -> None:
        """When these are due from now on; ``last`` None keeps what is known.

        ``as_of`` (aware UTC) is for whoever says it later than it was true: what others have noted since then counts
        more.
        """

    def forget(self, names: Iterable[ObjectName]) -> None:
        """These objects are gone."""

    def rewrite(self, times: Mapping[ObjectName, Times], as_of: datetime) -> Agenda:
        """These are all objects that were found by a look that began at ``as_of``.

        What was noted since then counts more than what was found. Names that were not found are forgotten, except those
        that were noted since then, and those that are due: a tick has to remove what is left of deleted objects.

        Args:
            times: of all objects; ``last`` None keeps what is known.
            as_of: aware UTC, from before anything was read that ``times`` is made of.

        Returns:
            What is known now.
        """
