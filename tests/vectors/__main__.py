"""Runs all vector runners over a folder and prints one line of counts per file: `make vectors VECTORS=DIR`."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from tests.vectors.case_files import DATA, cases, covered

SHOWN = 5


def run(runner: ModuleType, data: Path, file: str) -> tuple[int, list[str]]:
    """Return how many cases of a file passed, and one line for each case that failed."""
    passed, failed = 0, []
    for name, thunk in cases(runner, data, file):
        try:
            actual, expected = thunk()
        except Exception as error:  # a case may raise anything; it counts as failed, and the others go on
            failed.append(f"{file}:{name}: {type(error).__name__}: {error}")
            continue
        if actual == expected:
            passed += 1
        else:
            failed.append(f"{file}:{name}: got {actual!r}, expected {expected!r}")
    return passed, failed


def main(arguments: list[str]) -> int:
    """Run every file of the folder for which there is a runner."""
    data = Path(arguments[0]).resolve() if arguments else DATA
    present = [file for _, file in covered() if (data / file).exists()]
    totals = [0, 0]
    for runner, file in covered() if present else ():
        if file not in present:
            print(f"{file}: 0 passed, 0 failed, not in the folder")
            continue
        passed, failed = run(runner, data, file)
        print(f"{file}: {passed} passed, {len(failed)} failed", flush=True)
        print(*failed[:SHOWN], sep="\n", end="\n" if failed else "", file=sys.stderr)
        totals = [totals[0] + passed, totals[1] + len(failed)]
    if not present:
        print(f"{data}: none of the known vector files", file=sys.stderr)
        return 2
    print(f"total: {totals[0]} passed, {totals[1]} failed")
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
