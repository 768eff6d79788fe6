"""What is stored says the same in other words: those of another version, or of a person. It counts as what it says."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import is_item
from tagstream.adapters.store.freezes import DynamoFreezes
from tagstream.adapters.store.ledger import DynamoLedger
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.domain.calendar.hand_freeze import HandFreeze, Scope
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.freezes import FREEZES
from tests.contract.adapters.store.test_store import APP, NOW, SetClock, records, repository, state
from tests.embedded.single_writes import put_status

KIND = "ImageRepository"


def reworded(table: Table, key: Any, **more: object) -> None:
    """Store a document with spaces, in another order and perhaps with more members."""
    item: Any = table.client.get_item(TableName=table.name, Key=key)["Item"]
    found = keys.read_document(item)
    text = json.dumps(more | dict(reversed(found.items())), indent=1)
    table.client.put_item(TableName=table.name, Item=item | {"doc": {"S": text}})


def test_a_tag_list_is_replaced_by_who_has_read_it(table: Table) -> None:
    tags = DynamoTags(table=table)
    assert tags.put(APP, state(), records("v1"), None)
    reworded(table, keys.key(keys.tags(APP), "state"), later="member")
    before = tags.state(APP)
    assert tags.put(APP, replace(state("sha256:2"), scanned_at=NOW + timedelta(minutes=1)), records("v2"), before)
    assert not tags.put(APP, state("sha256:3"), records("v3"), before)
    assert [one.tag for one in tags.tags(APP)] == ["v2"]


def _refused(*_: object) -> bool:
    raise ImageAutomationError("failed to delete an item of the table: AccessDeniedException", reason="AccessDenied")


def test_a_tag_list_that_cannot_be_read_is_given_up(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = DynamoTags(table=table)
    assert tags.put(APP, state(), records("v1"), None)
    where = keys.key(keys.tags(APP), "state")
    reworded(table, where, later="member")
    table.client.update_item(
        TableName=table.name,
        Key=where,
        UpdateExpression="SET tags = :tags",
        ExpressionAttributeValues={":tags": {"B": b"no zlib"}},
    )
    with monkeypatch.context() as reader, pytest.raises(RetryableError, match="the next scan stores them anew"):
        # Who only looks may have no right to delete it, and is told the same.
        reader.setattr(Table, "delete", _refused)
        list(tags.tags(APP, tags.state(APP)))
    assert tags.state(APP) is not None
    with pytest.raises(RetryableError, match="the next scan stores them anew"):
        list(tags.tags(APP, tags.state(APP)))
    assert tags.state(APP) is None


def test_an_object_is_changed_and_annotated(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put(repository())
    reworded(table, keys.key(keys.objects(KIND), str(APP)))
    assert objects.annotate(KIND, APP, {"note": "1"})
    reworded(table, keys.key(keys.objects(KIND), str(APP)))
    changed = objects.put(repository("other"))
    assert changed.document["metadata"]["generation"] == 2  # type: ignore[index]
    stored = objects.get(KIND, APP)
    assert stored is not None
    assert stored.document == changed.document


def test_numbers_and_truth_are_not_the_same(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put(repository(suspend=1))
    changed = objects.put(repository(suspend=True))
    assert changed.document["spec"]["suspend"] is True  # type: ignore[index]
    assert changed.document["metadata"]["generation"] == 2  # type: ignore[index]


@pytest.mark.parametrize("level", [0, 9])
def test_a_status_that_was_compressed_otherwise_is_replaced_by_who_has_read_it(table: Table, level: int) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put(repository())
    large = {"conditions": [], "words": "many " * 2000}
    put_status(objects, KIND, APP, large)
    where = keys.key(keys.statuses(KIND), str(APP))
    packed = zlib.compress(json.dumps(large, sort_keys=True, separators=(",", ":")).encode(), level)
    table.client.put_item(TableName=table.name, Item=where | {"doc": {"B": packed}})
    stored = objects.get(KIND, APP)
    assert stored is not None
    assert objects.replace_status(stored, {"observedGeneration": 1})
    assert not objects.replace_status(stored, {"observedGeneration": 2})


def test_a_status_that_an_older_version_has_not_compressed_is_replaced_by_who_has_read_it(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put(repository())
    where = keys.key(keys.statuses(KIND), str(APP))
    table.put(where | {"doc": keys.document({"conditions": [], "words": "many " * 2000})})
    stored = objects.get(KIND, APP)
    assert stored is not None
    assert objects.replace_status(stored, {"observedGeneration": 1})
    assert not objects.replace_status(stored, {"observedGeneration": 2})


def test_a_status_that_nobody_can_read_is_replaced(table: Table) -> None:
    objects = DynamoObjects(table=table, clock=SetClock())
    objects.put(repository())
    where = keys.key(keys.statuses(KIND), str(APP))
    table.client.put_item(TableName=table.name, Item=where | {"doc": {"S": "{broken"}})
    stored = objects.get(KIND, APP)
    assert stored is not None
    assert objects.replace_status(stored, {"observedGeneration": 1})


def test_freezes_are_replaced_by_who_has_read_them(table: Table) -> None:
    freezes = DynamoFreezes(table=table, ledger=DynamoLedger(table=table, ttl_s=60))
    one = HandFreeze(scope=Scope(), author="somebody", made_at=NOW)
    assert freezes.replace((), (one,), ())
    reworded(table, keys.key(keys.objects(FREEZES.kind), str(FREEZES.key)))
    before = freezes.read()
    assert freezes.replace(before, (replace(one, reason="why"),), ())
    assert not freezes.replace(before, (), ())


@pytest.mark.parametrize("document", ["{not json", '{"freezes": 7}', '{"freezes": [{"a": 1}]}', "[]"])
def test_freezes_that_nobody_can_read_are_given_up(table: Table, document: str) -> None:
    freezes = DynamoFreezes(table=table, ledger=DynamoLedger(table=table, ttl_s=60))
    table.put(
        keys.key(keys.objects(FREEZES.kind), str(FREEZES.key)) | {"t": keys.text("object"), "doc": {"S": document}}
    )
    with pytest.raises(ImageAutomationError, match="thaw --all"):
        freezes.read()
    assert not freezes.replace((HandFreeze(scope=Scope(), author="somebody", made_at=NOW),), (), ())
    assert freezes.give_up(())
    assert freezes.read() == ()
    assert not freezes.give_up(())


def test_an_item_is_the_one_that_was_written_whatever_form_its_numbers_and_sets_have() -> None:
    written: Any = {"pk": {"S": "a"}, "n": {"N": "1e-07"}, "names": {"SS": ["b", "a"]}}
    stored: Any = {"pk": {"S": "a"}, "n": {"N": "0.0000001"}, "names": {"SS": ["a", "b"]}}
    assert is_item(stored, written)
    assert not is_item(stored | {"n": {"N": "2"}}, written)
    assert not is_item(None, written)
