"""Load as a command: `make load`, or `make load FULL=1`. Each part prints its figures; none may lose anything."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.load import burst, deliveries, ticks
from tests.simulation.figures import Row, table

SEED = 1
PARTS = ("deliveries", "burst", "ticks")


def main() -> int:
    """Run the parts that are named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=PARTS, default=[], help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--full", action="store_true", help="ten minutes of deliveries, an hour of ticks")
    given = parser.parse_args()
    parts = given.parts or PARTS
    if len(parts) > 1:
        # Each part has a stack of its own, and a process knows one stack.
        full = ["--full"] if given.full else []
        command = [sys.executable, "-m", "tests.load"]
        return max(subprocess.run([*command, part, *full], check=False).returncode for part in parts)
    began_s = time.monotonic()
    found = list(_rows(parts[0], full=given.full))
    took = f"{time.monotonic() - began_s:.0f} s; load of this machine {os.getloadavg()[0]:.0f}"
    print(f"## {parts[0]} ({took}, {os.cpu_count()} cores)\n{table(found)}\n", flush=True)
    return 0


def _rows(part: str, *, full: bool) -> Iterator[Row]:
    if part == "deliveries":
        return deliveries.rows(10 if full else 1, SEED)
    if part == "burst":
        return burst.rows(SEED)
    return ticks.rows(60 if full else 10, SEED)


if __name__ == "__main__":
    sys.exit(main())
