"""The table as a handful of calls: paging, batching and conditional writes in one place.

A failed condition is answered with False; throttling and outages are OutOfOrder. A write whose answer got lost
counts as what it was: after a failed condition, and after an outage in the middle of a conditional write, the item is
read, and a write that finds itself stored has succeeded.

Reads are strongly consistent. Where a caller says that the answer may lag behind the last moment's writes, they are
eventually consistent, which costs half.

Queries are paged here and not by boto3's paginator. The paginator reads one more data file at every cold start, and it
raises the errors of a page where the pages are consumed instead of where they are translated.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeVar, cast

from botocore.exceptions import ClientError

from tagstream.adapters.store.combined import Combined
from tagstream.adapters.store.conditions import UNCONDITIONAL, Condition, GuardedPut, guard, has_all, is_item
from tagstream.adapters.store.table_errors import hindered, is_cancelled, translated
from tagstream.errors import ImageAutomationError, OutOfOrder, RetryableError
from tagstream.ports.runtime import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.literals import ReturnValueType
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

    from tagstream.adapters.store.keys import Item

GET_BATCH = 100
LONGEST_PARTITION_KEY, LONGEST_SORT_KEY = 2_048, 1_024
"""In bytes, as DynamoDB allows. An object may refer to one whose name is longer: then there is no such item."""
WRITE_BATCH = 25
TRANSACTION = 100
# So many reads or writes at once go along with those of other threads; more are batches of their own.
SHARED = 8
BATCH_TRIES = 8
PUT_TRIES = 5
T = TypeVar("T")
Action = dict[str, object]
"""One member of a transaction, as DynamoDB's TransactWriteItems takes it."""


def chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive slices of at most ``size``."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table through one client; safe to share between threads.

    Reads and writes of threads that come at the same time share their calls. Conditional puts share a transaction; when
    one of them cannot be written, the others are written all the same.
    """

    client: DynamoDBClient
    name: str
    clock: Clock
    reads: Combined[Item, Item | None] = field(init=False, repr=False, compare=False)
    writes: Combined[WriteRequestTypeDef, ImageAutomationError | None] = field(init=False, repr=False, compare=False)
    guarded: Combined[GuardedPut, bool | ImageAutomationError] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Give each table its own queues of requests."""
        object.__setattr__(self, "reads", Combined(self._read_together, GET_BATCH))
        object.__setattr__(self, "writes", Combined(self._write_together, WRITE_BATCH))
        object.__setattr__(self, "guarded", Combined(self._put_together, TRANSACTION))

    def get(self, key: Item) -> Item | None:
        """One item, or None."""
        return self.reads.ask({name_of(key): key})[0]

    def _read_together(self, keys: Sequence[Item]) -> list[Item | None]:
        if len(keys) == 1 and _is_possible(keys[0]):
            with translated("read an item"):
                return [self.client.get_item(TableName=self.name, Key=keys[0], ConsistentRead=True).get("Item")]
        found = {name_of(item): item for item in self._get_batches(keys)}
        return [found.get(name_of(key)) for key in keys]

    def get_many(self, keys: Sequence[Item], *, may_lag: bool = False) -> list[Item]:
        """The items that exist, in no order; few go along with those of other threads."""
        if may_lag or not 0 < len(keys) <= SHARED:
            return self._get_batches(keys, may_lag=may_lag)
        return [item for item in self.reads.ask({name_of(key): key for key in keys}) if item is not None]

    def _get_batches(self, keys: Sequence[Item], *, may_lag: bool = False) -> list[Item]:
        """A hundred keys a request, unprocessed ones repeated."""
        found: list[Item] = []
        for part in chunks([key for key in keys if _is_possible(key)], GET_BATCH):
            pending = list(part)
            for attempt in range(BATCH_TRIES):
                with translated("read items"):
                    answer = self.client.batch_get_item(
                        RequestItems={self.name: {"Keys": pending, "ConsistentRead": not may_lag}}
                    )
                found.extend(answer["Responses"].get(self.name, []))
                left = answer.get("UnprocessedKeys", {}).get(self.name)
                pending = list(left["Keys"]) if left else []
                if not pending:
                    break
                self.back_off(attempt)
            if pending:
                raise OutOfOrder("failed to read items in the table: throttled", reason="StorageOperationFailed")
        return found

    def query(self, pk: str, prefix: str = "", *, may_lag: bool = False, most: int | None = None) -> Iterator[Item]:
        """All items of a partition whose sort key starts with ``prefix``, in sort order; the first ``most`` of them."""
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if prefix:
            condition, values = condition + " AND begins_with(sk, :sk)", values | {":sk": {"S": prefix}}
        yield from islice(self._pages(condition, values, may_lag=may_lag, most=most), most)

    def query_between(self, pk: str, low: str, high: str, most: int | None = None) -> Iterator[Item]:
        """Items of a partition with ``low`` <= sort key <= ``high``, in sort order; the first ``most`` of them."""
        values = {":pk": {"S": pk}, ":low": {"S": low}, ":high": {"S": high}}
        yield from islice(self._pages("pk = :pk AND sk BETWEEN :low AND :high", values, most=most), most)

    def get_near(self, pk: str, names: Collection[str], worth: int) -> list[Item]:
        """Items of one partition that may lie side by side, with others that lie between them.

        Args:
            pk: of the partition.
            names: the sort keys; at least one.
            worth: so many small items cost as much in pages as one by its key. At most so many for each name are read
                in pages; the rest is read by key then.
        """
        # The table compares bytes, which is the order of code points.
        ordered = sorted(names)
        most = worth * len(ordered)
        found = list(self.query_between(pk, ordered[0], ordered[-1], most))
        end = name_of(found[-1])[1] if len(found) == most else ordered[-1]
        left: list[Item] = [{"pk": {"S": pk}, "sk": {"S": name}} for name in ordered if name > end]
        return found + self.get_many(left)

    def _pages(
        self,
        condition: str,
        values: Mapping[str, Mapping[str, str]],
        *,
        may_lag: bool = False,
        most: int | None = None,
    ) -> Iterator[Item]:
        start: Item = {}
        while True:
            more: dict[str, object] = {"ExclusiveStartKey": start} if start else {}
            if most is not None:
                more["Limit"] = most
            with translated("query items"):
                page = self.client.query(
                    TableName=self.name,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ConsistentRead=not may_lag,
                    **more,  # type: ignore[arg-type]
                )
            yield from page["Items"]
            start = page.get("LastEvaluatedKey") or {}
            if not start:
                return

    def put(self, item: Item, condition: Condition | None = None) -> bool:
        """Write one item; False when the condition did not hold and another item is stored."""
        if condition is None:
            self.write_many([item])
            return True
        (outcome,) = self.put_each([GuardedPut(item, condition)])
        if isinstance(outcome, ImageAutomationError):
            raise outcome
        return outcome

    def put_each(self, puts: Sequence[GuardedPut]) -> list[bool | ImageAutomationError]:
        """Write different items: for each whether its own condition held, or why it could not be written."""
        return self.guarded.ask({name_of(one.item): one for one in puts}) if puts else []

    def _put_together(self, puts: Sequence[GuardedPut]) -> list[bool | ImageAutomationError]:
        """For each whether its condition held, or why it could not be written.

        A single put is a plain one: a transaction costs twice the write units.
        """
        if len(puts) == 1:
            return [self._put_alone(puts[0])]
        actions = [{"Put": {"TableName": self.name, "Item": one.item, **guard(one.condition)}} for one in puts]
        try:
            with translated("write items"):
                self.client.transact_write_items(TransactItems=actions, ClientRequestToken=secrets.token_hex(16))  # type: ignore[arg-type]
        except ClientError as error:
            return self._put_others(puts, hindered(error, len(puts)))
        except RetryableError as error:
            if is_cancelled(error):
                return self._put_others(puts, frozenset(range(len(puts))))
            # Its answer may have been lost.
            stored = self._read_together([{"pk": one.item["pk"], "sk": one.item["sk"]} for one in puts])
            return [is_item(found, one.item) or error for found, one in zip(stored, puts, strict=True)]
        except ImageAutomationError:
            # One item that the table refuses must not take the others with it.
            return self._put_others(puts, frozenset(range(len(puts))))
        return [True] * len(puts)

    def _put_others(self, puts: Sequence[GuardedPut], alone: Collection[int]) -> list[bool | ImageAutomationError]:
        """Write what a cancelled transaction was to write: some one by one, the others together."""
        together = [place for place in range(len(puts)) if place not in alone]
        found = dict(
            zip(together, self._put_together([puts[place] for place in together]) if together else (), strict=True)
        )
        return [found[place] if place in found else self._put_alone(puts[place]) for place in range(len(puts))]

    def _put_alone(self, put: GuardedPut) -> bool | ImageAutomationError:
        def write() -> None:
            with translated("write an item"):
                self.client.put_item(TableName=self.name, Item=put.item, **guard(put.condition))  # type: ignore[arg-type]

        try:
            return self._settled(write, put.item, lambda stored: is_item(stored, put.item))
        except ImageAutomationError as error:
            return error

    def update(self, key: Item, expression: str, condition: Condition, mark: Item | None = None) -> bool:
        """Update one item.

        Args:
            key: of the item.
            expression: SET, ADD and REMOVE.
            condition: whose names and values both expressions share.
            mark: attributes that only this very update leaves behind; an item that has them all is its result.

        Returns:
            False when the condition did not hold.
        """

        own = self._updated(
            key, expression, condition, "NONE", lambda stored: mark is not None and has_all(stored, mark)
        )
        return own is not None

    def changed(self, key: Item, expression: str, condition: Condition, mark: Item) -> Item | None:
        """Update one item as ``update`` does.

        Returns:
            The whole item as it is now, without a read; None when the condition did not hold.
        """
        stored_now: Item = {}

        def is_own(stored: Item | None) -> bool:
            stored_now.update(stored or {})
            return has_all(stored, mark)

        answered = self._updated(key, expression, condition, "ALL_NEW", is_own)
        return None if answered is None else answered or stored_now

    def exchange(self, key: Item, expression: str, condition: Condition) -> Item | None:
        """Update one item as ``update`` does.

        Returns:
            What the changed attributes were before, as far as the answer says so; None when the condition did not hold.
        """
        return self._updated(key, expression, condition, "UPDATED_OLD", lambda _: False)

    def _updated(
        self,
        key: Item,
        expression: str,
        condition: Condition,
        returns: ReturnValueType,
        is_own: Callable[[Item | None], bool],
    ) -> Item | None:
        """The attributes that the answer names, none if the answer got lost; None when the condition did not hold."""
        answered: Item = {}

        def write() -> None:
            with translated("update an item"):
                answer = self.client.update_item(
                    TableName=self.name,
                    Key=key,
                    UpdateExpression=expression,
                    ReturnValues=returns,
                    **guard(condition),  # type: ignore[arg-type]
                )
            answered.update(answer.get("Attributes", {}))

        return answered if self._settled(write, key, is_own) else None

    def delete(self, key: Item, condition: Condition | None = None) -> bool:
        """Remove one item; False when the condition did not hold and there still is one."""
        if condition is None:
            self.delete_many([key])
            return True

        def write() -> None:
            with translated("delete an item"):
                self.client.delete_item(TableName=self.name, Key=key, **guard(condition))  # type: ignore[arg-type]

        return self._settled(write, key, lambda stored: stored is None)

    def replace(self, item: Item, condition: Condition, others: Sequence[Action] = ()) -> bool:
        """Put an item and carry out a few other actions, all or nothing; False when the condition did not hold.

        Another writer of one of the items at the same moment counts as a condition that did not hold.
        """
        actions = [{"Put": {"TableName": self.name, "Item": item, **guard(condition)}}, *others]
        token = secrets.token_hex(16)

        def write() -> None:
            with translated("write items"):
                self.client.transact_write_items(TransactItems=actions, ClientRequestToken=token)  # type: ignore[arg-type]

        return self._settled(write, item, lambda stored: is_item(stored, item))

    def remove(self, key: Item, condition: Condition, others: Sequence[Action]) -> bool:
        """Remove an item and carry out a few other actions, all or nothing; False when the item is still there.

        Another writer of one of the items at the same moment counts as a condition that did not hold.
        """
        actions = [self.deleting(key, condition), *others]
        token = secrets.token_hex(16)

        def write() -> None:
            with translated("delete items"):
                self.client.transact_write_items(TransactItems=actions, ClientRequestToken=token)  # type: ignore[arg-type]

        return self._settled(write, key, lambda stored: stored is None)

    def putting(self, item: Item) -> Action:
        """The action that puts an item."""
        return {"Put": {"TableName": self.name, "Item": item}}

    def deleting(self, key: Item, condition: Condition | None = None) -> Action:
        """The action that deletes an item."""
        return {"Delete": {"TableName": self.name, "Key": key, **guard(condition or UNCONDITIONAL)}}

    def updating(self, key: Item, expression: str, values: Item) -> Action:
        """The action that updates an item."""
        return {
            "Update": {
                "TableName": self.name,
                "Key": key,
                "UpdateExpression": expression,
                "ExpressionAttributeValues": values,
            }
        }

    def _settled(self, write: Callable[[], None], key: Item, is_own: Callable[[Item | None], bool]) -> bool:
        """Whether a conditional write is in effect, also when its answer, or that of its first try, got lost."""
        try:
            write()
        except ClientError as error:
            # What stands in the way comes with the refusal, but not with that of a transaction.
            stored = cast("Item | None", error.response.get("Item"))
            return is_own(stored or self._read_alone(key))
        except RetryableError:
            if is_own(self._read_alone(key)):
                return True
            raise
        return True

    def _read_alone(self, key: Item) -> Item | None:
        return self._read_together([{"pk": key["pk"], "sk": key["sk"]}])[0]

    def write_many(self, items: Sequence[Item]) -> None:
        """Put many items, unconditionally."""
        self._write([{"PutRequest": {"Item": item}} for item in items])

    def write_each(self, items: Sequence[Item]) -> list[ImageAutomationError | None]:
        """Put different items, unconditionally: for each why it could not be written, None for those that are."""
        requests: list[WriteRequestTypeDef] = [{"PutRequest": {"Item": item}} for item in items]
        is_shared = len(requests) <= SHARED
        answers: list[ImageAutomationError | None] = []
        for part in chunks(requests, WRITE_BATCH):
            try:
                answers += self._shared(part) if is_shared else self._write_together(part)
            except RetryableError as error:
                answers += [error] * len(part)
        return answers

    def delete_many(self, keys: Sequence[Item]) -> None:
        """Remove many items, unconditionally."""
        self._write([{"DeleteRequest": {"Key": {"pk": key["pk"], "sk": key["sk"]}}} for key in keys])

    def _write(self, requests: Sequence[WriteRequestTypeDef]) -> None:
        """Few requests go along with those of other threads; many are batches of their own."""
        answers: list[ImageAutomationError | None] = []
        if len(requests) <= SHARED:
            answers = self._shared(requests)
        else:
            for part in chunks(requests, WRITE_BATCH):
                answers += self._write_together(part)
        for refused in answers:
            if refused is not None:
                raise refused

    def _shared(self, requests: Sequence[WriteRequestTypeDef]) -> list[ImageAutomationError | None]:
        return self.writes.ask({_name_of_request(one): one for one in requests}) if requests else []

    def _write_together(self, requests: Sequence[WriteRequestTypeDef]) -> list[ImageAutomationError | None]:
        """Why each was refused; None for those that are written."""
        try:
            left = {_name_of_request(one) for one in self._write_batch(requests)}
        except RetryableError:
            raise
        except ImageAutomationError as error:
            # One item that the table refuses must not take the others with it.
            return [error] if len(requests) == 1 else [self._write_together([one])[0] for one in requests]
        throttled = OutOfOrder("failed to write items in the table: throttled", reason="StorageOperationFailed")
        return [throttled if _name_of_request(one) in left else None for one in requests]

    def _write_batch(self, requests: Sequence[WriteRequestTypeDef]) -> Sequence[WriteRequestTypeDef]:
        """Write these, and return those that the table had no capacity for, however often it was asked."""
        if len(requests) == 1:
            self._write_alone(requests[0])
            return ()
        pending = requests
        for attempt in range(BATCH_TRIES):
            with translated("write items"):
                answer = self.client.batch_write_item(RequestItems={self.name: pending})
            pending = cast("Sequence[WriteRequestTypeDef]", answer.get("UnprocessedItems", {}).get(self.name, []))
            if not pending:
                break
            self.back_off(attempt)
        return pending

    def _write_alone(self, request: WriteRequestTypeDef) -> None:
        with translated("write an item"):
            if "PutRequest" in request:
                self.client.put_item(TableName=self.name, Item=request["PutRequest"]["Item"])
            else:
                self.client.delete_item(TableName=self.name, Key=request["DeleteRequest"]["Key"])

    def back_off(self, attempt: int) -> None:
        """Wait before the next try; ``attempt`` counts from 0."""
        # Full jitter, as the SDK's own retries do; batches are not retried by the SDK item by item.
        self.clock.sleep(random.uniform(0, min(2.0, 0.05 * 2**attempt)))


def _is_possible(key: Item) -> bool:
    pk, sk = name_of(key)
    return len(pk.encode()) <= LONGEST_PARTITION_KEY and len(sk.encode()) <= LONGEST_SORT_KEY


def name_of(item: Mapping[str, object]) -> tuple[str, str]:
    """The primary key of an item, or of a key, as a value that can be compared."""
    pk, sk = (cast("dict[str, str]", item[name])["S"] for name in ("pk", "sk"))
    return pk, sk


def _name_of_request(request: WriteRequestTypeDef) -> tuple[str, str]:
    found = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
    return name_of(found)
