"""The schema of a table: it only grows, and a warm container asks once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tagstream.adapters.store.schema import DynamoSchema
from tagstream.adapters.store.table import Table
from tagstream.ports.schema import SCHEMA
from tests.contract.counted_calls import CountingClient


def test_a_table_that_nobody_has_marked_has_schema_0(unmarked_table: Table) -> None:
    assert DynamoSchema(table=unmarked_table).version() == 0


def test_an_older_version_does_not_take_back_what_a_newer_one_has_marked(unmarked_table: Table) -> None:
    DynamoSchema(table=unmarked_table).raise_to(SCHEMA + 1)
    older = DynamoSchema(table=unmarked_table)
    older.raise_to(SCHEMA)
    assert DynamoSchema(table=unmarked_table).version() == SCHEMA + 1


def test_a_warm_container_asks_once(unmarked_table: Table) -> None:
    counting: Any = CountingClient(unmarked_table.client)
    schema = DynamoSchema(table=replace(unmarked_table, client=counting))
    schema.raise_to(SCHEMA)
    assert counting.calls.total() > 0
    counting.reset()
    assert [schema.version() for _ in range(3)] == [SCHEMA] * 3
    assert counting.calls.total() == 0


def test_a_warm_container_notices_that_the_table_is_brought_up_to_date(unmarked_table: Table) -> None:
    schema = DynamoSchema(table=unmarked_table)
    schema.raise_to(SCHEMA - 1)
    assert schema.version() == SCHEMA - 1
    DynamoSchema(table=unmarked_table).raise_to(SCHEMA)
    assert schema.version() == SCHEMA
