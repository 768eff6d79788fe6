"""Go's regular expressions on top of RE2."""

from __future__ import annotations

import pytest
import re2

from gocompat.regexp import InvalidPattern, compile_pattern, direct_search, wrapped_search
from gocompat.regexp_syntax import RequiredText, group_names, nesting, required_text


# Answers of Go 1.26.
@pytest.mark.parametrize(
    ("pattern", "template", "text", "value"),
    [
        (r"^(\d+)-(?P<sha>\w+)$", "$sha-$1", "12-ab", "ab-12"),
        (r"(\d+)", "$1x", "12", ""),
        (r"(\d+)", "${1}x", "a12b", "12x"),
        (r"(\d+)", "$$$1", "12", "$12"),
        (r"(\d+)", "$-${", "12", "$-${"),
        (r"(\d+)", "$01$10$0", "12", "12"),
        (r"a(b)?", "<$1>", "a", "<>"),
        # If several groups have one name, the first that took part in the match counts.
        (r"^(?P<v>\d+)-x$|^y-(?P<v>\d+)$", "$v", "y-7", "7"),
        (r"(?<v>\d+)", "$v", "7", "7"),
        (r"(.)", "$1", "é", "é"),
    ],
)
def test_a_template_is_expanded_as_in_go(pattern: str, template: str, text: str, value: str) -> None:
    expansion = compile_pattern(pattern).expansion(template)
    assert expansion.value(text) == value
    assert expansion.matched([text, "\n"]) == ([text], [value])


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("[=", "missing closing ]: `[=`"),
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
        ("(a\udcffb", "invalid UTF-8: `\udcffb`"),
        ("[a\udcffb]c", "invalid UTF-8: `\udcffb]c`"),
        ("\udced\udca0\udc80", "invalid UTF-8: `\udced\udca0\udc80`"),
        ("a**\udcff", "invalid nested repetition operator: `**`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a{1001}?", "invalid repeat count: `{1001}`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?<=a)", "invalid named capture: `(?<=a)`"),
        ("(?P<é>a)", "invalid named capture: `(?P<é>`"),
        (r"a\C", "invalid escape sequence: `\\C`"),
        (r"*\C", "missing argument to repetition operator: `*`"),
        (r"\1", "invalid escape sequence: `\\1`"),
        ("\\x{", "invalid escape sequence: `\\x{`"),
        ("a\\", "trailing backslash at end of expression: ``"),
    ],
)
def test_an_invalid_pattern_is_refused_in_the_words_of_go(pattern: str, message: str) -> None:
    with pytest.raises(InvalidPattern) as refused:
        compile_pattern(pattern)
    assert str(refused.value) == f"error parsing regexp: {message}"


# Limits of Go's regexp/syntax, with the cases of its parse_test.go.
@pytest.mark.parametrize(
    "pattern",
    ["(" * 1000 + ")" * 1000, "(?:" * 1000 + ")*" * 1000, "(?:a|" * 1001 + ")*" * 1001, "(a" * 600 + ")*" * 600],
    ids=["groups", "repetitions", "choices", "sequences"],
)
def test_a_pattern_that_nests_too_deeply_is_refused_in_the_words_of_go(pattern: str) -> None:
    with pytest.raises(InvalidPattern) as refused:
        compile_pattern(pattern)
    message = str(refused.value)
    assert message.startswith(f"error parsing regexp: expression nests too deeply: `{pattern[:200]}…")
    assert len(message) < 300


@pytest.mark.parametrize(
    ("pattern", "height"),
    [
        ("", 1),
        ("abc", 1),
        ("abc*", 3),
        ("a*", 2),
        ("(a)", 2),
        ("()", 2),
        ("(?:a)", 1),
        ("(?i)a", 1),
        ("a[b]", 2),
        ("a(b)c", 3),
        # A sequence inside a sequence is one sequence, and a choice inside a choice one choice.
        ("a[b](?:[c]d[e])", 2),
        ("(?:ab.|c)|d.", 3),
        ("a.|b.", 3),
        ("(?:" * 999 + ")*" * 999, 1000),
        ("(" * 999 + ")" * 999, 1000),
        ("(" + "|" * 12345 + ")", 3),
    ],
)
def test_the_height_of_a_pattern_is_that_of_the_tree_of_go(pattern: str, height: int) -> None:
    assert nesting(pattern) == height


def test_a_pattern_as_deep_as_go_allows_is_taken() -> None:
    assert compile_pattern("(?:" * 999 + ")*" * 999).matches("")


@pytest.mark.parametrize(
    "pattern",
    [
        "(a)" * 20_000,
        "(.?)" * 1_000,
        "a" * 100_001,
        "|".join(f"v{number}" for number in range(20_000)),
        r"\pL{1000}",
        "(?:.?){1000}" * 120,
        "(xx?){1000}" * 1000,
        r"\pL" * 27_000,
    ],
    ids=["groups", "slow-groups", "letters", "choices", "class", "steps", "repetitions", "classes"],
)
def test_a_pattern_that_would_take_too_much_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern) as refused:
        compile_pattern(pattern)
    assert str(refused.value).startswith(f"error parsing regexp: expression too large: `{pattern[:200]}")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("pattern", ["(.?)" * 100, "|".join(f"v{n}[.]0" for n in range(5_000)), r"\pL{250}", "a{1000}"])
def test_a_large_pattern_that_takes_little_is_taken(pattern: str) -> None:
    assert compile_pattern(pattern).program_size > 1000


def test_a_lone_surrogate_counts_as_one_replaced_character() -> None:
    assert compile_pattern("^.$").matches("\ud800") is True
    with pytest.raises(InvalidPattern):
        compile_pattern("(\ud800")


def test_a_pattern_with_nested_repetitions_takes_linear_time() -> None:
    assert compile_pattern("^(a+)+$").matches("a" * 5000 + "b") is False


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (r"(a)(?:b)(?P<n>c)(?<n>d)", ("", "", "n", "n")),
        (r"\((a)[(](?i)(?i:b)", ("", "")),
        (r"[[:alpha:](](a)", ("", "")),
        (r"[]()](a)[^]()](b)", ("", "", "")),
        (r"\Q(a)\E(b)", ("", "")),
    ],
)
def test_every_group_has_its_name(pattern: str, names: tuple[str, ...]) -> None:
    assert group_names(pattern) == names
    assert compile_pattern(pattern).names == names


@pytest.mark.parametrize(
    ("pattern", "text", "at_end"),
    [
        (r"^.*\.sig$", ".sig", True),
        (r"^(?P<v>\d+)-alpine$", "-alpine", True),
        ("ab?cd+e", "cd", False),
        ("ab{0,2}c", "a", False),
        ("a|bc", "", False),
        ("a|bc$", "", False),
        ("x(a|b)y", "x", False),
        ("(?i)abc", "", False),
        ("(?m)abc$", "", False),
        (r"\x41bc\pLde", "bc", False),
        ("[abc]d", "d", False),
        ("\u00e9", "", False),
        ("main-.*-x$", "main-", False),
        ("ab.cd$", "cd", True),
        ("abc$d", "abc", False),
        (r"abc\$", "abc$", False),
        ("ab*$", "a", False),
        ("(abc$)", "", False),
        ("(abc)$", "", False),
    ],
)
def test_the_text_that_every_match_contains_is_found(pattern: str, text: str, at_end: bool) -> None:
    assert required_text(pattern) == RequiredText(text, at_end)


def test_google_re2_still_has_the_function_below_its_python_classes() -> None:
    # If this fails after an upgrade, selecting is right and slow: see direct_search.
    assert direct_search(re2.compile("a")) is not None


def test_a_release_of_google_re2_without_that_function_is_noticed() -> None:
    class Renamed:
        _regexp = None

    class Changed:
        class _regexp:  # noqa: N801
            @staticmethod
            def Match(anchor: object, text: bytes) -> None:  # noqa: N802
                """Takes other arguments."""

    assert direct_search(Renamed()) is None
    assert direct_search(Changed()) is None


@pytest.mark.parametrize(
    ("pattern", "data", "begin", "end"),
    [
        ("(a)|(b)", b"xxb", 0, 3),
        ("(a)|(b)", b"xxc", 0, 3),
        ("a*", b"baab", 1, 3),
        ("^a", b"aa", 1, 2),
        ("a$", b"ab", 0, 1),
        ("", b"", 0, 0),
        ("(?P<n>\u00e9)+", "\u00e9\u00e9x".encode(), 0, 5),
    ],
)
def test_the_function_below_answers_as_the_documented_one(pattern: str, data: bytes, begin: int, end: int) -> None:
    compiled = re2.compile(pattern.encode())
    direct = direct_search(compiled)
    assert direct is not None
    assert list(direct(data, begin, end)) == list(wrapped_search(compiled)(data, begin, end))


def test_many_texts_are_matched_and_expanded_in_their_order() -> None:
    tags = ["main-b-2", "dev-a-9", "main-\u00e9-3", "main-a-1", "main--"]
    pattern = compile_pattern("^main-(\\w|\u00e9)?-(?P<number>[0-9]+)?")
    assert pattern.matching(tags) == ["main-b-2", "main-\u00e9-3", "main-a-1", "main--"]
    for some in (tags, [tag for tag in tags if tag.isascii()]):
        values = {"main-b-2": "2", "main-\u00e9-3": "3", "main-a-1": "1", "main--": ""}
        expected = [tag for tag in some if tag in values]
        assert pattern.expansion("$number").matched(some) == (expected, [values[tag] for tag in expected])
