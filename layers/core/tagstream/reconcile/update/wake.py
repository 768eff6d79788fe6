"""Which automations a batch of the table's stream wakes."""

from __future__ import annotations

from collections.abc import Sequence

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.stream import StreamChange
from tagstream.ports.bundle import Ports


def automations_to_run(changes: Sequence[StreamChange], ports: Ports) -> frozenset[NamespacedName]:
    """The automations that a changed selection or a run request concerns.

    As in Flux, a changed selection wakes every automation of the policy's namespace, whatever its selector.
    """
    wanted = {change.key for change in changes if change.kind == "run"}
    for namespace in {change.key.namespace for change in changes if change.kind == "selection"}:
        wanted |= {stored.key for stored in ports.objects.list("ImageUpdateAutomation", namespace)}
    return frozenset(wanted)
