"""Counts what the calls of boto3 clients cost, by botocore's own hooks, and keeps the table's stream.

Request units follow AWS's rules: a strongly consistent read is one unit for each 4 KB, an eventually consistent one is
half of it. A write is one for each KB of the larger of both images, and twice that in a transaction.
"""

from __future__ import annotations

import json
import math
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.counted_calls import READ_UNIT, WRITE_UNIT, share_of, size_of

Item = dict[str, Any]
STREAMED = ("object", "selection", "run", "ledger")


@dataclass
class CountedAws:
    """The counts of every client that is watched; threads may use them at the same time.

    Args:
        raw: a DynamoDB client that is not watched: it looks up what an update wrote.
        table: its name.
    """

    raw: Any
    table: str
    counts: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    partitions: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    threads: Counter[int] = field(default_factory=Counter)
    stream: list[Item] = field(default_factory=list)
    messages: list[tuple[float, str]] = field(default_factory=list)
    _stored: dict[str, Item] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def watch(self, client: Any) -> Any:
        """Count the calls of this client from now on."""
        service = client.meta.service_model.service_name
        events = client.meta.events
        events.register(f"provide-client-params.{service}.*", self._remember)
        events.register(f"after-call.{service}", self._count)
        return client

    def stored_bytes(self) -> int:
        """Return the size of all items that were written."""
        return sum(map(size_of, self._stored.values()))

    def _remember(self, params: Any, context: Any, **_: object) -> None:
        context["counted"] = params

    def _count(self, model: Any, parsed: Any, context: Any, **_: object) -> None:
        params, name = context.get("counted", {}), model.name
        with self._lock:
            self.threads[threading.get_ident()] += 1
            if model.service_model.service_name == "secretsmanager":
                self.counts["Secrets Manager calls"] += 1
            elif model.service_model.service_name == "sqs":
                self.counts["SQS requests"] += 1
            elif name in ("GetItem", "BatchGetItem", "Query"):
                self._read(name, params, parsed)
            elif "Error" not in parsed:
                self._written(name, params)
            else:
                self.counts["DynamoDB write units"] += 1

    def _read(self, name: str, params: Any, parsed: Any) -> None:
        if name == "BatchGetItem":
            found = [item for items in parsed.get("Responses", {}).values() for item in items]
            (asked,) = params["RequestItems"].values()
            units = share_of(asked) * (
                len(asked["Keys"]) - len(found) + sum(_units(size_of(one), READ_UNIT) for one in found)
            )
            where = found[0]["pk"]["S"] if found else "batch"
        elif name == "GetItem":
            units = share_of(params) * _units(size_of(parsed.get("Item", {})), READ_UNIT)
            where = params["Key"]["pk"]["S"]
        else:
            units = share_of(params) * _units(sum(map(size_of, parsed.get("Items", []))), READ_UNIT)
            where = next(iter(params["ExpressionAttributeValues"].values()))["S"]
        self.counts["DynamoDB read units"] += units
        self.partitions[f"read {name} {where}"[:60]] += units

    def _written(self, name: str, params: Any) -> None:
        for key, factor in _keys(name, params):
            place = json.dumps(key, sort_keys=True)
            before = self._stored.get(place, {})
            after = self.raw.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item", {})
            units = factor * max(_units(size_of(before), WRITE_UNIT), _units(size_of(after), WRITE_UNIT))
            self.counts["DynamoDB write units"] += units
            self.partitions[f"write {key['pk']['S'].partition('#')[0]}"] += units
            self._stored[place] = after
            if after != before and (after or before).get("t", {}).get("S") in STREAMED:
                self.stream.append(_record(before, after, len(self.stream)))


def _keys(name: str, params: Any) -> Iterator[tuple[Item, int]]:
    if name == "BatchWriteItem":
        for request in (one for requests in params["RequestItems"].values() for one in requests):
            yield _key(request.get("PutRequest", {}).get("Item") or request["DeleteRequest"]["Key"]), 1
    elif name == "TransactWriteItems":
        for action in params["TransactItems"]:
            ((_, body),) = action.items()
            yield _key(body.get("Item") or body["Key"]), 2
    else:
        yield _key(params.get("Item") or params["Key"]), 1


def _key(item: Mapping[str, Any]) -> Item:
    return {"pk": item["pk"], "sk": item["sk"]}


def _units(size: int, unit: int) -> int:
    return max(1, math.ceil(size / unit))


def _record(before: Item, after: Item, number: int) -> Item:
    images = {**({"OldImage": before} if before else {}), **({"NewImage": after} if after else {})}
    name = "REMOVE" if not after else "MODIFY" if before else "INSERT"
    return {
        "eventSource": "aws:dynamodb",
        "eventName": name,
        "dynamodb": {"SequenceNumber": f"{number:021d}", **images},
    }
