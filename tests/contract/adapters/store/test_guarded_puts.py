"""Conditional puts that go together in one transaction have the same outcomes as if each went alone."""

from __future__ import annotations

from typing import Any

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import ABSENT, Condition, GuardedPut
from tagstream.adapters.store.table import Table, name_of
from tagstream.errors import ImageAutomationError
from tests.contract.counted_calls import CountingClient
from tests.contract.lost_answers import LosingClient


def item(name: str, said: str = "new") -> keys.Item:
    return keys.key("test", name) | {"doc": keys.text(said)}


def put(table: Table, *puts: GuardedPut) -> list[bool | ImageAutomationError]:
    """Put these at the same time, as threads that wait for the same call do."""
    return table.guarded.ask({name_of(one.item): one for one in puts})


def said(table: Table) -> dict[str, str]:
    return {keys.read_text(one, "sk"): keys.read_text(one, "doc") for one in table.query("test")}


def through(client: Any, table: Table) -> Table:
    return Table(client=client, name=table.name, clock=SystemClock())


def test_conditions_that_all_hold_cost_one_call(table: Table) -> None:
    client = CountingClient(table.client)
    assert put(through(client, table), *(GuardedPut(item(name), ABSENT) for name in "abc")) == [True, True, True]
    assert dict(client.calls) == {"transact_write_items": 1}
    assert said(table) == {"a": "new", "b": "new", "c": "new"}


def test_a_condition_that_does_not_hold_hinders_no_other_put(table: Table) -> None:
    table.write_many([item("b", "there before"), item("d", "known")])
    known = Condition(expression="doc = :doc", values={":doc": keys.text("known")})
    puts = [GuardedPut(item(name), ABSENT) for name in "abc"] + [GuardedPut(item("d"), known)]
    assert put(table, *puts) == [True, False, True, True]
    assert said(table) == {"a": "new", "b": "there before", "c": "new", "d": "new"}


def test_a_condition_on_a_number_or_on_bytes_is_judged_in_a_transaction_as_alone(table: Table) -> None:
    def until(name: str, number: int) -> GuardedPut:
        end = keys.number(number)
        later = "attribute_not_exists(pk) OR #until < :until"
        known = Condition(expression=later, names={"#until": "until"}, values={":until": end})
        return GuardedPut(keys.key("test", name) | {"until": end}, known)

    def packed(name: str, known: bytes, new: bytes) -> GuardedPut:
        still = Condition(expression="doc = :packed", values={":packed": {"B": known}})
        return GuardedPut(keys.key("test", name) | {"doc": {"B": new}}, still)

    there = [until("a", 5), until("b", 5), packed("c", b"", b"1"), packed("d", b"", b"1")]
    table.write_many([one.item for one in there])
    puts = [until("a", 7), until("b", 3), packed("c", b"1", b"2"), packed("d", b"0", b"2"), until("e", 1)]
    assert put(table, *puts) == [True, False, True, False, True]
    found = {keys.read_text(one, "sk"): one["until"] for one in table.query("test") if "until" in one}
    assert found == {"a": keys.number(7), "b": keys.number(5), "e": keys.number(1)}


def test_an_item_that_the_table_refuses_hinders_no_other_put(table: Table) -> None:
    outcomes = put(table, GuardedPut(item("a"), ABSENT), GuardedPut(item("b", "x" * 500_000), ABSENT))
    assert outcomes[0] is True
    assert isinstance(outcomes[1], ImageAutomationError)
    assert said(table) == {"a": "new"}


@pytest.mark.parametrize("ending", ["repeated", "given up"])
def test_puts_whose_answer_gets_lost_are_known_to_be_written(table: Table, ending: Any) -> None:
    client = LosingClient(table.client, loses=1, ending=ending)
    assert put(through(client, table), *(GuardedPut(item(name), ABSENT) for name in "abc")) == [True, True, True]
    assert client.writes[0] == "transact_write_items"
    assert said(table) == {"a": "new", "b": "new", "c": "new"}


def test_a_put_alone_does_not_pay_for_a_transaction(table: Table) -> None:
    client = CountingClient(table.client)
    assert through(client, table).put(item("a"), ABSENT)
    assert not through(client, table).put(item("a", "another"), ABSENT)
    assert dict(client.calls) == {"put_item": 1}
