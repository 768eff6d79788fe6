"""Runs the driver in flux/, which does the same work with the packages that Flux is made of."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.go_programs import NotBuilt, program
from tests.bench.timing import Taken


class DriverFailed(RuntimeError):
    """The driver ended; the message is its last words."""


@dataclass(frozen=True, slots=True)
class Flux:
    """A running driver; its answers are checked by whoever asks.

    A benchmark that leaves out rows puts the reason into ``notes``.
    """

    process: subprocess.Popen[str]
    path: str
    notes: list[str] = field(default_factory=list)

    def can_build(self, rival: str, build: Callable[[], None]) -> bool:
        """Whether a program of Flux can be built here; why it cannot is noted.

        Args:
            rival: the program.
            build: raises NotBuilt where it cannot be built.
        """
        try:
            build()
        except NotBuilt as error:
            note = f"Rows against {rival} are left out: {error}."
            if note not in self.notes:
                self.notes.append(note)
            return False
        return True

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
    try:
        return program("flux"), ""
    except NotBuilt as error:
        return None, str(error)


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
