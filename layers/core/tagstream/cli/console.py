"""Prints results to stdout, and progress and problems to stderr with Flux's signs.

Source: flux2 cmd/flux/log.go, pkg/printers/table_printer.go (olekukonko/tablewriter without borders).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from tagstream.domain.steering import harmless

if TYPE_CHECKING:
    from tagstream.cli.layout import Column


class CommandFailed(Exception):
    """Ends the command: the message is printed after ``✗``, and the process exits with ``code`` (1 by default)."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The two output streams of a command, with one method for each kind of line.

    Characters that steer a terminal are escaped, except in what ``verbatim`` prints for programs.

    Attributes:
        out: for results.
        err: for progress and problems.
        width: the columns of the terminal that ``out`` is; 0 if it is none. Tables are fitted to it, and coloured.
    """

    out: TextIO
    err: TextIO
    width: int = 0

    def line(self, text: str = "") -> None:
        """Print one line of the result."""
        print(harmless(text), file=self.out)

    def verbatim(self, text: str) -> None:
        """Print bytes of a file, such as a patch, unchanged for a program, and harmless on a terminal."""
        print(harmless(text) if self.out.isatty() else text, file=self.out)

    def action(self, text: str) -> None:
        """Say that a step begins."""
        self._sign("►", text)

    def success(self, text: str) -> None:
        """Say that a step has succeeded."""
        self._sign("✔", text)

    def waiting(self, text: str) -> None:
        """Say what the command waits for."""
        self._sign("◎", text)

    def generate(self, text: str) -> None:
        """Say that something is being generated."""
        self._sign("✚", text)

    def failure(self, text: str) -> None:
        """Report an error."""
        self._sign("✗", text)

    def warning(self, text: str) -> None:
        """Print a warning in the form of kubectl."""
        self._sign("Warning:", text)

    def ask(self, text: str) -> None:
        """Print a question without a line break, so that the answer is typed on the same line."""
        print(harmless(text), end="", file=self.err, flush=True)

    def table(
        self, columns: Sequence[Column | str], rows: Sequence[Sequence[str]], *, header: bool = True, fit: bool = False
    ) -> None:
        """Print a table: coloured on a terminal, otherwise as Flux prints it.

        Args:
            columns: of the table; a text is the title of a column without a special layout.
            rows: the cells of each row, as many as there are columns.
            header: whether to print the titles.
            fit: whether to cut cells to the width of the terminal; without a terminal nothing is cut.
        """
        if self.width:
            # Output to a pipe or a file has no layout.
            from tagstream.cli.layout import Column
            from tagstream.cli.terminal import print_table

            known = [Column(title=one) if isinstance(one, str) else one for one in columns]
            print_table(self.out, self.width, known, rows, header=header, fit=fit)
            return
        titles = [one if isinstance(one, str) else one.title for one in columns]
        for text in table(titles if header else (), rows):
            self.line(text)

    def _sign(self, sign: str, text: str) -> None:
        if self.err.isatty():
            from tagstream.cli.terminal import print_sign

            print_sign(self.err, sign, harmless(text))
        else:
            print(f"{sign} {harmless(text)}", file=self.err)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Format a table as lines: every cell is padded to the width of its column and followed by a tab.

    A row takes as many lines as its tallest cell has.

    Args:
        header: column titles, printed in upper case; empty to print no header.
        rows: the cells of each row, as many as the header has titles.
    """
    # Escaped before it is measured.
    cells = [[harmless(cell).split("\n") for cell in row] for row in rows]
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
    """Count the columns that a text takes on a terminal: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(one) in "WF" for one in text)
    return len(text) + wide - sum(unicodedata.combining(one) > 0 for one in text)
