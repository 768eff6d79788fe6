"""A repository may have more policies than the item of their names holds."""

from __future__ import annotations

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.table_errors import ItemTooLarge
from tagstream.domain.objects.model import NamespacedName

APP = NamespacedName("ns", "app")
# One name more of this length does not fit into 400 KB.
NAME_BYTES, LIMIT = 100, 400 * 1024


def policy(name: str, repository: str = "app") -> dict[str, object]:
    return {
        "apiVersion": "image.toolkit.fluxcd.io/v1",
        "kind": "ImagePolicy",
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"imageRepositoryRef": {"name": repository}, "policy": {"alphabetical": {}}},
    }


def with_full_index(table: Table) -> DynamoObjects:
    """One policy that is stored, and as many names as the index holds."""
    objects = DynamoObjects(table=table, clock=SystemClock())
    objects.put(policy("first"))
    names = ["ns/first", *(f"ns/{number:0{NAME_BYTES - 3}d}" for number in range(LIMIT // NAME_BYTES))]
    while True:
        try:
            table.write_many([keys.policies(APP) | {"policies": {"SS": names}}])
        except ItemTooLarge:
            # The embedded AWS count an item's bytes a little differently.
            names.pop()
        else:
            return objects


def found(objects: DynamoObjects) -> list[str]:
    return [one.key.name for one in objects.policies_of(APP)]


def test_a_policy_whose_name_does_not_fit_is_stored_and_found_with_all_others(table: Table) -> None:
    objects = with_full_index(table)
    second = "second-" + "x" * 240
    objects.put(policy(second))
    objects.put(policy("of-another", repository="other"))
    assert found(objects) == ["first", second]
    assert keys.read_text(table.get(keys.policies(APP)) or {}, "isFull") == "yes"


def test_a_full_index_survives_changes_of_its_policies(table: Table) -> None:
    objects = with_full_index(table)
    objects.put(policy("second-" + "x" * 240))
    third = objects.put(policy("third"))
    objects.reindex([third])
    objects.delete("ImagePolicy", third.key)
    objects.delete("ImagePolicy", NamespacedName("ns", "first"))
    assert found(objects) == ["second-" + "x" * 240]


def test_a_policy_that_is_too_large_itself_does_not_fill_the_index(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SystemClock())
    objects.put(policy("first"))
    too_large = {**policy("second"), "spec": {"imageRepositoryRef": {"name": "app"}, "notes": "x" * LIMIT}}
    with pytest.raises(ItemTooLarge):
        objects.put(too_large)
    assert keys.read_text(table.get(keys.policies(APP)) or {}, "isFull") == ""
    assert found(objects) == ["first"]
