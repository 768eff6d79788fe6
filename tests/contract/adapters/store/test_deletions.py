"""A deletion leaves nothing that a new object of the same name would believe, whoever dies or writes meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.selections import DynamoSelections
from tagstream.adapters.store.table import Table, name_of
from tagstream.adapters.store.tag_state import tag_state_key
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.selections import Waiting
from tests.contract.reconciling import document, selection
from tests.embedded.single_writes import put_selection, put_status

APP = NamespacedName("ns", "app")
KINDS = ("ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "GitRepository", "Receiver", "Kustomization")
NOW = datetime(2026, 11, 28, 5, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("unmarked_table")


class Died(BaseException):
    """The worker is gone: nothing that it would do next happens."""


@dataclass
class Mortal:
    """A client of a worker that dies after its first transaction; ``before`` is what others do just before it."""

    inner: Any
    before: Callable[[], object] = lambda: None
    dies: bool = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def transact_write_items(self, **given: Any) -> Any:
        before, self.before = self.before, lambda: None
        before()
        answer = self.inner.transact_write_items(**given)
        if self.dies:
            raise Died
        return answer


@dataclass
class Overtaken:
    """A client before whose first write others do something."""

    inner: Any
    before: Callable[[], object]

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("put", "update", "delete", "batch_write", "transact")):
            before, self.before = self.before, lambda: None
            before()
        return getattr(self.inner, name)


@pytest.fixture
def objects(table: Table) -> DynamoObjects:
    return DynamoObjects(table=table, clock=SystemClock())


def objects_of(client: Mortal, table: Table) -> DynamoObjects:
    return DynamoObjects(table=replace(table, client=client), clock=SystemClock())  # type: ignore[arg-type]


def dies_deleting(kind: str, table: Table) -> None:
    with pytest.raises(Died):
        objects_of(Mortal(table.client), table).delete(kind, APP)


def policy(*, repository: str = "app", label: str = "x") -> dict[str, object]:
    made = document("ImagePolicy", imageRepositoryRef={"name": repository}, policy={"alphabetical": {}})
    return made | {"metadata": {"name": "app", "namespace": "ns", "labels": {"team": label}}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_object_has_no_status_of_one_whose_deletion_broke_off(
    objects: DynamoObjects, table: Table, kind: str
) -> None:
    made = policy() if kind == "ImagePolicy" else document(kind)
    objects.put(made)
    put_status(objects, kind, APP, {"observedGeneration": 1})
    dies_deleting(kind, table)
    assert objects.put(made).status == {}
    assert [one.status for one in objects.list(kind)] == [{}]


def test_a_new_policy_has_no_selection_of_one_whose_deletion_broke_off(objects: DynamoObjects, table: Table) -> None:
    selections = DynamoSelections(table=table)
    objects.put(policy())
    put_selection(selections, replace(selection("v1"), policy=APP), None)
    assert selections.get(APP) is not None
    dies_deleting("ImagePolicy", table)
    assert selections.get(APP) is None


def test_a_new_automation_does_not_wait_since_its_predecessor_did(objects: DynamoObjects, table: Table) -> None:
    selections = DynamoSelections(table=table)
    objects.put(document("ImageUpdateAutomation"))
    selections.put_waiting(APP, Waiting(since=NOW, until=NOW + timedelta(minutes=5), reason="a burst"))
    dies_deleting("ImageUpdateAutomation", table)
    assert selections.waiting(APP) is None


def test_a_new_repository_has_neither_tags_nor_times_of_its_predecessor(objects: DynamoObjects, table: Table) -> None:
    objects.put(document("ImageRepository", image="r.example.com/a"))
    state = [tag_state_key(APP), keys.creation_times(APP), keys.key(keys.pending(APP))]
    table.write_many([one | {"doc": keys.document({"of": "the former one"})} for one in state])
    dies_deleting("ImageRepository", table)
    assert table.get_many(state) == []


def test_the_paths_of_a_receiver_are_closed_with_it(objects: DynamoObjects, table: Table) -> None:
    objects.put(document("Receiver"))
    path = keys.hook("/hook/a")
    table.write_many([path, keys.hook_paths(APP) | {"paths": keys.text("/hook/a")}])
    dies_deleting("Receiver", table)
    assert table.get_many([path, keys.hook_paths(APP)]) == []


def test_what_is_applied_during_a_deletion_leaves_no_entries(objects: DynamoObjects, table: Table) -> None:
    objects.put(policy())
    newer = policy(repository="other", label="y")
    client = Mortal(table.client, before=lambda: objects.put(newer), dies=False)
    assert objects_of(client, table).delete("ImagePolicy", APP)
    left = [name_of(item) for item in table.client.scan(TableName=table.name)["Items"]]
    assert [one for one in left if one[0] != "agenda"] == []


def everything_but_notes(table: Table) -> dict[tuple[str, str], Any]:
    items = table.client.scan(TableName=table.name)["Items"]
    return {name_of(item): item for item in items if name_of(item)[0] != "agenda"}


def state_of(kind: str) -> list[keys.Item]:
    """Items that a used object has, with what they say."""
    names = {
        "ImageRepository": [tag_state_key(APP), keys.creation_times(APP), keys.key(keys.pending(APP))],
        "ImagePolicy": [keys.selection(APP)],
        "ImageUpdateAutomation": [keys.waiting(APP), keys.run(APP)],
        "Receiver": [keys.hook("/hook/a"), keys.hook_paths(APP) | {"paths": keys.text("/hook/a")}],
    }
    found = [keys.key(keys.statuses(kind), str(APP)), keys.last_delivery(kind, APP), *names.get(kind, [])]
    return [one | {"doc": keys.document({"a": "b"})} for one in found]


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_that_is_applied_again_during_a_clean_up_keeps_its_state(
    objects: DynamoObjects, table: Table, kind: str
) -> None:
    made = policy() if kind == "ImagePolicy" else document(kind)
    table.write_many(state_of(kind))

    def applied_again() -> None:
        objects.put(made)
        table.write_many(state_of(kind))

    cleaning: Any = Overtaken(table.client, applied_again)
    DynamoObjects(table=replace(table, client=cleaning), clock=SystemClock()).delete_derived(kind, APP)
    left = everything_but_notes(table)
    assert {name_of(item) for item in state_of(kind)} <= set(left)


@pytest.mark.parametrize("kind", KINDS)
def test_a_clean_up_leaves_nothing(objects: DynamoObjects, table: Table, kind: str) -> None:
    table.write_many(state_of(kind))
    objects.delete_derived(kind, APP)
    assert everything_but_notes(table) == {}


def test_hundreds_of_sightings_go_with_their_repository(objects: DynamoObjects, table: Table) -> None:
    chunk = keys.key(keys.tags(APP), f"{keys.CHUNKS}a#000001")
    table.write_many([chunk, *(keys.sighting(APP, f"v{number}", "sha256:1") for number in range(250))])
    objects.delete_derived("ImageRepository", APP)
    assert everything_but_notes(table) == {}
