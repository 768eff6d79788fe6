"""Puts the tables of a run into docs/benchmarks.md, between the marks that belong to them."""

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
    """Replace what stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``."""
    text = PAGE.read_text()
    made = f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}, Python {platform.python_version()}"
    table = "\n\n".join([f"Measured on {made}.", as_markdown(rows), *notes])
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{PAGE} has no place for {name!r}")
    PAGE.write_text(pattern.sub(lambda _: f"{begin}\n{table}\n{end}", text))


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB"
