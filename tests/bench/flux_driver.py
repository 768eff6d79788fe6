"""Builds and runs the driver in flux/, which does the same work with the packages that Flux is made of.

Without Go, or when its modules cannot be fetched, there is no driver; the rows that need it are left out, saying so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.timing import Taken

SOURCE = Path(__file__).resolve().parent / "flux"
ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / ".bench" / "flux-driver"
BUILD_TIMEOUT_S = 900


class DriverFailed(RuntimeError):
    """The driver ended; the message is its last words."""


@dataclass(frozen=True, slots=True)
class Flux:
    """A running driver; its answers are checked by whoever asks."""

    process: subprocess.Popen[str]
    path: str

    def ask(self, do: str, expected: object = None, **inputs: Any) -> Taken:
        """Have a piece of work done.

        Args:
            do: which one; main.go lists them.
            expected: what it must answer, unless None.
            inputs: the fields of Request in main.go.

        Returns:
            What the work alone took.

        Raises:
            DriverFailed: it ended, or answered something else.
        """
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps({"do": do, **inputs}) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise DriverFailed(f"the driver ended during {do!r}; its error is above")
        found = json.loads(line)
        if expected is not None and found["answer"] != expected:
            raise DriverFailed(f"{do} {inputs}: {found['answer']!r} instead of {expected!r}")
        return Taken(found["seconds"], found["cpu"])


def built() -> tuple[Path | None, str]:
    """Build the driver; return its path, or None and why there is none."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        return None, "Go is not installed"
    BINARY.parent.mkdir(exist_ok=True)
    command = [go, "build", "-mod=readonly", "-trimpath", "-o", str(BINARY), "."]
    try:
        done = subprocess.run(
            command, cwd=SOURCE, env=os.environ, capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return None, "its modules were not fetched in time"
    if done.returncode:
        return None, f"`go build` failed: {done.stderr.strip().splitlines()[-1][:200]}"
    return BINARY, ""


@contextmanager
def running(binary: Path | None) -> Iterator[Flux | None]:
    """Run a driver until the end of the with block; None without a binary."""
    if binary is None:
        yield None
        return
    with subprocess.Popen([str(binary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Flux(process, str(binary))
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait(30)
