"""The patterns of the template, the sample events, and event-ruler's recorded answers to both.

The samples are ECR's documented events and records that the embedded AWS wrote for a table's changes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.event_patterns.event_ruler import JARS, Answers
from tests.event_patterns.table_changes import item_kind
from tests.house.source_files import ROOT
from tests.house.template_file import of_type

DATA = ROOT / "tests" / "data" / "event_patterns"
ECR_EVENTS = DATA / "ecr_events.json"
STREAM_RECORDS = DATA / "stream_records.json"
ANSWERS = DATA / "answers.json"
# Enough to see what a binary attribute is; nothing matches on it.
BINARY_BYTES = 48


def patterns() -> dict[str, Any]:
    """Return the event patterns and filters of the template, and those that pages tell people to set up, by a name."""
    rules = {f"rule {name}": one["EventPattern"] for name, one in of_type("AWS::Events::Rule").items()}
    filters = {
        f"{name}.{event}[{number}]": json.loads(one["Pattern"])
        for name, function in of_type("AWS::Serverless::Function").items()
        for event, source in function.get("Events", {}).items()
        for number, one in enumerate(source["Properties"].get("FilterCriteria", {}).get("Filters", []))
    }
    pages = {
        f"{page.name}[{number}]": json.loads(one)
        for page in sorted((ROOT / "docs").glob("*.md"))
        for number, one in enumerate(re.findall(r"--event-pattern '([^']+)'", page.read_text()))
    }
    return {**rules, **filters, **pages}


def functions_with_filters() -> dict[str, list[str]]:
    """Return the names of each function's stream filters; an event passes if one of them lets it through."""
    found: dict[str, list[str]] = {}
    for name in patterns():
        function, dot, _ = name.partition(".")
        if dot and function.endswith("Function"):
            found.setdefault(function, []).append(name)
    return found


def ecr_events() -> dict[str, Any]:
    """Return the sample events of ECR by name: ``wakes`` says whether ``event`` must lead to a scan."""
    found: dict[str, Any] = json.loads(ECR_EVENTS.read_text())
    return found


def stream_records() -> dict[str, Any]:
    """Return the recorded stream records by their names."""
    found: dict[str, Any] = json.loads(STREAM_RECORDS.read_text())
    return found


def samples() -> dict[str, Any]:
    """Return all sample events."""
    return {**{name: one["event"] for name, one in ecr_events().items()}, **stream_records()}


def answers() -> dict[str, Any]:
    """Return what was recorded: the jars that were asked, the patterns, the events' checksums, and what passed."""
    found: dict[str, Any] = json.loads(ANSWERS.read_text())
    return found


def asked() -> dict[str, Any]:
    """Return what an answer is valid for: these jars, patterns and events."""
    return {
        "jars": dict(JARS),
        "patterns": patterns(),
        "events": {name: _checksum(event) for name, event in samples().items()},
    }


def write_answers(passed: Answers) -> None:
    """Record the answers to what is asked now."""
    write_json(ANSWERS, {**asked(), "passed": passed})


def named_records(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Pick one record for each kind of item and change, in the form in which Lambda hands it to a filter.

    Objects and statuses are picked for each Flux kind. DynamoDB writes no record if nothing has changed, but moto does;
    such a record is left out.
    """
    found: dict[str, Any] = {}
    for record in records:
        changed = record["dynamodb"]
        if changed.get("NewImage") == changed.get("OldImage"):
            continue
        image = changed.get("NewImage") or changed["OldImage"]
        kind = item_kind(image)
        name = image["pk"]["S"] if kind in ("object", "status") else kind
        found.setdefault(f"{name} {record['eventName']}", record)
    return {name: _as_json(found[name]) for name in sorted(found)}


def marks(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the filters look at: the change, and ``t`` of the new and the old image (None: no such image)."""
    images = {name: record["dynamodb"].get(name) for name in ("NewImage", "OldImage")}
    types = {name: None if one is None else one.get("t") for name, one in images.items()}
    return {"eventName": record["eventName"], "there": [name for name, one in images.items() if one], **types}


def write_json(path: Path, document: object) -> None:
    """Write a data file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _as_json(value: Any) -> Any:
    """Turn a record of boto3 into what Lambda makes of it: times are seconds, bytes are text."""
    if isinstance(value, Mapping):
        return {name: _as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [_as_json(one) for one in value]
    if isinstance(value, bytes):
        return value[:BINARY_BYTES].hex()
    return value.timestamp() if hasattr(value, "timestamp") else value


def _checksum(event: object) -> str:
    return hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()[:16]
