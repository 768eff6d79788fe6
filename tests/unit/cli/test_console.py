"""Tables as Flux prints them."""

from __future__ import annotations

import pytest

from tagstream.cli.console import table


@pytest.mark.parametrize(
    ("header", "rows", "lines"),
    [
        (("Name", "Last scan"), [("a", "b")], ("NAME\tLAST SCAN", "a   \tb        \t")),
        ((), [("a", "bb"), ("cc", "d")], ("a \tbb\t", "cc\td \t")),
        (("A", "B"), [("x", "one\ntwo")], ("A\tB  ", "x\tone\t", " \ttwo\t")),
        (("A",), [], ("A",)),
        ((), [], ()),
        (("A",), [("日本",)], ("A   ", "日本\t")),
    ],
)
def test_columns_are_padded_and_end_with_tabs(
    header: tuple[str, ...], rows: list[tuple[str, ...]], lines: tuple[str, ...]
) -> None:
    assert table(header, rows) == lines
