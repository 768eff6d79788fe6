"""Runs the benchmarks and prints their results as one table: `make bench`, `make bench ROWS=select,scan`.

Every module bench_*.py has BENCHES: names, and functions that are given the running Flux driver (or None) and yield
rows. `make bench growth` runs growth.py instead. With --write, the table also goes into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.bench.flux_driver import Flux, built, running
from tests.bench.page import write
from tests.bench.row import Row, as_text

HERE = Path(__file__).resolve().parent
Bench = Callable[[Flux | None], Iterable[Row]]


def benches(growth: bool) -> Mapping[str, Bench]:
    """All benchmarks by name, in the order of their modules."""
    names = ["growth"] if growth else sorted(path.stem for path in HERE.glob("bench_*.py"))
    found: dict[str, Bench] = {}
    for name in names:
        found |= importlib.import_module(f"tests.bench.{name}").BENCHES
    return found


def main() -> int:
    """Run what was asked for; the exit status is 1 when a benchmark failed, and 2 when a name is unknown."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("growth",))
    parser.add_argument(
        "--rows", default="", help="the beginnings of the wanted benchmarks' names, with commas between"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    given = parser.parse_args()
    known = benches(given.what == "growth")
    wanted = tuple(given.rows.split(",")) if given.rows else ("",)
    chosen = {name: bench for name, bench in known.items() if name.startswith(wanted)}
    if not chosen:
        print(f"no benchmark is named {given.rows!r}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    rows, notes = _run(chosen, needs_flux=given.what is None)
    print(as_text(rows))
    missed = sum(not row.is_met() for row in rows)
    print(f"{missed} of {sum(row.goal is not None for row in rows)} goals are missed.")
    for note in notes:
        print(note)
    if given.write:
        write(given.what or "rivals", rows, [note for note in notes if not note.startswith("FAILED")])
    return 1 if any(note.startswith("FAILED") for note in notes) else 0


def _run(chosen: Mapping[str, Bench], needs_flux: bool) -> tuple[list[Row], list[str]]:
    binary, reason = built() if needs_flux else (None, "")
    notes = [f"Rows against Flux are left out: {reason}."] if reason else []
    rows: list[Row] = []
    for name, bench in chosen.items():
        begun = time.monotonic()
        # A driver for each, so that what one has left in memory does not slow the next one down.
        try:
            with running(binary) as flux:
                rows += bench(flux)
                notes += [note for note in (flux.notes if flux else ()) if note not in notes]
        except Exception as error:
            # The other rows are worth having all the same.
            notes.append(f"FAILED: {name}: {type(error).__name__}: {error}")
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return rows, notes


if __name__ == "__main__":
    sys.exit(main())
