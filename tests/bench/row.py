"""A row of the benchmark's table, and how the table is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("what", "tagstream", "compared with", "that takes", "ratio", "goal", "met")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured.

    ``value`` is what the goal speaks of: the ratio to the rival, or, where there is no ``rival``, the figure itself.
    A row without a goal only informs.
    """

    what: str
    ours: str
    value: float
    rival: str = ""
    theirs: str = ""
    goal: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The row as text, a cell for each of HEAD."""
        ratio = f"{self.value:.2f}" if self.rival else ""
        goal = "" if self.goal is None else f"≤ {self.goal:g}"
        met = "" if self.goal is None else ("yes" if self.is_met() else "NO")
        return (self.what, self.ours, self.rival, self.theirs, ratio, goal, met)

    def is_met(self) -> bool:
        """Whether the value, as precisely as it is printed, keeps to the goal."""
        return self.goal is None or round(self.value, 2) <= self.goal


def as_text(rows: Sequence[Row]) -> str:
    """Columns that are as wide as their longest cell."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(one[column]) for one in cells) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(one, widths, strict=True)).rstrip() for one in cells]
    return "\n".join(lines)


def as_markdown(rows: Sequence[Row]) -> str:
    """A table of Markdown."""
    cells = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in one)} |" for one in cells)
