"""Compares patterns and their expansion with Go's regexp: goregexp.json.

A case compares the compile error; or the names of the groups and, for every input, whether it matches, its groups and
the expanded value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from gocompat.regexp import InvalidPattern, Pattern, compile_pattern

FILES = ("goregexp.json",)


def cases(data: Path, file: str) -> Iterator[tuple[str, Callable[[], tuple[object, object]]]]:
    """Yield one case for each pattern and extract."""
    for number, row in enumerate(json.loads((data / file).read_text())["cases"]):
        yield f"{number}:{row['pattern']}:{row['extract']}", partial(_run, row)


def _run(row: dict[str, Any]) -> tuple[object, object]:
    expected = {key: row[key] for key in ("error", "names", "results")}
    try:
        pattern = compile_pattern(row["pattern"])
    except InvalidPattern as error:
        return {"error": str(error), "names": None, "results": None}, expected
    results = [_result(pattern, row["extract"], one["tag"]) for one in row["results"] or ()]
    return {"error": None, "names": list(pattern.names), "results": results}, expected


def _result(pattern: Pattern, extract: str, tag: str) -> dict[str, Any]:
    groups = pattern.groups(tag)
    if groups is None:
        return {"tag": tag, "matched": False, "value": "", "groups": None}
    value = pattern.expansion(extract).value(tag) if extract else tag
    return {"tag": tag, "matched": True, "value": value, "groups": list(groups)}
