"""New ledger entries are handed to the notify function, and only if somebody wants to be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.stream import StreamChange
from tagstream.ports.bundle import Ports
from tagstream.ports.ledger import ONCE
from tagstream.ports.notices import MAX_ENTRIES, QueuedNotice
from tagstream.reconcile.notify.forward import forward_entries
from tests.unit.cli.memory_ports import MemoryPorts

ALERT = {
    "apiVersion": "notification.toolkit.fluxcd.io/v1beta3",
    "kind": "Alert",
    "metadata": {"name": "chat", "namespace": "ns"},
    "spec": {},
}


@dataclass
class Asked:
    """Remembers what the notify function was asked for."""

    notices: list[QueuedNotice] = field(default_factory=list)

    def tell(self, notices: Sequence[QueuedNotice]) -> None:
        self.notices += notices


def ports(asked: Asked, *, has_alert: bool = False, tells_event_bus: bool = False) -> Ports:
    memory = MemoryPorts()
    if has_alert:
        memory.objects.put(ALERT)
    return replace(memory.bundle(), notifier=asked, tells_event_bus=tells_event_bus)


def entry(name: str) -> StreamChange:
    return StreamChange(kind="ledger", object_kind="", key=NamespacedName("", ""), sequence="1", entry=name)


def test_the_entries_of_a_batch_are_one_notice_in_their_order() -> None:
    asked = Asked()
    changed = StreamChange(kind="object", object_kind="ImagePolicy", key=NamespacedName("ns", "app"), sequence="2")
    forward_entries([entry("b"), changed, entry("a"), entry("b")], ports(asked, has_alert=True))
    assert asked.notices == [QueuedNotice(entries=("a", "b"))]


def test_the_event_bus_alone_is_reason_enough() -> None:
    asked = Asked()
    forward_entries([entry("a")], ports(asked, tells_event_bus=True))
    assert len(asked.notices) == 1


def test_nobody_is_asked_without_an_alert_and_without_the_bus() -> None:
    asked = Asked()
    forward_entries([entry("a")], ports(asked))
    assert asked.notices == []


def test_an_entry_that_repeats_another_one_of_its_batch_is_not_told() -> None:
    asked = Asked()
    repeated, other = f"{ONCE}1", f"{ONCE}2"
    names = [f"10:02#{repeated}", f"10:01#{repeated}", f"10:03#{other}", "10:04#a", "10:05#a"]
    forward_entries([entry(one) for one in names], ports(asked, has_alert=True))
    assert asked.notices == [QueuedNotice(entries=(f"10:01#{repeated}", f"10:03#{other}", "10:04#a", "10:05#a"))]


def test_many_entries_are_several_notices() -> None:
    asked = Asked()
    forward_entries([entry(f"{number:04}") for number in range(MAX_ENTRIES + 1)], ports(asked, tells_event_bus=True))
    assert [len(one.entries) for one in asked.notices] == [MAX_ENTRIES, 1]
