"""Chaos as a command: `make chaos SEED=7 MINUTES=30`. It ends with 1 and says what was lost, if anything was."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from tests.chaos.run import Size, run
from tests.simulation.figures import table


def main() -> int:
    """Run once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="repeats the faults of an earlier run")
    parser.add_argument("--minutes", type=float, default=10, help="simulated minutes with faults")
    parser.add_argument("--namespaces", type=int, default=4, help="each has two automations and a Git repository")
    parser.add_argument("--images", type=int, default=3, help="in each namespace")
    parser.add_argument("--logs", type=Path, default=None, help="a folder for the logs of the functions")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    print(f"chaos: seed {seed}, {given.minutes:g} minutes", flush=True)
    size = Size(minutes=given.minutes, namespaces=given.namespaces, images=given.images)
    outcome = run(seed, size, given.logs)
    print(table(outcome.rows))
    for one in outcome.lost:
        print(f"LOST: {one}", file=sys.stderr)
    print(f"seed {seed}: " + (f"{len(outcome.lost)} findings" if outcome.lost else "nothing lost"))
    return 1 if outcome.lost else 0


if __name__ == "__main__":
    sys.exit(main())
