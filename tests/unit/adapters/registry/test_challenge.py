"""WWW-Authenticate headers."""

from __future__ import annotations

import pytest

from tagstream.adapters.registry.challenge import Challenge, parse_challenges, usable_challenge


@pytest.mark.parametrize(
    ("header", "parameters"),
    [
        ('Bearer realm="https://a/t",service="s"', {"realm": "https://a/t", "service": "s"}),
        ('BEARER ReAlM="x"', {"realm": "x"}),
        (r'Bearer realm="a\"b\\c,d"', {"realm": r"a\"b\c,d".replace(r"\"", '"')}),
        ('Bearer realm="never closed', {}),
        ('Bearer realm="a" ,  service=s', {"realm": "a", "service": "s"}),
        ("Bearer realm=", {}),
    ],
)
def test_parameters_are_read_until_one_does_not_parse(header: str, parameters: dict[str, str]) -> None:
    assert [(one.scheme, dict(one.parameters)) for one in parse_challenges([header])] == [("bearer", parameters)]


def test_the_first_basic_or_bearer_challenge_is_used() -> None:
    challenges = parse_challenges(["Negotiate", 'Basic realm="b"', 'Bearer realm="c"'])
    assert usable_challenge(challenges) == Challenge(scheme="basic", parameters={"realm": "b"})


def test_no_challenge_of_ours_is_none() -> None:
    assert usable_challenge(parse_challenges(["", "Digest realm=x", '"quoted"'])) is None
