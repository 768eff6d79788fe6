"""A DynamoDB client whose eventually consistent reads lag: they answer from the table as it was a moment ago."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.table import Table, name_of
from tagstream.ports.bundle import Ports
from tests.contract.reconciling import Silent, ports_on

Item = Mapping[str, Any]


@dataclass
class LaggingClient:
    """Until ``fall_behind`` is called, all reads are up to date; ``lagged`` names the reads that were not."""

    inner: Any
    table: str
    lagged: list[str] = field(default_factory=list)
    _then: dict[tuple[str, str], Item] | None = None

    def fall_behind(self) -> None:
        """From now on eventually consistent reads see the table as it is at this moment."""
        pages = self.inner.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        self._then = {name_of(item): item for page in pages for item in page["Items"]}

    def batch_get_item(self, **options: Any) -> Any:
        """As boto3's."""
        asked = options["RequestItems"][self.table]
        if asked["ConsistentRead"] or self._then is None:
            return self.inner.batch_get_item(**options)
        self.lagged += [key["pk"]["S"] for key in asked["Keys"]]
        found = [self._then[name_of(key)] for key in asked["Keys"] if name_of(key) in self._then]
        return {"Responses": {self.table: found}}

    def query(self, **options: Any) -> Any:
        """As boto3's, for the conditions that lagging reads have: a partition, and perhaps a prefix."""
        if options["ConsistentRead"] or self._then is None:
            return self.inner.query(**options)
        values = options["ExpressionAttributeValues"]
        pk, prefix = values[":pk"]["S"], values.get(":sk", {"S": ""})["S"]
        self.lagged.append(pk)
        names = sorted(name for name in self._then if name[0] == pk and name[1].startswith(prefix))
        return {"Items": [self._then[name] for name in names]}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def lagging_ports(table: Table, silent: Silent) -> tuple[Ports, LaggingClient]:
    """A worker's ports on a table whose eventually consistent reads may lag."""
    client: Any = LaggingClient(table.client, table.name)
    return ports_on(Table(client=client, name=table.name, clock=SystemClock()), silent), client
