"""Compares versions, their order and ranges with Masterminds/semver."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from gocompat.semver.range import InvalidRange, parse_range
from gocompat.semver.version import InvalidVersion, Version, parse_tag, parse_version

FILES = (
    "semver_versions.json",
    "semver_compare.json",
    "semver_constraint_parse.json",
    "semver_constraints.json",
    "semver_constraints_include_prerelease.json",
)
Case = tuple[str, Callable[[], tuple[object, object]]]


def cases(data: Path, file: str) -> Iterator[Case]:
    """Yield one case for each row."""
    run = _RUNS[file]
    for number, row in enumerate(json.loads((data / file).read_text())):
        name = row.get("input", row.get("constraint", row.get("a")))
        yield f"{number}:{name}:{row.get('version', row.get('b', ''))}", partial(run, row)


def _version(row: dict[str, Any]) -> tuple[object, object]:
    loose = _parsed(parse_version, row["input"])
    actual: dict[str, object] = {
        "valid": isinstance(loose, Version),
        "flux_tag_valid": isinstance(_parsed(parse_tag, row["input"]), Version),
        "normalized": str(loose) if isinstance(loose, Version) else None,
    }
    if isinstance(loose, Version):
        actual |= {
            "major": str(loose.major),
            "minor": str(loose.minor),
            "patch": str(loose.patch),
            "prerelease": loose.prerelease,
            "metadata": loose.metadata,
        }
    else:
        actual["error"] = loose
    expected = {key: value for key, value in row.items() if key not in _NO_ANSWER}
    return actual, expected


# Members of a row that are not compared: its sources, Flux's rule before 1.0, and the result of Masterminds'
# StrictNewVersion, which no part of Flux's image automation calls.
_NO_ANSWER = {"input", "sources", "flux_tag_valid_before_v1_0", "strict_valid", "strict_error"}


def _parsed(parse: Callable[[str], Version], text: str) -> Version | str:
    try:
        return parse(text)
    except InvalidVersion as error:
        return str(error)


def _compare(row: dict[str, Any]) -> tuple[object, object]:
    a, b = parse_version(row["a"]).key, parse_version(row["b"]).key
    return (a > b) - (a < b), row["compare"]


def _parse(row: dict[str, Any]) -> tuple[object, object]:
    expected = {key: row[key] for key in ("valid", "error", "string") if key in row}
    try:
        return {"valid": True, "string": str(parse_range(row["constraint"]))}, expected
    except InvalidRange as error:
        return {"valid": False, "error": str(error)}, expected


def _check(row: dict[str, Any]) -> tuple[object, object]:
    constraint, version = parse_range(row["constraint"]), parse_version(row["version"])
    reasons = constraint.refusals(version)
    actual = (constraint.admits(version), reasons[0] if reasons else None)
    return actual, (row["match"], row["reason"])


def _check_with_prereleases(row: dict[str, Any]) -> tuple[object, object]:
    constraint, version = parse_range(row["constraint"]), parse_version(row["version"])
    actual = (constraint.admits(version, True), not constraint.refusals(version, True))
    return actual, (row["match"], row["match"])


_RUNS: dict[str, Callable[[dict[str, Any]], tuple[object, object]]] = {
    "semver_versions.json": _version,
    "semver_compare.json": _compare,
    "semver_constraint_parse.json": _parse,
    "semver_constraints.json": _check,
    "semver_constraints_include_prerelease.json": _check_with_prereleases,
}
