"""The table as a handful of calls: paging, batching and conditional writes in one place.

In: keys and items of ``keys``. Out: items; a lost condition is False; throttling and outages are RetryableError.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.runtime import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

    from tagstream.adapters.store.keys import Item

GET_BATCH = 100
WRITE_BATCH = 25
BATCH_TRIES = 8
PUT_TRIES = 5
CONDITION_FAILED = "ConditionalCheckFailedException"
OVERTAKEN = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
RETRYABLE = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionCanceledException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)

T = TypeVar("T")


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn the SDK's errors into ours; a failed condition passes through.

    Raises:
        RetryableError: throttled or unreachable, reason ``StorageOperationFailed``.
        ImageAutomationError: anything else the table refuses.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "Unknown")
        if code == CONDITION_FAILED or _is_overtaken(error):
            raise
        kind = RetryableError if code in RETRYABLE else ImageAutomationError
        raise kind(f"failed to {action} in the table: {code}", reason="StorageOperationFailed") from error
    except BotoCoreError as error:
        raise RetryableError(
            f"failed to {action} in the table: {type(error).__name__}", reason="StorageOperationFailed"
        ) from error


def _is_overtaken(error: ClientError) -> bool:
    """Whether a transaction was cancelled for what another has written, and not for want of capacity."""
    reasons = cast("Sequence[Mapping[str, object]]", error.response.get("CancellationReasons") or ())
    return any(one.get("Code") in OVERTAKEN for one in reasons)


def chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive slices of at most ``size``."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition expression, empty for none, with its names and values."""

    expression: str
    names: Mapping[str, str]
    values: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table through one client; safe to share between threads."""

    client: DynamoDBClient
    name: str
    clock: Clock

    def get(self, key: Item, *, consistent: bool = True) -> Item | None:
        """One item, or None."""
        with translated("read an item"):
            found = self.client.get_item(TableName=self.name, Key=key, ConsistentRead=consistent)
        return found.get("Item")

    def get_many(self, keys: Sequence[Item]) -> list[Item]:
        """The items that exist, in no order; a hundred keys a request, unprocessed ones repeated."""
        found: list[Item] = []
        for part in chunks(keys, GET_BATCH):
            pending = list(part)
            for attempt in range(BATCH_TRIES):
                with translated("read items"):
                    answer = self.client.batch_get_item(
                        RequestItems={self.name: {"Keys": pending, "ConsistentRead": True}}
                    )
                found.extend(answer["Responses"].get(self.name, []))
                left = answer.get("UnprocessedKeys", {}).get(self.name)
                pending = list(left["Keys"]) if left else []
                if not pending:
                    break
                self._back_off(attempt)
            if pending:
                raise RetryableError("failed to read items in the table: throttled", reason="StorageOperationFailed")
        return found

    def query(self, pk: str, prefix: str = "") -> Iterator[Item]:
        """All items of a partition whose sort key starts with ``prefix``, in sort order."""
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if prefix:
            condition, values = condition + " AND begins_with(sk, :sk)", values | {":sk": {"S": prefix}}
        yield from self._pages(condition, values)

    def query_between(self, pk: str, low: str, high: str) -> Iterator[Item]:
        """Items of a partition with ``low`` <= sort key <= ``high``."""
        values = {":pk": {"S": pk}, ":low": {"S": low}, ":high": {"S": high}}
        yield from self._pages("pk = :pk AND sk BETWEEN :low AND :high", values)

    def _pages(self, condition: str, values: Mapping[str, Mapping[str, str]]) -> Iterator[Item]:
        start: Item = {}
        while True:
            more = {"ExclusiveStartKey": start} if start else {}
            with translated("query items"):
                page = self.client.query(
                    TableName=self.name,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ConsistentRead=True,
                    **more,  # type: ignore[arg-type]
                )
            yield from page["Items"]
            start = page.get("LastEvaluatedKey") or {}
            if not start:
                return

    def put(self, item: Item, condition: Condition | None = None) -> bool:
        """Write one item; False when the condition did not hold."""
        guard = _guard(condition)
        try:
            with translated("write an item"):
                self.client.put_item(TableName=self.name, Item=item, **guard)  # type: ignore[arg-type]
        except ClientError:
            return False
        return True

    def update(self, key: Item, expression: str, condition: Condition) -> bool:
        """Update one item; False when the condition, whose names and values both expressions share, did not hold."""
        try:
            with translated("update an item"):
                self.client.update_item(
                    TableName=self.name,
                    Key=key,
                    UpdateExpression=expression,
                    **_guard(condition),  # type: ignore[arg-type]
                )
        except ClientError:
            return False
        return True

    def delete(self, key: Item, condition: Condition | None = None) -> bool:
        """Remove one item; False when the condition did not hold."""
        try:
            with translated("delete an item"):
                self.client.delete_item(TableName=self.name, Key=key, **_guard(condition))  # type: ignore[arg-type]
        except ClientError:
            return False
        return True

    def replace(self, item: Item, condition: Condition, puts: Sequence[Item], deletes: Sequence[Item]) -> bool:
        """Put an item, and with it put and delete a few others: all of it, or nothing when the condition did not hold.

        Another writer of one of them at the same moment counts as a condition that did not hold.
        """
        actions = [{"Put": {"TableName": self.name, "Item": item, **_guard(condition)}}]
        actions += [{"Put": {"TableName": self.name, "Item": one}} for one in puts]
        actions += [{"Delete": {"TableName": self.name, "Key": key}} for key in deletes]
        try:
            with translated("write items"):
                self.client.transact_write_items(TransactItems=actions)  # type: ignore[arg-type]
        except ClientError:
            return False
        return True

    def write_many(self, items: Sequence[Item]) -> None:
        """Put many items, unconditionally."""
        self._write([{"PutRequest": {"Item": item}} for item in items])

    def delete_many(self, keys: Sequence[Item]) -> None:
        """Remove many items, unconditionally."""
        self._write([{"DeleteRequest": {"Key": {"pk": key["pk"], "sk": key["sk"]}}} for key in keys])

    def _write(self, requests: Sequence[WriteRequestTypeDef]) -> None:
        for part in chunks(requests, WRITE_BATCH):
            pending: Sequence[WriteRequestTypeDef] = part
            for attempt in range(BATCH_TRIES):
                with translated("write items"):
                    answer = self.client.batch_write_item(RequestItems={self.name: pending})
                pending = cast("Sequence[WriteRequestTypeDef]", answer.get("UnprocessedItems", {}).get(self.name, []))
                if not pending:
                    break
                self._back_off(attempt)
            if pending:
                raise RetryableError("failed to write items in the table: throttled", reason="StorageOperationFailed")

    def _back_off(self, attempt: int) -> None:
        # Full jitter, as the SDK's own retries do; batches are not retried by the SDK item by item.
        self.clock.sleep(random.uniform(0, min(2.0, 0.05 * 2**attempt)))


def overtaken(what: str) -> RetryableError:
    """The error of a writer that others have been faster than ``PUT_TRIES`` times in a row."""
    return RetryableError(f"{what} is being changed by others, try again", reason="StorageOperationFailed")


def _guard(condition: Condition | None) -> dict[str, object]:
    if condition is None:
        return {}
    guard: dict[str, object] = {"ConditionExpression": condition.expression} if condition.expression else {}
    if condition.names:
        guard["ExpressionAttributeNames"] = dict(condition.names)
    if condition.values:
        guard["ExpressionAttributeValues"] = condition.values
    return guard


ABSENT = Condition(expression="attribute_not_exists(pk)", names={}, values={})
PRESENT = Condition(expression="attribute_exists(pk)", names={}, values={})
