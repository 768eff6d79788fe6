"""Laws of selection: parsers raise only their own errors, and a change is answered as the whole list would be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tagstream.domain.gofloat import InvalidNumber, parse_number
from tagstream.domain.model import PolicyChoice
from tagstream.domain.policy import compile_policy
from tagstream.domain.semver import InvalidVersion, Version, parse_tag

TAGS = st.sets(st.text("0123456789abc", min_size=1, max_size=4), min_size=1, max_size=8)


@given(st.text(max_size=20))
def test_any_text_is_a_version_or_an_invalid_one(text: str) -> None:
    try:
        version: Version | None = parse_tag(text)
    except InvalidVersion:
        version = None
    assert version is None or version.major >= 0


@given(st.text("0123456789.eExXpP_+-infa", max_size=12))
def test_any_text_is_a_number_or_an_invalid_one(text: str) -> None:
    try:
        number = parse_number(text)
    except InvalidNumber:
        number = None
    assert number is None or number == parse_number(text)


@given(TAGS, TAGS, TAGS)
def test_a_change_selects_what_the_whole_list_would(before: set[str], added: set[str], gone: set[str]) -> None:
    policy = compile_policy(PolicyChoice(semver=None, alphabetical="asc", numerical=None), None)
    removed = (before & gone) - added
    after = (before | added) - removed
    assert policy.latest_after(policy.latest(before), added - before, removed, after) == policy.latest(after)
