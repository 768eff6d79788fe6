"""A status that the table has no capacity for hinders no other status of its batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tagstream.adapters.store import keys
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import OutOfOrder
from tagstream.ports.objects import StoredObject
from tests.contract.reconciling import document
from tests.contract.skipping_clock import SkippingClock

KIND = "ImageRepository"
COUNT, BUSY = 12, 5


def names() -> list[NamespacedName]:
    return [NamespacedName("ns", f"app-{number:02}") for number in range(COUNT)]


class Busy:
    """A client whose table has no capacity for one item, as DynamoDB answers then."""

    def __init__(self, inner: Any, busy: keys.Item) -> None:
        self._inner, self._busy = inner, busy

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _is_busy(self, item: Any) -> bool:
        return all(item.get(name) == self._busy[name] for name in ("pk", "sk"))

    def put_item(self, **call: Any) -> Any:
        if self._is_busy(call["Item"]):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "PutItem")
        return self._inner.put_item(**call)

    def transact_write_items(self, **call: Any) -> Any:
        codes = ["ThrottlingError" if self._is_busy(one["Put"]["Item"]) else "None" for one in call["TransactItems"]]
        if "ThrottlingError" in codes:
            answer: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
                "CancellationReasons": [{"Code": code} for code in codes],
            }
            raise ClientError(answer, "TransactWriteItems")
        return self._inner.transact_write_items(**call)

    def batch_write_item(self, RequestItems: Any) -> Any:  # noqa: N803
        ((table, requests),) = RequestItems.items()
        left = [one for one in requests if self._is_busy(one["PutRequest"]["Item"])]
        now = [one for one in requests if one not in left]
        answer = self._inner.batch_write_item(RequestItems={table: now}) if now else {}
        return {**answer, "UnprocessedItems": {table: left} if left else {}}


@pytest.mark.parametrize("before", [{}, {"observedGeneration": 1}], ids=["first", "later"])
def test_a_status_that_the_table_is_too_busy_for_is_the_only_one_that_is_not_written(
    table: Table, before: dict[str, object]
) -> None:
    there = DynamoObjects(table=table, clock=SkippingClock())
    found: list[StoredObject] = []
    for name in names():
        one = document(KIND, image="host/app") | {"metadata": {"name": name.name, "namespace": name.namespace}}
        found.append(replace(there.put(one), status=before))
    if before:
        first = [(replace(one, status={}), before) for one in found]
        assert there.put_statuses(first) == [None] * COUNT
    busy: Any = Busy(table.client, keys.key(keys.statuses(KIND), str(names()[BUSY])))
    objects = DynamoObjects(table=Table(client=busy, name=table.name, clock=SkippingClock()), clock=SkippingClock())
    outcomes = objects.put_statuses([(one, {"observedGeneration": 2}) for one in found])
    assert isinstance(outcomes[BUSY], OutOfOrder)
    assert [place for place, one in enumerate(outcomes) if one is not None] == [BUSY]
    statuses = [one.status for one in there.get_many(KIND, names())]
    assert [place for place, one in enumerate(statuses) if one == {"observedGeneration": 2}] == [
        place for place in range(COUNT) if place != BUSY
    ]
    assert statuses[BUSY] == before
