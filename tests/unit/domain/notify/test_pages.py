"""The pages about alerts and events show what is true."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tagstream.domain.notify.event import event_document
from tagstream.domain.objects.alert import NOT_SENT, TYPES
from tagstream.domain.objects.kinds import parse_object
from tagstream.reconcile.notify.events import bus_event, event_of
from tests.contract.reconcile.notify.test_tell import PUSHED
from tests.house.source_files import ROOT

ALERTS, EVENTS = ((ROOT / "docs" / name).read_text() for name in ("alerts.md", "events.md"))
SCHEMA = json.loads((ROOT / "docs/event-schema.json").read_text())


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


EXAMPLES = [one for block in blocks(ALERTS, "yaml") for one in yaml.safe_load_all(block)]


@pytest.mark.parametrize("document", EXAMPLES, ids=lambda one: one["metadata"]["name"])
def test_the_examples_are_objects_that_can_be_applied(document: dict[str, Any]) -> None:
    found = parse_object(document, "default")
    assert (found.errors, found.warnings) == ((), ())


def test_every_type_is_named_with_what_it_needs_or_why_it_is_not_there() -> None:
    rows = " ".join(line.split("|")[1] for line in ALERTS.splitlines() if line.startswith("| `"))
    assert [one for one in TYPES if f"`{one}`" not in rows] == []
    assert [one for one in NOT_SENT if f"`{one}`" not in ALERTS] == []


def test_the_json_of_the_page_has_the_members_that_are_sent() -> None:
    (shown,) = blocks(ALERTS, "json")
    event = event_of("1", PUSHED, "tagstream")
    assert list(json.loads(shown)) == list(event_document(event))


@pytest.mark.parametrize("which", ["page", "code"])
def test_an_event_of_the_bus_is_as_its_schema_says(which: str) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    entry = event_of("2026-11-27T10:00:00.000001Z#1", PUSHED, "tagstream")
    detail = blocks(EVENTS, "json")[0] if which == "page" else bus_event(entry, PUSHED).detail
    assert list(Draft202012Validator(SCHEMA).iter_errors(json.loads(detail))) == []
    assert set(json.loads(detail)) == set(SCHEMA["properties"])
