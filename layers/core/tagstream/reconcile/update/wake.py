"""Which automations a batch of the table's stream wakes, and whether it says that anything is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.stream import StreamChange
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import INTERVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken:
    """The automations to run.

    Attributes:
        named: whose run was asked for; they are still to be read.
        listed: those that were read to find out their names.
    """

    named: frozenset[NamespacedName]
    listed: tuple[StoredObject, ...]


def automations_to_run(changes: Sequence[StreamChange], ports: Ports) -> Woken:
    """The automations that a changed selection or a run request concerns.

    As in Flux, a changed selection wakes every automation of the policy's namespace, whatever its selector.
    """
    namespaces = {change.key.namespace for change in changes if change.kind == "selection"}
    listed = [one for namespace in sorted(namespaces) for one in ports.objects.list("ImageUpdateAutomation", namespace)]
    named = {change.key for change in changes if change.kind == "run" and change.key.namespace not in namespaces}
    return Woken(named=frozenset(named), listed=tuple(listed))


def only_by_interval(changes: Sequence[StreamChange]) -> bool:
    """Tell whether a batch only says that intervals are over.

    Nothing new is known of then. A selection that is written at this moment has a record of its own, which comes later.
    """
    return all(change.kind == "run" and change.reason == INTERVAL for change in changes)
