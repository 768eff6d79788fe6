"""`make bench`: what every benchmark of this folder measured, as one table.

In: the modules bench_*.py, each with `rows()` yielding (what, measured, compared with). Out: the table.
Numbers are ratios between things run side by side here, since absolute times of a busy machine mean nothing.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEAD = ("what", "measured", "compared with")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell."""
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
