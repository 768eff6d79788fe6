"""Puts the rows of a run into docs/benchmarks.md, between the marks that belong to them."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.row import Row, as_markdown

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def write(name: str, rows: Sequence[Row], notes: Sequence[str]) -> None:
    """Put rows between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``.

    A row replaces the one of the same name and rival; the rows of other benchmarks stay, since a person may measure
    some of them only.
    """
    text = PAGE.read_text()
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    found = re.search(f"{re.escape(begin)}(.*?){re.escape(end)}", text, re.DOTALL)
    if found is None:
        raise ValueError(f"{PAGE} has no place for {name!r}")
    head, rule, *lines = as_markdown(rows).splitlines()
    kept = {_key(line): line for line in found[1].splitlines() if line.startswith("| ")}
    kept = {key: line for key, line in kept.items() if key not in (_key(head), _key(rule))}
    made = f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}, Python {platform.python_version()}"
    table = "\n".join([head, rule, *sorted((kept | {_key(line): line for line in lines}).values())])
    parts = [begin, f"Last measured on {made}.", table, *notes]
    PAGE.write_text(text.replace(found[0], "\n\n".join(parts) + f"\n\n{end}"))


def _key(line: str) -> tuple[str, str]:
    cells = [cell.strip() for cell in line.split("|")]
    return cells[1], cells[3]


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB"
