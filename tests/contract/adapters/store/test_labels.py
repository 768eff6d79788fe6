"""The policies of a namespace are found by their labels, whatever is changed, and few reads find a few of many."""

from __future__ import annotations

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.key_index import ENTRIES_A_QUERY
from tagstream.adapters.store.label_index import MOST_LABEL_BYTES, MOST_LABELS
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName


@pytest.fixture
def objects(table: Table) -> DynamoObjects:
    return DynamoObjects(table=table, clock=SystemClock())


def policy(name: str, namespace: str = "ns", **labels: str) -> dict[str, object]:
    return {
        "apiVersion": "image.toolkit.fluxcd.io/v1",
        "kind": "ImagePolicy",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"imageRepositoryRef": {"name": "app"}, "policy": {"alphabetical": {}}},
    }


def found(objects: DynamoObjects, name: str, value: str, most: int = 200) -> list[str] | None:
    named = objects.labelled("ns", (name, value), most)
    return None if named is None else sorted(key.name for key in named)


def test_a_policy_is_found_by_each_of_its_labels_in_its_own_namespace(objects: DynamoObjects) -> None:
    objects.put(policy("a", team="x", tier="web"))
    objects.put(policy("b", team="x"))
    objects.put(policy("c", team="xy"))
    objects.put(policy("d", namespace="other", team="x"))
    assert found(objects, "team", "x") == ["a", "b"]
    assert found(objects, "tier", "web") == ["a"]
    assert found(objects, "tier", "") == []


def test_a_label_that_more_policies_have_than_are_wanted_is_not_looked_up_further(objects: DynamoObjects) -> None:
    for number in range(4):
        objects.put(policy(f"a-{number}", team="x"))
    assert found(objects, "team", "x", most=4) == ["a-0", "a-1", "a-2", "a-3"]
    assert found(objects, "team", "x", most=3) is None


def test_many_labels_are_looked_up_together_unless_the_namespace_has_too_many(objects: DynamoObjects) -> None:
    for number in range(ENTRIES_A_QUERY):
        objects.put(policy(f"a-{number:02}", app=f"a=b/{number:02}"))
    objects.put(policy("b", namespace="other", app="b"))
    first, long = ("app", "a=b/00"), ("app", "x" * (MOST_LABEL_BYTES + 1))
    looked_up = objects.labelled_each("ns", [first, ("app", "b"), long])
    assert looked_up == {first: {NamespacedName("ns", "a-00")}, ("app", "b"): set(), long: None}
    objects.put(policy("a-last", app=first[1]))
    both = {NamespacedName("ns", "a-00"), NamespacedName("ns", "a-last")}
    assert objects.labelled_each("ns", [first, ("app", "b")]) == {first: both, ("app", "b"): set()}
    assert objects.labelled_each("ns", [first]) is None


def test_entries_change_and_go_with_the_policy(objects: DynamoObjects, table: Table) -> None:
    objects.put(policy("a", team="x"))
    objects.put(policy("a", team="y"))
    assert (found(objects, "team", "x"), found(objects, "team", "y")) == ([], ["a"])
    objects.annotate("ImagePolicy", NamespacedName("ns", "a"), {"note": "text"})
    assert found(objects, "team", "y") == ["a"]
    objects.delete("ImagePolicy", NamespacedName("ns", "a"))
    assert list(table.query(keys.labels("ns"))) == []


def test_a_policy_with_more_labels_than_a_transaction_holds_is_found_by_all_of_them(objects: DynamoObjects) -> None:
    many = {f"label-{number}": "x" for number in range(MOST_LABELS + 5)}
    objects.put(policy("a", **many))
    assert all(found(objects, name, "x") == ["a"] for name in many)
    others = {f"other-{number}": "x" for number in range(MOST_LABELS + 5)}
    objects.put(policy("a", **others))
    assert all(found(objects, name, "x") == ["a"] for name in others)


def test_a_label_that_no_key_holds_is_stored_with_its_policy_and_cannot_be_looked_up(objects: DynamoObjects) -> None:
    long = "x" * MOST_LABEL_BYTES
    objects.put(policy("a", team=long))
    assert found(objects, "team", long) is None


def test_labels_that_have_one_entry_together_are_stored_once(objects: DynamoObjects) -> None:
    objects.put(policy("a", **{"a": "b=c", "a=b": "c"}))
    assert found(objects, "a", "b=c") == found(objects, "a=b", "c") == ["a"]


@pytest.mark.parametrize("count", [3, 120])
def test_lost_entries_come_back(objects: DynamoObjects, table: Table, count: int) -> None:
    for number in range(count):
        objects.put(policy(f"a-{number}", team="x"))
    lost = [keys.label(NamespacedName("ns", f"a-{number}"), "team", "x") for number in range(0, count, 2)]
    table.delete_many(lost)
    objects.put_index_right(objects.list("ImagePolicy"))
    assert len(found(objects, "team", "x") or ()) == count


def test_no_entry_outlives_more_labels_than_a_transaction_holds(objects: DynamoObjects, table: Table) -> None:
    many = {f"label-{number}": "x" for number in range(MOST_LABELS + 5)}
    objects.put(policy("a", **many))
    objects.put(policy("a", team="x"))
    assert [keys.read_text(item, "sk") for item in table.query(keys.labels("ns"))] == ["team=x/a"]
    objects.put(policy("a", **many))
    objects.delete("ImagePolicy", NamespacedName("ns", "a"))
    assert list(table.query(keys.labels("ns"))) == []


def test_the_look_at_all_policies_removes_entries_without_a_label(objects: DynamoObjects, table: Table) -> None:
    objects.put(policy("a", team="x"))
    objects.put(policy("b"))
    untrue = [("a", "team", "y"), ("a", "tier", "web"), ("b", "team", "x"), ("gone", "team", "x")]
    table.write_many([keys.label(NamespacedName("ns", name), *label) for name, *label in untrue])
    objects.put_index_right(objects.list("ImagePolicy"))
    assert [keys.read_text(item, "sk") for item in table.query(keys.labels("ns"))] == ["team=x/a"]


def test_the_look_keeps_entries_of_policies_that_are_newer_than_it(objects: DynamoObjects) -> None:
    objects.put(policy("a", team="x"))
    before = objects.list("ImagePolicy")
    objects.put(policy("a", team="y"))
    objects.put(policy("b", team="y"))
    objects.put_index_right(before)
    assert found(objects, "team", "y") == ["a", "b"]
