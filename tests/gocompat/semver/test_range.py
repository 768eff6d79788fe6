"""Ranges as Masterminds/semver parses and checks them."""

from __future__ import annotations

import pytest

from gocompat.semver.range import MAX_CHARACTERS, InvalidRange, parse_range
from gocompat.semver.version import parse_version


# Answers of Masterminds/semver 3.5.0.
@pytest.mark.parametrize(
    ("text", "version", "admitted"),
    [
        ("v*", "1.2.3", True),
        ("vx.2.10", "9.0.0", True),
        ("^*", "0.0.0", True),
        ("^*", "1.0.0", False),
        ("<=*", "0.0.9", True),
        ("<=*", "0.1.0", False),
        ("~0.0.0", "7.1.0", True),
        ("!=*", "0.0.0", False),
        ("<1.x", "1.0.0", False),
        (">1.2", "1.2.9", False),
        ("<=2-0", "2.4.0", True),
        ("^0.2.3", "0.2.9", True),
        ("^0.0.3", "0.0.4", False),
        ("1.2 - 1.4", "1.4.9", True),
        ("1 || 3 - 4, !=3.1", "3.1.5", False),
        (">=1.0.0", "1.1.0-rc.1", False),
        (">=1.0.0-0 <2.0.0", "2.0.0-rc.1", True),
        (">=1.0.0-0 <2.0.0-0", "2.0.0-rc.1", False),
        ("^1 || ^2.0.0-0", "1.1.0-a", False),
        ("^1 || ^2.0.0-0", "2.1.0-a", True),
    ],
)
def test_a_range_admits_a_version_as_in_masterminds(text: str, version: str, admitted: bool) -> None:
    assert parse_range(text).admits(parse_version(version)) is admitted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'improper constraint: ""'),
        (">=1 ||", 'improper constraint: ""'),
        ("==1", 'improper constraint: "==1"'),
        ("> 1 < é", 'improper constraint: "> 1 < é"'),
        ("1x", "constraint parser error"),
        ("18446744073709551616", "constraint parser error"),
    ],
)
def test_an_invalid_range_is_refused_in_the_words_of_masterminds(text: str, message: str) -> None:
    with pytest.raises(InvalidRange) as refused:
        parse_range(text)
    assert str(refused.value) == message


def test_every_reason_is_given_and_the_one_about_prereleases_once() -> None:
    same = '"9.0.0" is greater than "3"'
    assert parse_range("<=3 <=3").refusals(parse_version("9")) == (same, same)
    refused = parse_range(">1 || >2").refusals(parse_version("3.0.0-a"))
    assert refused == ('"3.0.0-a" is a prerelease version and the constraint is only looking for release versions',)


def test_there_is_no_reason_against_an_admitted_version() -> None:
    assert parse_range("<1 || >2").refusals(parse_version("3")) == ()


@pytest.mark.parametrize("text", ["1-a.", "1||", " ", "1 - ", "1 - 2 ", "v1", "1-", "1", ">", ">=1 "])
def test_an_adversarial_range_is_parsed_in_linear_time(text: str) -> None:
    with pytest.raises(InvalidRange):
        parse_range((text * MAX_CHARACTERS)[: MAX_CHARACTERS - 1] + "é")


def test_a_range_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidRange, match="longer than 10000 characters"):
        parse_range("1" * (MAX_CHARACTERS + 1))
