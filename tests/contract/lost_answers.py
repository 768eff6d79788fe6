"""A DynamoDB client whose answers get lost after a write was applied: what a time-out or a 500 of AWS looks like."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import ReadTimeoutError

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.table import Table
from tagstream.ports.bundle import Ports
from tests.contract.reconciling import Silent, ports_on

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(Z|[+-]\d\d:\d\d)?")
TIMES = frozenset({"expiresAt", "at", "until", "fence", "snapshot", "sweptAt", "version", "tags"})
"""Members that differ from run to run. A list of tags holds when each was first seen."""

WRITES = frozenset(
    {"put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items"},
)
EVERY = -1
"""Instead of the number of a write: the answer to every write is lost."""
Ending = Literal["repeated", "given up"]
"""The SDK repeats the call and its second answer counts, or it gives up and raises."""


@dataclass
class LosingClient:
    """Loses the answer to the write number ``loses``, counted from 1; 0 loses none, EVERY all of them.

    ``writes`` are the names of the writes.
    """

    inner: Any
    loses: int = 0
    ending: Ending = "repeated"
    writes: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        return (lambda **options: self._write(name, method, options)) if name in WRITES else method

    def _write(self, name: str, method: Any, options: dict[str, Any]) -> Any:
        with self.lock:
            self.writes.append(name)
            is_lost = self.loses in (len(self.writes), EVERY)
        found = method(**options)
        if not is_lost:
            return found
        if self.ending == "given up":
            raise ReadTimeoutError(endpoint_url="dynamodb")
        return method(**options)


def picture(table: Table, without: Collection[str] = ()) -> dict[tuple[str, str], object]:
    """Everything that a table says, without times and random names: two runs that did the same leave the same picture.

    Args:
        table: all of it but the agenda, whose notes add up.
        without: partitions that do not matter, ``ledger`` for all days.
    """
    found: dict[tuple[str, str], object] = {}
    pages = table.client.get_paginator("scan").paginate(TableName=table.name)
    for item in (item for page in pages for item in page["Items"]):
        pk, sk = keys.read_text(item, "pk"), keys.read_text(item, "sk")
        if pk == "agenda":
            continue
        if pk.startswith("ledger#"):
            entry = keys.read_document(item)
            what = f"{entry.get('kind')}/{entry.get('name')} {entry.get('reason')}"
            found["ledger", what] = _timeless(entry.get("message"))
            continue
        sk = "chunk" if sk.startswith("chunk#") else sk
        read = {"doc": _timeless(keys.read_document(item))} if "doc" in item else {}
        plain = {name: value for name, value in item.items() if name not in (*TIMES, "pk", "sk", "doc")}
        found[pk, sk] = read | {name: _timeless(value) for name, value in plain.items()}
    return {where: said for where, said in found.items() if where[0] not in without}


def differing(expected: Mapping[Any, object], found: Mapping[Any, object]) -> Mapping[Any, object]:
    """What differs between two pictures, for people."""
    names = expected.keys() | found.keys()
    return {name: (expected.get(name), found.get(name)) for name in names if expected.get(name) != found.get(name)}


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {name: _timeless(one) for name, one in sorted(value.items()) if name not in TIMES}
    if isinstance(value, list):
        return [_timeless(one) for one in value]
    return TIME.sub("a time", value) if isinstance(value, str) else value


def losing_ports(
    table: Table, loses: int = 0, ending: Ending = "repeated", silent: Silent | None = None
) -> tuple[Ports, LosingClient]:
    """A worker's ports on a table, one of whose answers gets lost; ``silent`` holds the secrets that it knows."""
    client: Any = LosingClient(table.client, loses, ending)
    return ports_on(Table(client=client, name=table.name, clock=SystemClock()), silent or Silent()), client
