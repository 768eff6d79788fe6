"""Prints each step of the check as it goes, and knows the verdict at the end."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO


class StepFailed(Exception):
    """A step has not found what it looked for; the message says what it found instead."""


class CannotGoOn(Exception):
    """A step has failed that the later steps need."""


@dataclass(slots=True)
class Report:
    """What was printed so far."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    failed: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @contextlib.contextmanager
    def step(self, what: str, *, needed: bool = False) -> Iterator[None]:
        """Time what is done within the block; a failure is printed and counted, and ends there.

        Args:
            what: the step, as a sentence without a full stop.
            needed: whether the later steps make no sense without this one.

        Raises:
            CannotGoOn: a needed step has failed.
        """
        began = time.monotonic()
        try:
            yield
        except Exception as error:
            self.failed.append(what)
            self._line("FAILED", began, f"{what}: {_words(error)}")
            if needed:
                raise CannotGoOn(what) from error
        else:
            self.done.append(what)
            self._line("ok", began, what)

    def note(self, text: str) -> None:
        """Print a line that is no step."""
        print(f"{'':14}{text}", file=self.out, flush=True)

    def verdict(self) -> int:
        """Print the verdict; return the exit code."""
        seconds = time.monotonic() - self.began
        if self.failed:
            print(
                f"\nFAILED: {len(self.failed)} of {len(self.failed) + len(self.done)} steps, {seconds:.0f} s",
                file=self.out,
            )
            for what in self.failed:
                print(f"  {what}", file=self.out)
            return 1
        print(f"\nPASSED: all {len(self.done)} steps, {seconds:.0f} s", file=self.out)
        return 0

    def _line(self, word: str, began: float, text: str) -> None:
        print(f"{word:<6}{time.monotonic() - began:6.1f} s  {text}", file=self.out, flush=True)


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, StepFailed) else f"{type(error).__name__}: {text}"
