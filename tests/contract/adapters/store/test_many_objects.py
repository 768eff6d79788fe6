"""Many objects are read by name or all together, whichever costs fewer read units, and their indexes in few calls."""

from __future__ import annotations

from dataclasses import replace

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.deliveries import DynamoDeliveries
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tests.contract.counted_calls import CountingClient
from tests.contract.reconciling import document
from tests.embedded.single_writes import put_status

KIND = "ImageRepository"
COUNT = 40


def test_a_good_part_of_all_objects_costs_less_when_all_are_read(table: Table) -> None:
    counting = CountingClient(table.client)
    objects = DynamoObjects(table=replace(table, client=counting), clock=SystemClock())
    names = [NamespacedName("ns", f"app-{number:02}") for number in range(COUNT)]
    for name in names:
        made = {**document(KIND, image="host/app"), "metadata": {"name": name.name, "namespace": "ns"}}
        objects.put(made)
        put_status(objects, KIND, name, {"observedGeneration": 1})
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


def test_the_indexes_of_many_objects_are_looked_at_in_a_few_calls(table: Table) -> None:
    counting = CountingClient(table.client)
    objects = DynamoObjects(table=replace(table, client=counting), clock=SystemClock())
    names = [NamespacedName("ns", f"app-{number:02}") for number in range(COUNT)]
    for name in names:
        metadata = {"name": name.name, "namespace": "ns"}
        objects.put({**document(KIND, image=f"host/{name.name}"), "metadata": metadata})
        objects.put({**document("ImagePolicy", imageRepositoryRef={"name": "app-00"}), "metadata": metadata})
    repositories, policies = objects.list(KIND), objects.list("ImagePolicy")
    counting.reset()
    objects.reindex([*repositories, *policies])
    assert counting.calls == {"batch_get_item": 1, "get_item": 1}


def test_index_entries_that_are_missing_are_written_anew(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SystemClock())
    names = [NamespacedName("ns", f"app-{number:02}") for number in range(COUNT)]
    for name in names:
        metadata = {"name": name.name, "namespace": "ns"}
        objects.put({**document(KIND, image="registry.test/app"), "metadata": metadata})
        objects.put({**document("ImagePolicy", imageRepositoryRef={"name": "app-00"}), "metadata": metadata})
    deliveries = DynamoDeliveries(table=table, clock=SystemClock())
    table.delete_many([keys.image("registry.test/app", name) for name in names[::2]])
    table.delete_many([keys.policies(names[0])])
    assert len(deliveries.repositories("registry.test/app")) == COUNT // 2
    objects.reindex([*objects.list(KIND), *objects.list("ImagePolicy")])
    assert deliveries.repositories("registry.test/app") == tuple(names)
    assert [one.key for one in objects.policies_of(names[0])] == names
