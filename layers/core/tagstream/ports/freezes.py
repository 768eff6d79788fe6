"""Freezes that people made, and the windows and freezes that the stack was deployed with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.agenda import ObjectName
from tagstream.ports.ledger import LedgerEntry

if TYPE_CHECKING:
    # Every function loads the ports; most stacks have no freeze.
    from tagstream.domain.calendar.hand_freeze import HandFreeze

FREEZES = ObjectName(kind="Freezes", key=NamespacedName("*", "*"))
"""The document of all freezes; ``ObjectStore.documents`` reads it along with others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackCalendar:
    """The parameters ``Window`` and ``Freeze`` of the stack, as they were written; empty where there are none."""

    window: str = ""
    freeze: str = ""


class FreezeStore(Protocol):
    """The freezes of a stack."""

    def read(self) -> tuple[HandFreeze, ...]:
        """All of them, also those that are over."""

    def replace(
        self, before: Sequence[HandFreeze], after: Sequence[HandFreeze], entries: Sequence[LedgerEntry]
    ) -> bool:
        """Store other freezes, together with what the ledger keeps of the change.

        Returns:
            False when others than ``before`` are stored; nothing is written then.
        """

    def give_up(self, entries: Sequence[LedgerEntry]) -> bool:
        """Remove freezes that cannot be read, together with what the ledger keeps of it.

        Returns:
            False when they can be read by now; nothing is written then.
        """
