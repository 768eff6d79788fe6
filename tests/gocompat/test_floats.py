"""Numbers as Go reads them, without its rounding."""

from __future__ import annotations

import pytest

from gocompat.floats import InvalidNumber, parse_float, parse_number


def test_numbers_above_two_to_the_53_stay_apart() -> None:
    low, high = parse_number("9007199254740992"), parse_number("9007199254740993")
    assert low is not None and high is not None and low < high


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("-2.5", -2.5), ("1e3", 1000.0), ("0x1p4", 16.0), (".5", 0.5)])
def test_gos_forms_of_a_number_are_read(text: str, value: float) -> None:
    assert parse_float(text) == value


@pytest.mark.parametrize("text", ["", "v1", "1.2.3", " 1", "0x1", "1e", "e5"])
def test_what_go_does_not_read_is_no_number(text: str) -> None:
    with pytest.raises(InvalidNumber):
        parse_number(text)
