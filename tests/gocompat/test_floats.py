"""Numbers in the forms that Go accepts, without its rounding."""

from __future__ import annotations

import pytest

from gocompat.floats import InvalidNumber, are_numbers_of_one_length, are_whole_numbers, parse_float, parse_number


def test_numbers_above_two_to_the_53_stay_apart() -> None:
    low, high = parse_number("9007199254740992"), parse_number("9007199254740993")
    assert low is not None
    assert high is not None
    assert low < high


@pytest.mark.parametrize(("text", "value"), [("1", 1.0), ("-2.5", -2.5), ("1e3", 1000.0), ("0x1p4", 16.0), (".5", 0.5)])
def test_a_number_may_have_any_form_that_go_accepts(text: str, value: float) -> None:
    assert parse_float(text) == value


@pytest.mark.parametrize("text", ["", "v1", "1.2.3", " 1", "0x1", "1e", "e5"])
def test_what_go_does_not_accept_is_no_number(text: str) -> None:
    with pytest.raises(InvalidNumber):
        parse_number(text)


def test_many_whole_numbers_are_parsed_as_each_of_them() -> None:
    texts = ["1600000000", "0", "007", "9007199254740993"]
    assert are_whole_numbers(texts)
    assert [parse_number(text) for text in texts] == [(0, int(text)) for text in texts]


@pytest.mark.parametrize("other", ["", "1.0", "-1", "1_0", "\u0664", "\u00b2", "a", " 1", "1\n", "9" * 201])
def test_one_text_of_another_form_makes_them_none(other: str) -> None:
    assert not are_whole_numbers(["1", other, "2"])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["10", "20", "11"], True),
        (["7"], True),
        ([], False),
        ([""], False),
        (["", ""], False),
        (["10", "9"], False),
        (["10", "9", "100"], False),
        (["1\n3", "123"], False),
        (["123", "1\n3", "123"], False),
        (["1\n"], False),
        (["12", "1."], False),
        (["-1", "-2"], False),
        (["\u0661\u0662", "12"], False),
        (["\ud800", "1"], False),
    ],
)
def test_texts_are_ordered_as_their_numbers_if_all_are_digits_and_equally_long(
    texts: list[str], expected: bool
) -> None:
    assert are_numbers_of_one_length(texts) is expected
