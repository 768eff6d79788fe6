"""Compares commit messages of Flux's documentation, tests and issues: templates.json.

A case compares the stage that ended the template and the whole text or error. tagstream has every function of Flux
except those that it refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from gocompat.sprig.functions import REFUSED, names
from tests.vectors.runners.message_cases import as_set, is_removed_field, message_data, outcome, renders_all_the_same

FILES = ("templates.json",)
Case = tuple[str, Callable[[], tuple[object, object]]]
_CHANGE_ID = re.compile(r"I[0-9a-f]{40}")


def cases(data: Path, file: str) -> Iterator[Case]:
    """Yield one case for each row, and one for the names of the functions."""
    vectors = json.loads((data / file).read_text())
    yield "functions", lambda: (sorted(set(vectors["functions"]) - names()), sorted(REFUSED))
    for row in vectors["cases"]:
        yield row["id"], partial(_run, row, vectors["data"])


def _run(row: dict[str, Any], data: dict[str, Any]) -> tuple[object, object]:
    given = message_data(data[row["data"]])
    if is_removed_field(row.get("error")):
        return renders_all_the_same(row["template"], given)
    stage, text = outcome(row["template"], given)
    if "error" in row:
        return (stage, text), (row["error_stage"], row["error"])
    if not row.get("nondeterministic_in_flux"):
        return (stage, text), ("ok", row["expected"])
    # A hash over Go's random map order differs between runs, so only the text around it is compared.
    return (stage, as_set(_CHANGE_ID.sub("I", text))), ("ok", as_set(_CHANGE_ID.sub("I", row["expected"])))
