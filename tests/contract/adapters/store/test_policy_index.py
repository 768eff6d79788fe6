"""A policy costs the same to apply however many others refer to its repository, and readers find all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.policy_index import PolicyIndex
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tests.contract.counted_calls import CountingClient
from tests.contract.reconciling import document

APP = NamespacedName("ns", "app")
# A set of these has no room for one more name.
FEW = [f"team-{one % 20:02}/service-{one:05}-policy" for one in range(150)]


def policy(name: str, repository: str = "app") -> Mapping[str, object]:
    made = document("ImagePolicy", imageRepositoryRef={"name": repository}, policy={"semver": {"range": "1.x"}})
    return {**made, "metadata": {"name": name, "namespace": "ns"}}


def set_of(table: Table) -> list[str]:
    return (table.get(keys.policies(APP)) or {}).get("policies", {}).get("SS", [])


def rows(table: Table) -> list[str]:
    return [sk for item in table.query("policies#ns/app") if (sk := keys.read_text(item, "sk")) != keys.NO_SORT]


def found(objects: DynamoObjects) -> list[str]:
    return [one.key.name for one in objects.policies_of(APP)]


def spread(table: Table, count: int) -> None:
    """The index of a repository with so many policies."""
    names = [NamespacedName("team", f"service-{one:05}-policy") for one in range(count)]
    flags = {"isFull": keys.text("yes"), "rows": keys.text("0")}
    table.write_many([keys.policies(APP) | flags, *(keys.policy_row(APP, name) for name in names)])


def test_one_more_policy_among_thousands_costs_what_it_costs_among_few(table: Table) -> None:
    client = CountingClient(table.client)
    objects = DynamoObjects(table=replace(table, client=client), clock=SystemClock())
    objects.put(policy("first"))
    few = client.write_units
    spread(table, 3_000)
    client.reset()
    objects.put(policy("second"))
    assert client.write_units <= few + 2
    assert client.calls == {"batch_get_item": 1, "transact_write_items": 1}
    assert client.read_units <= 3


def test_a_set_that_has_become_large_is_spread_and_every_policy_is_found(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SystemClock())
    objects.put(policy("first"))
    table.write_many([keys.policies(APP) | {"policies": {"SS": ["ns/first", *FEW]}}])
    objects.put(policy("second"))
    assert set_of(table) == []
    assert sorted(rows(table)) == sorted(["ns/first", "ns/second", *FEW])
    assert found(objects) == ["first", "second"]


def test_names_that_another_version_adds_to_the_set_are_found_with_the_rows(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SystemClock())
    spread(table, 3)
    objects.put(policy("new"))
    objects.put(policy("old"))
    table.delete_many([keys.policy_row(APP, NamespacedName("ns", "old"))])
    table.client.update_item(
        TableName=table.name,
        Key=keys.policies(APP),
        UpdateExpression="ADD policies :name",
        ExpressionAttributeValues={":name": {"SS": ["ns/old"]}},
    )
    assert found(objects) == ["new", "old"]


def test_names_that_an_earlier_version_gave_up_are_found_and_get_rows(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SystemClock())
    objects.put(policy("first"))
    table.write_many([keys.policies(APP) | {"isFull": keys.text("yes")}])
    assert found(objects) == ["first"]
    objects.put(policy("second"))
    assert rows(table) == ["ns/first", "ns/second"]
    assert found(objects) == ["first", "second"]


@pytest.mark.parametrize("count", [0, 150], ids=["in a set", "in rows"])
def test_a_policy_that_moves_or_goes_is_found_no_more(table: Table, count: int) -> None:
    objects = DynamoObjects(table=table, clock=SystemClock())
    if count:
        spread(table, count)
    for name in ("gone", "moved", "stays"):
        objects.put(policy(name))
    objects.put(policy("moved", repository="other"))
    objects.delete("ImagePolicy", NamespacedName("ns", "gone"))
    assert found(objects) == ["stays"]
    left = {*rows(table), *set_of(table)}
    assert {name for name in left if name.startswith("ns/")} == {"ns/stays"}


def test_a_name_whose_policy_refers_to_another_repository_is_passed_over(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SystemClock())
    objects.put(policy("mine"))
    objects.put(policy("other", repository="other"))
    table.write_many([keys.policies(APP) | {"policies": {"SS": ["ns/mine", "ns/other", "ns/nobody"]}}])
    assert found(objects) == ["mine"]


def test_the_item_of_a_repository_with_rows_goes_when_it_has_no_policy(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SystemClock())
    objects.put(document("ImageRepository", image="registry.test/app"))
    spread(table, 0)
    objects.put(policy("last"))
    index = PolicyIndex(table=table)
    index.drop_unused_rows(APP)
    assert found(objects) == ["last"]
    objects.delete("ImagePolicy", NamespacedName("ns", "last"))
    objects.delete("ImageRepository", APP)
    assert list(table.query("policies#ns/app")) == []


def test_a_policy_that_comes_while_the_item_goes_is_found(table: Table) -> None:
    spread(table, 0)
    objects = DynamoObjects(table=table, clock=SystemClock())
    before = table.get(keys.policies(APP)) or {}
    actions = PolicyIndex(table=table).adding(APP, NamespacedName("ns", "new"), before)
    PolicyIndex(table=table).drop_unused_rows(APP)
    assert table.get(keys.policies(APP)) is None
    objects.put(policy("new", repository="other"))
    table.client.transact_write_items(TransactItems=actions)  # type: ignore[arg-type]
    assert PolicyIndex(table=table).names([APP]) == [NamespacedName("ns", "new")]


def test_the_index_of_a_table_of_an_earlier_version_is_spread_when_it_is_brought_up_to_date(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SystemClock())
    stored = objects.put(policy("first"))
    table.write_many([keys.policies(APP) | {"policies": {"SS": ["ns/first", *FEW]}}])
    objects.reindex([stored])
    assert len(rows(table)) == len(FEW) + 1
    assert set_of(table) == []
    objects.reindex([stored])
    assert found(objects) == ["first"]
