"""Which automations a batch of the table's stream wakes, and whether it says that anything is new."""

from __future__ import annotations

from collections.abc import Sequence

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.stream import StreamChange
from tagstream.ports.bundle import Ports
from tagstream.ports.selections import INTERVAL


def automations_to_run(changes: Sequence[StreamChange], ports: Ports) -> frozenset[NamespacedName]:
    """The automations that a changed selection or a run request concerns.

    As in Flux, a changed selection wakes every automation of the policy's namespace, whatever its selector.
    """
    wanted = {change.key for change in changes if change.kind == "run"}
    for namespace in {change.key.namespace for change in changes if change.kind == "selection"}:
        wanted |= {stored.key for stored in ports.objects.list("ImageUpdateAutomation", namespace)}
    return frozenset(wanted)


def only_by_interval(changes: Sequence[StreamChange]) -> bool:
    """Tell whether a batch only says that intervals are over.

    Nothing new is known of then. A selection that is written at this moment has a record of its own, which comes later.
    """
    return all(change.kind == "run" and change.reason == INTERVAL for change in changes)
