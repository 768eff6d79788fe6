"""Many objects are read by name or all together, whichever costs fewer read units; the answer is the same."""

from __future__ import annotations

from dataclasses import replace

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tests.contract.counted_calls import CountingClient
from tests.contract.reconciling import document

KIND = "ImageRepository"
COUNT = 40


def test_a_good_part_of_all_objects_costs_less_when_all_are_read(table: Table) -> None:
    counting = CountingClient(table.client)
    objects = DynamoObjects(table=replace(table, client=counting), clock=SystemClock())
    names = [NamespacedName("ns", f"app-{number:02}") for number in range(COUNT)]
    for name in names:
        made = {**document(KIND, image="host/app"), "metadata": {"name": name.name, "namespace": "ns"}}
        objects.put(made)
        objects.put_status(KIND, name, {"observedGeneration": 1})
    wanted = [*names[::5], NamespacedName("ns", "nobody")]
    counting.reset()
    by_name = objects.get_many(KIND, wanted)
    units_by_name = counting.read_units
    counting.reset()
    assert objects.get_many(KIND, wanted, total=COUNT) == by_name
    assert [one.key for one in by_name] == names[::5]
    assert counting.read_units < units_by_name
    counting.reset()
    objects.get_many(KIND, names[:2], total=COUNT)
    assert counting.calls == {"batch_get_item": 1}
