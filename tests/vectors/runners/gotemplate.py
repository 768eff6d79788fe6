"""Compares the template engine with Go's text/template with sprig: gotemplate.json.

A case compares the stage that ended the template and the whole text or error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tagstream.domain.update.message import DEFAULT_MESSAGE
from tests.vectors.runners.message_cases import as_set, is_removed_field, message_data, outcome, renders_all_the_same

FILES = ("gotemplate.json",)
Case = tuple[str, Callable[[], tuple[object, object]]]
_DOC_UPDATED = (
    "Automated image update\n\nAutomation name: flux-system/flux-system\n\nFiles:\n- deploy.yaml\nObjects:\nImages:\n"
)
# Stage and text of the cases in which tagstream differs on purpose, by template and data set.
INTENDED: Mapping[tuple[str, str], tuple[str, str]] = {
    # tagstream keeps .Updated. These data sets name no image for their changes.
    ("{{ range $filename, $_ := .Updated.Files -}}", "single"): ("ok", _DOC_UPDATED),
    ("{{range .Updated.Images}}{{println .}}{{end}}", "single"): ("ok", ""),
    # tagstream refuses the functions of keys and passwords by name, however they are called.
    ('{{ htpasswd "u" }}', "single"): (
        "parse",
        'template: commit message:1: function "htpasswd" is refused: it works on a password, which does not belong in '
        "a commit message",
    ),
}


def cases(data: Path, file: str) -> Iterator[Case]:
    """Yield one case for each row."""
    vectors = json.loads((data / file).read_text())
    for number, row in enumerate(vectors["cases"]):
        yield f"{number}:{row['data']}:{row['template'][:40]!r}", partial(_run, row, vectors["data"])


def _run(row: dict[str, Any], data: dict[str, Any]) -> tuple[object, object]:
    given = message_data(data[row["data"]])
    differing = next(
        (said for one, said in INTENDED.items() if one[1] == row["data"] and one[0] in row["template"]), None
    )
    if differing is None and is_removed_field(row["error"]):
        return renders_all_the_same(row["template"], given)
    stage, text = outcome(row["template"], given)
    if not row["template"]:
        # Flux uses its default message without calling the template engine.
        return (stage, text), ("ok", DEFAULT_MESSAGE)
    expected = (row["stage"], row["error"]) if row["stage"] else ("ok", row["output"])
    expected = differing or expected
    if row["deterministic"] or stage != "ok":
        return (stage, text), expected
    return (stage, as_set(text)), (expected[0], as_set(expected[1]))
