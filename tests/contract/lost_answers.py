"""A DynamoDB client whose answers get lost after a write was applied: what a time-out or a 500 of AWS looks like."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import ReadTimeoutError

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.table import Table
from tagstream.ports.bundle import Ports
from tests.contract.reconciling import Silent, ports_on

WRITES = frozenset(
    {"put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items"},
)
Ending = Literal["repeated", "given up"]
"""The SDK repeats the call and its second answer counts, or it gives up and raises."""


@dataclass
class LosingClient:
    """Loses the answer to the write number ``loses``, counted from 1; 0 loses none. ``writes`` are their names."""

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
            is_lost = len(self.writes) == self.loses
        found = method(**options)
        if not is_lost:
            return found
        if self.ending == "given up":
            raise ReadTimeoutError(endpoint_url="dynamodb")
        return method(**options)


def losing_ports(table: Table, loses: int = 0, ending: Ending = "repeated") -> tuple[Ports, LosingClient]:
    """A worker's ports on a table, one of whose answers gets lost."""
    client: Any = LosingClient(table.client, loses, ending)
    return ports_on(Table(client=client, name=table.name, clock=SystemClock()), Silent()), client
