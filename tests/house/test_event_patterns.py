"""The template's event patterns and stream filters let through what they must, as AWS's event-ruler answers.

Where Java and the jars of `make event-answers` are on the machine, event-ruler itself is asked; elsewhere the answers
are those that it gave when the command was last run, and they are valid only for the same patterns and samples.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from tagstream.events.ecr import ecr_delivery
from tagstream.events.stream import stream_change
from tests.event_patterns import event_ruler
from tests.event_patterns.event_ruler import Answers
from tests.event_patterns.recorded import (
    answers,
    asked,
    ecr_events,
    functions_with_filters,
    patterns,
    samples,
    stream_records,
)
from tests.event_patterns.table_changes import item_kind
from tests.house.source_files import ROOT

RULE = "rule EcrRule"
WRITTEN = ("INSERT", "MODIFY")
# Which function a change of an item wakes; every other change wakes nobody.
WOKEN = {
    **{("object", change): {"ScanFunction"} for change in (*WRITTEN, "REMOVE")},
    **{(kind, change): {"UpdateFunction"} for kind in ("selection", "run") for change in WRITTEN},
    # An entry that is written again with the same content says nothing new.
    ("ledger", "INSERT"): {"ScanFunction"},
}


@functools.cache
def passed() -> Answers:
    """What each pattern lets through."""
    if event_ruler.is_here():
        return event_ruler.ask(patterns(), samples())
    recorded: Answers = answers()["passed"]
    return recorded


def test_the_recorded_answers_are_for_these_patterns_and_samples() -> None:
    recorded = {name: value for name, value in answers().items() if name != "passed"}
    assert recorded == asked(), "run `make event-answers`, which asks event-ruler anew"
    assert set(answers()["passed"]) == set(patterns())


@pytest.mark.skipif(not event_ruler.is_here(), reason="no Java, or no jars: `make event-answers` downloads them")
def test_event_ruler_still_answers_as_recorded() -> None:
    assert passed() == answers()["passed"]


@pytest.mark.parametrize("name", sorted(stream_records()))
def test_a_change_in_the_table_wakes_the_function_that_it_concerns_and_no_other(name: str) -> None:
    kind, _, change = name.rpartition(" ")
    woken = {
        function
        for function, filters in functions_with_filters().items()
        if any(name in passed()[one] for one in filters)
    }
    assert woken == WOKEN.get((kind.partition("#")[0], change), set())


@pytest.mark.parametrize("name", sorted(stream_records()))
def test_a_function_understands_the_records_that_its_filters_let_through_and_only_those(name: str) -> None:
    understood = stream_change(DynamoDBRecord(stream_records()[name])) is not None
    assert understood == any(name in passed()[one] for filters in functions_with_filters().values() for one in filters)


@pytest.mark.parametrize("name", sorted(ecr_events()))
def test_an_event_of_ecr_leads_to_a_scan_only_when_a_tag_has_changed(name: str) -> None:
    sample = ecr_events()[name]
    assert (name in passed()[RULE]) == sample["wakes"]


@pytest.mark.parametrize(
    "name", sorted(name for name, one in ecr_events().items() if one["event"]["source"] == "aws.ecr")
)
def test_the_rule_for_ecr_lets_through_what_the_function_can_use_and_nothing_else(name: str) -> None:
    delivery = ecr_delivery(EventBridgeEvent(ecr_events()[name]["event"]))
    assert (name in passed()[RULE]) == bool(delivery.hints)


def test_the_rule_that_the_page_shows_for_other_accounts_forwards_all_that_this_stack_uses() -> None:
    (forwarder,) = [name for name in patterns() if name.startswith("webhooks.md")]
    assert set(passed()[RULE]) <= set(passed()[forwarder])


def _documented_kinds() -> set[str]:
    """The kind of each row of docs/table.md, by its key columns."""
    row = re.compile(r"^\| [a-z -]+ \| `([^`]+)` \| `?([^`|]+?)`?(?:,[^|]*)? \|", re.MULTILINE)
    heading, *rows = row.findall((ROOT / "docs/table.md").read_text())
    assert heading == ("pk", "sk")
    return {item_kind({"pk": {"S": pk}, "sk": {"S": sk}}) for pk, sk in rows}


def test_there_are_sample_records_of_every_kind_of_item_that_the_page_lists() -> None:
    written = [record["dynamodb"].get("NewImage") for record in stream_records().values()]
    found = {item_kind(image) for image in written if image is not None}
    assert found == _documented_kinds(), "add it to tests/event_patterns/table_changes.py and run `make event-answers`"


@pytest.mark.parametrize("change", ["INSERT", "REMOVE"])
def test_every_kind_of_item_is_seen_to_come_and_to_go(change: str) -> None:
    kinds: dict[str, Any] = {name.rpartition(" ")[0]: None for name in stream_records()}
    assert [kind for kind in kinds if f"{kind} {change}" not in stream_records()] == []
