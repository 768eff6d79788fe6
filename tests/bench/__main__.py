"""Runs every benchmark of this folder and prints the results as one table: `make bench`.

Every module bench_*.py has a function `rows()`, which yields (what, measured, compared with). Results are ratios
between programs that run side by side, since absolute times mean nothing on a busy machine.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEAD = ("what", "measured", "compared with")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Format rows as a table; each column is as wide as its longest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def main() -> int:
    """Run the benchmarks one after the other."""
    found: list[tuple[str, ...]] = [HEAD]
    for path in sorted(HERE.glob("bench_*.py")):
        print(f"running {path.stem}", file=sys.stderr, flush=True)
        module = importlib.import_module(f"tests.bench.{path.stem}")
        found += [tuple(str(cell) for cell in row) for row in module.rows()]
    print(table(found))
    return 0 if len(found) > 1 else 1


if __name__ == "__main__":
    sys.exit(main())
