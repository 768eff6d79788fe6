"""A short chaos run with a fixed seed; `make chaos` runs longer ones with any seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_lost_while_everything_fails() -> None:
    # A process of its own: the run sets the environment that the functions read.
    size = ["--seed", "7", "--minutes", "0.5", "--namespaces", "2", "--images", "2"]
    command = [sys.executable, "-m", "tests.chaos", *size]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "nothing lost" in done.stdout
