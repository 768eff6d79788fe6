"""Prints to a terminal, with colours and within its width. Only loaded when the output is a terminal.

rich knows the terminal: which colours it has, how wide a character is, and what ``NO_COLOR``, ``FORCE_COLOR`` and
``TERM=dumb`` ask for. Its own tables are not used: they take seconds for the thousands of tags of a repository.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from tagstream.cli.layout import Column, fitted
from tagstream.domain.steering import harmless

GAP = "  "
CUT = "…"
GOOD, BAD, PENDING, DIM = "green", "red", "yellow", "dim"
SIGNS: Mapping[str, str] = {"✔": GOOD, "✗": BAD, "►": "cyan", "◎": "cyan", "✚": "cyan", "Warning:": PENDING}
VALUES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "Ready": {"True": ("✔ ", GOOD), "False": ("✗ ", BAD), "Unknown": ("◌ ", PENDING)},
    "Suspended": {"True": ("", PENDING), "False": ("", DIM)},
    "Type": {"Warning": ("✗ ", BAD), "Normal": ("", DIM)},
    "Verdict": {"selected": ("✔ ", GOOD), "held": ("", PENDING), "candidate": ("", "")},
    "State": {"ok": ("✔ ", GOOD)},
    "Status": {"ok": ("✔ ", GOOD), "warning": ("! ", PENDING), "failed": ("✗ ", BAD)},
}
"""The sign and the style of values, by the title of their column. The word stays, for people who see no colours."""


def print_sign(stream: TextIO, sign: str, text: str) -> None:
    """Print a line whose first word is coloured."""
    print(f"{_painter(stream)(sign, SIGNS[sign])} {harmless(text)}", file=stream)


def print_table(
    stream: TextIO, width: int, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, header: bool, fit: bool
) -> None:
    """Print a table.

    Args:
        stream: a terminal.
        width: its columns.
        columns: one for each cell of a row.
        rows: the cells.
        header: whether to print the titles.
        fit: whether to cut cells so that no line is longer than the terminal is wide.
    """
    paint = _painter(stream)
    signs = [VALUES.get(column.title, {}) for column in columns]
    cells = [[(one.get(text, ("", ""))[0] + harmless(text)).split("\n") for one, text in zip(signs, row, strict=True)]
             for row in rows]  # fmt: skip
    titles = [column.title.upper() if header else "" for column in columns]
    widths = [
        max(cell_len(titles[at]), *(cell_len(line) for row in cells for line in row[at]), 0)
        for at in range(len(columns))
    ]
    if fit:
        widths = fitted(widths, columns, width - len(GAP) * (len(columns) - 1))
    most = width if fit else sum(widths) + len(GAP) * len(columns)
    if header:
        print(paint(_line(titles, columns, widths, most), "bold"), file=stream)
    for row, texts in zip(cells, rows, strict=True):
        styles = [one.get(text, ("", ""))[1] for one, text in zip(signs, texts, strict=True)]
        for number in range(max(len(lines) for lines in row)):
            parts = [lines[number] if number < len(lines) else "" for lines in row]
            print(_line(parts, columns, widths, most, paint, styles), file=stream)


def _line(
    parts: Sequence[str],
    columns: Sequence[Column],
    widths: Sequence[int],
    most: int,
    paint: Callable[[str, str], str] = lambda text, style: text,
    styles: Sequence[str] = (),
) -> str:
    """Return one line of a table; on a terminal that is too narrow for all columns, the last ones are left out."""
    found, used = [], 0
    for at, (part, column, width) in enumerate(zip(parts, columns, widths, strict=True)):
        used += width + (len(GAP) if at else 0)
        if used > most:
            break
        text = _cut(part, width, keeps_end=column.keeps_end and bool(styles))
        padding = " " * (width - cell_len(text)) if at < len(parts) - 1 else ""
        found.append((paint(text, styles[at]) if styles else text) + padding)
    return GAP.join(found).rstrip()


def _cut(text: str, most: int, *, keeps_end: bool) -> str:
    """Return a text that takes at most so many columns; ``CUT`` stands for what was cut off."""
    if cell_len(text) <= most:
        return text
    if keeps_end:
        return CUT + set_cell_size(text[::-1], most - 1).rstrip()[::-1]
    return set_cell_size(text, most - 1).rstrip() + CUT


def _painter(stream: TextIO) -> Callable[[str, str], str]:
    """Return a function that gives a text a style, as far as the terminal has it and the user wants it."""
    console = Console(file=stream)
    system = ColorSystem[console.color_system.upper().replace("256", "EIGHT_BIT")] if console.color_system else None

    def paint(text: str, style: str) -> str:
        found = Style.parse(style) if style else Style.null()
        return (found.without_color if console.no_color else found).render(text, color_system=system)

    return paint
