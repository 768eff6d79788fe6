"""A DynamoDB client that counts what its calls cost, as AWS documents read and write units."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

READ_UNIT = 4_096
WRITE_UNIT = 1_024


def size_of(item: Mapping[str, Any]) -> int:
    """Bytes of an item: names and values."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, found),) = value.items()
    if kind == "S":
        return len(found.encode())
    if kind == "N":
        return math.ceil(len(found.strip("-").replace(".", "")) / 2) + 1
    if kind == "SS":
        return sum(len(one.encode()) for one in found)
    return len(found)


@dataclass
class CountingClient:
    """Reads cost one unit for each 4 KB, those that are eventually consistent half of it; writes one for each KB."""

    inner: Any
    calls: Counter[str] = field(default_factory=Counter)
    read_units: float = 0
    write_units: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        return (lambda **options: self._call(name, method, options)) if name in COSTS else method

    def reset(self) -> None:
        """Begin to count anew."""
        self.calls, self.read_units, self.write_units = Counter(), 0, 0

    def _call(self, name: str, method: Any, options: dict[str, Any]) -> Any:
        answer = method(**options)
        read, written = COSTS[name](options, answer)
        written += sum(self._of_update(one, times) for one, times in _updates(name, options))
        with self.lock:
            self.calls[name] += 1
            self.read_units += read
            self.write_units += written
        return answer

    def _of_update(self, update: Mapping[str, Any], times: int) -> int:
        """What an update costs beyond one unit: as much as its whole item, however little it changes."""
        found = self.inner.get_item(TableName=update["TableName"], Key=update["Key"], ConsistentRead=True)
        return times * (_units(size_of(found.get("Item", {})), WRITE_UNIT) - 1)


def _updates(name: str, options: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], int]]:
    """The updates of a call, and how many times the units of a plain write each costs."""
    if name == "update_item":
        return [(options, 1)]
    return [(one["Update"], 2) for one in options.get("TransactItems", ()) if "Update" in one]


def _units(size: int, unit: int) -> int:
    return max(1, math.ceil(size / unit))


def share_of(options: Any) -> float:
    """How much of the units of a strongly consistent read these options of GetItem, Query or a table's batch cost."""
    return 1 if options.get("ConsistentRead") else 0.5


def _of_get(options: Any, answer: Any) -> tuple[float, int]:
    return share_of(options) * _units(size_of(answer.get("Item", {})), READ_UNIT), 0


def _of_batch_get(options: Any, answer: Any) -> tuple[float, int]:
    (asked,) = options["RequestItems"].values()
    found = [item for items in answer["Responses"].values() for item in items]
    units = len(asked["Keys"]) - len(found) + sum(_units(size_of(item), READ_UNIT) for item in found)
    return share_of(asked) * units, 0


def _of_query(options: Any, answer: Any) -> tuple[float, int]:
    return share_of(options) * _units(sum(map(size_of, answer["Items"])), READ_UNIT), 0


def _of_put(options: Any, _answer: Any) -> tuple[int, int]:
    return 0, _units(size_of(options["Item"]), WRITE_UNIT)


def _of_one(_options: Any, _answer: Any) -> tuple[int, int]:
    return 0, 1


def _of_batch_write(options: Any, _answer: Any) -> tuple[int, int]:
    requests = [one for requests in options["RequestItems"].values() for one in requests]
    return 0, sum(_units(size_of(one.get("PutRequest", {}).get("Item", {})), WRITE_UNIT) for one in requests)


def _of_transaction(options: Any, _answer: Any) -> tuple[int, int]:
    items = [one.get("Put", {}).get("Item", {}) for one in options["TransactItems"]]
    return 0, sum(2 * _units(size_of(item), WRITE_UNIT) for item in items)


# What a call costs by itself. An update says nothing of the size of its item: it counts as one unit here.
COSTS: Mapping[str, Any] = {
    "get_item": _of_get,
    "batch_get_item": _of_batch_get,
    "query": _of_query,
    "put_item": _of_put,
    "update_item": _of_one,
    "delete_item": _of_one,
    "batch_write_item": _of_batch_write,
    "transact_write_items": _of_transaction,
}
