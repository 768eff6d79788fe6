"""Durations by the patterns of Flux's CRDs."""

from __future__ import annotations

import pytest

from gocompat.duration import InvalidDuration, parse_interval, parse_timeout, print_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0.0), ("1m", 60.0), ("1h30m", 5400.0), ("1.5s", 1.5), ("250ms", 0.25), ("1m1m", 120.0), ("0.5h", 1800.0)],
)
def test_an_interval_is_the_sum_of_its_parts(text: str, seconds: float) -> None:
    assert parse_interval(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "-1s", "+1s", "1d", "1us", "1 s", "1s ", "1s\n", ".5s", "5.s", "٣s", "1S"])
def test_text_that_does_not_match_the_pattern_is_refused_in_the_words_of_the_api_server(text: str) -> None:
    with pytest.raises(InvalidDuration) as refused:
        parse_interval(text)
    assert str(refused.value) == r"should match '^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$'"


def test_a_timeout_has_no_hours() -> None:
    assert parse_timeout("90m") == 5400.0
    with pytest.raises(InvalidDuration):
        parse_timeout("1h")


@pytest.mark.parametrize("text", ["2562048h", "9" * 400 + "s"])
def test_a_duration_that_go_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(InvalidDuration, match="292 years"):
        parse_interval(text)


# What Go 1.26 prints for each after time.ParseDuration.
@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("0s", "0s"),
        ("5m", "5m0s"),
        ("1500ms", "1.5s"),
        ("90m", "1h30m0s"),
        ("24h", "24h0m0s"),
        ("1ms", "1ms"),
        ("0.25ms", "250µs"),
        ("0.000001ms", "1ns"),
        ("3661.5s", "1h1m1.5s"),
    ],
)
def test_a_duration_is_printed_as_in_go(text: str, printed: str) -> None:
    assert print_duration(parse_interval(text)) == printed


def test_a_negative_duration_is_printed_with_a_sign() -> None:
    assert print_duration(-90.0) == "-1m30s"
