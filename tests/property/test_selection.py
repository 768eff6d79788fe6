"""Laws of selection: parsers raise only their own errors, the order is total, a change is answered as the whole is."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from gocompat.duration import InvalidDuration, parse_interval, parse_timeout, print_duration
from gocompat.floats import InvalidNumber, parse_float, parse_number
from gocompat.regexp import InvalidPattern, compile_pattern, wrapped_search
from gocompat.regexp_syntax import RequiredText
from gocompat.semver.range import InvalidRange, parse_range
from gocompat.semver.version import InvalidVersion, parse_tag, parse_version
from tagstream.domain.objects.image_name import InvalidImage, parse_reference, parse_repository_image
from tagstream.domain.objects.model import ImagePolicy, Metadata, NamespacedName, PolicyChoice, TagFilter
from tagstream.domain.scan.exclusion import InvalidExclusion, exclude
from tagstream.domain.select.advice import policy_advice
from tagstream.domain.select.filter import compile_filter
from tagstream.domain.select.ordering import InvalidValue
from tagstream.domain.select.pattern_words import finite_words
from tagstream.domain.select.policy import CompiledPolicy, NoSelection, compile_policy
from tagstream.domain.select.tag_shapes import fitting

ANY = st.text(st.characters(exclude_categories=()), max_size=20)
VERSION = st.text("0129v.-+xX*|a =<>!~^,", max_size=20)
NUMBER = st.text("0123456789.eExXpP_+-infa", max_size=12)
PATTERN = st.lists(
    st.sampled_from([*"ab1.*+?()|[]^$-", "(?:", "(?P<n>", "(?i)", r"\d", r"\.", r"\C", r"\Q", r"\E", "{2}", "[^", "é"])
).map("".join)
IMAGE = st.lists(st.sampled_from([*"aA/:@.[]% ", "ghcr.io", "localhost", "10.0.0.1", "::1", "sha256:", "a" * 64])).map(
    "".join
)
TAG = st.one_of(
    st.text("012v.-", min_size=1, max_size=7),
    st.builds("{}.{}.{}{}".format, *[st.integers(0, 3)] * 3, st.sampled_from(["", "-rc.1", "-rc10", "+b"])),
    st.integers(0, 30).map(str),
)
TAGS = st.sets(TAG, min_size=1, max_size=8)
POLICIES = [
    compile_policy(choice, filter_tags)
    for choice, filter_tags in itertools.product(
        [
            PolicyChoice(semver=">=1.0.0"),
            PolicyChoice(semver="<2.0.0-0 || ^3"),
            PolicyChoice(alphabetical="asc"),
            PolicyChoice(alphabetical="desc"),
            PolicyChoice(numerical="asc"),
            PolicyChoice(numerical="desc"),
        ],
        [None, TagFilter(pattern="[0-9]$"), TagFilter(pattern=r"^v?(\d+)", extract="$1"), TagFilter(extract="1.0.0")],
    )
]
POLICY = st.sampled_from(POLICIES)


def answer(policy: CompiledPolicy, tags: Iterable[str]) -> str:
    try:
        return str(policy.latest(list(tags)).tag)
    except NoSelection as error:
        return f"none: {error}"


@pytest.mark.parametrize(
    ("parse", "refusal"),
    [
        (parse_version, InvalidVersion),
        (parse_tag, InvalidVersion),
        (parse_range, InvalidRange),
        (parse_number, InvalidNumber),
        (parse_float, InvalidNumber),
        (compile_pattern, InvalidPattern),
        (parse_reference, InvalidImage),
        (parse_repository_image, InvalidImage),
        (parse_interval, InvalidDuration),
        (parse_timeout, InvalidDuration),
    ],
)
def test_any_text_is_read_or_refused(parse: Callable[[str], object], refusal: type[ValueError]) -> None:
    @given(ANY | VERSION | NUMBER | PATTERN | IMAGE)
    def law(text: str) -> None:
        with contextlib.suppress(refusal):
            parse(text)

    law()


@given(st.lists(ANY, max_size=5), st.lists(PATTERN, max_size=2))
def test_any_tags_are_scanned_or_the_pattern_is_refused(tags: list[str], patterns: list[str]) -> None:
    with contextlib.suppress(InvalidExclusion):
        found = exclude(tags, patterns)
        assert list(found.tags) == sorted(found.tags, reverse=True)
        assert set(found.tags) <= set(tags)


@given(PATTERN, st.lists(st.text("ab1.-é", max_size=8), max_size=4), st.sampled_from(["$0", "$1", "${n}-$$", "$x$"]))
def test_the_fast_ways_to_match_answer_as_the_documented_functions_of_re2(
    pattern: str, texts: list[str], template: str
) -> None:
    with contextlib.suppress(InvalidPattern):
        fast = compile_pattern(pattern)
        # No required text is looked for first, and the C++ function is not called directly.
        plain = replace(fast, required=RequiredText(), search=wrapped_search(re2.compile(pattern)))
        groups = [plain.groups(text) for text in texts]
        expanded = [plain.expansion(template).value(text) for text in texts]
        matching = [text for text in texts if re2.search(pattern, text)]
        assert [fast.groups(text) for text in texts] == groups
        assert [fast.matches(text) for text in texts] == [one is not None for one in groups]
        assert fast.matching(texts) == plain.matching(texts) == matching
        assert [fast.expansion(template).value(text) for text in texts] == expanded
        pairs = [(text, value) for text, value in zip(texts, expanded, strict=True) if value is not None]
        assert list(zip(*fast.expansion(template).matched(texts), strict=True)) == pairs
        assert [text for text, _ in pairs] == matching


@given(st.integers(0, 10**7))
def test_a_printed_duration_is_read_back(milliseconds: int) -> None:
    assert parse_interval(print_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@given(TAG, TAG, TAG)
def test_versions_are_totally_ordered(a: str, b: str, c: str) -> None:
    with contextlib.suppress(InvalidVersion):
        x, y, z = (parse_version(text).key for text in (a, b, c))
        assert (x < y) + (x == y) + (x > y) == 1
        assert not (x <= y <= z) or x <= z


@given(POLICY, TAGS)
def test_the_order_of_tags_decides_nothing(policy: CompiledPolicy, tags: set[str]) -> None:
    stored = sorted(tags, reverse=True)
    assert answer(policy, sorted(tags)) == answer(policy, stored)
    try:
        found = str(policy.latest(stored, descending=True).tag)
    except NoSelection as error:
        found = f"none: {error}"
    assert found == answer(policy, stored)


@given(POLICY, TAGS)
def test_what_is_explained_is_what_is_selected(policy: CompiledPolicy, tags: set[str]) -> None:
    verdicts = policy.explain(tags)
    selected = [one.tag for one in verdicts if one.state == "selected"]
    found = answer(policy, tags)
    assert selected == ([] if found.startswith("none: ") else [found])
    assert {one.tag for one in verdicts} == tags


@given(POLICY, TAGS, TAGS)
def test_nothing_admitted_is_above_what_is_selected(policy: CompiledPolicy, tags: set[str], more: set[str]) -> None:
    found = answer(policy, tags | more)
    if not found.startswith("none: "):
        assert not any(policy.is_below(found, tag) for tag in tags)
        with contextlib.suppress(InvalidValue):
            assert all(policy.rank(tag) <= policy.rank(found) for tag in tags)


@given(POLICY, TAGS, TAGS, TAGS)
def test_a_change_selects_what_the_whole_list_would(
    policy: CompiledPolicy, before: set[str], added: set[str], gone: set[str]
) -> None:
    with contextlib.suppress(NoSelection):
        previous = str(policy.latest(list(before)).tag)
        removed = (before & gone) - added
        after = (before | added) - removed
        try:
            found = str(policy.latest_after(previous, added - before, removed, list(after)).tag)
        except NoSelection as error:
            found = f"none: {error}"
        assert found == answer(policy, after)


CHOICE = st.sampled_from(
    [
        PolicyChoice(semver="*"),
        PolicyChoice(semver=">=1-0"),
        PolicyChoice(alphabetical="asc"),
        PolicyChoice(numerical=""),
    ]
)
SHAPED = st.lists(st.text("019.-vgafx", min_size=1, max_size=24), max_size=6)


@given(CHOICE, PATTERN, st.sampled_from(["", "$0", "$1", "${n}.0", r"\g<n>", "$x_$n", "{n}"]), SHAPED | st.lists(ANY))
def test_advice_is_given_for_any_policy_and_any_tags(
    choice: PolicyChoice, pattern: str, extract: str, tags: list[str]
) -> None:
    key = NamespacedName("ns", "app")
    filtered = TagFilter(pattern=pattern, extract=extract)
    for filter_tags in (None, filtered):
        policy = ImagePolicy(metadata=Metadata(key=key), repository=key, policy=choice, filter_tags=filter_tags)
        assert all(one.is_warning for one in policy_advice(policy, tags))


@given(PATTERN | st.sampled_from(["^(a|b)?$", "^a$|b", "^(?P<n>a|é)b$", "^a(b|)$"]))
def test_every_word_of_a_simple_pattern_matches_it(pattern: str) -> None:
    with contextlib.suppress(InvalidPattern):
        compiled = compile_pattern(pattern)
        assert all(compiled.matches(one.text) for one in finite_words(pattern) or ())


@given(SHAPED)
def test_a_filter_that_is_advised_reads_the_tags(tags: list[str]) -> None:
    fit = fitting(tags)
    if fit is not None:
        values = [value for _, value in compile_filter(fit.filter).values(tags)]
        assert values
        parse = parse_tag if fit.kind == "semver" else parse_number
        assert all(parse(value) is not None for value in values if fit.kind == "numerical" or "-" not in value)
