"""What the command line prints: results on stdout, progress and problems on stderr with Flux's signs.

Source: flux2 cmd/flux/log.go, pkg/printers/table_printer.go (olekukonko/tablewriter without borders).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO


class CommandFailed(Exception):
    """The command cannot go on; the message is shown behind ``✗`` and the exit code is 1 (or ``code``)."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Two streams."""

    out: TextIO
    err: TextIO

    def line(self, text: str = "") -> None:
        """A result."""
        print(text, file=self.out)

    def action(self, text: str) -> None:
        """Something begins."""
        print(f"► {text}", file=self.err)

    def success(self, text: str) -> None:
        """Something is done."""
        print(f"✔ {text}", file=self.err)

    def waiting(self, text: str) -> None:
        """Something is waited for."""
        print(f"◎ {text}", file=self.err)

    def generate(self, text: str) -> None:
        """Something is made."""
        print(f"✚ {text}", file=self.err)

    def failure(self, text: str) -> None:
        """Something is wrong."""
        print(f"✗ {text}", file=self.err)

    def warning(self, text: str) -> None:
        """Something may be wrong (kubectl's form)."""
        print(f"Warning: {text}", file=self.err)

    def ask(self, text: str) -> None:
        """A question, the answer behind it."""
        print(text, end="", file=self.err, flush=True)

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows in columns, as Flux prints them."""
        for text in table(header, rows):
            self.line(text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Lines of a table: cells padded to their column, a tab behind each; a cell with several lines takes several.

    Args:
        header: titles in any case; empty for none.
        rows: each of as many cells as the header has titles.
    """
    cells = [[cell.split("\n") for cell in row] for row in rows]
    titles = [title.upper() for title in header]
    widths = [_width(title) for title in titles] or [0] * max((len(row) for row in cells), default=0)
    for row in cells:
        for index, lines in enumerate(row):
            widths[index] = max(widths[index], *(_width(line) for line in lines))
    found = ["\t".join(_padded(*pair) for pair in zip(titles, widths, strict=True))] if titles else []
    for row in cells:
        for number in range(max(len(lines) for lines in row)):
            parts = [lines[number] if number < len(lines) else "" for lines in row]
            found.append("".join(_padded(*pair) + "\t" for pair in zip(parts, widths, strict=True)))
    return tuple(found)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns on a terminal."""
    wide = sum(unicodedata.east_asian_width(one) in "WF" for one in text)
    return len(text) + wide - sum(unicodedata.combining(one) > 0 for one in text)
