"""Go's regular expressions on top of RE2."""

from __future__ import annotations

import pytest

from gocompat.regexp import InvalidPattern, compile_pattern
from gocompat.regexp_syntax import group_names, required_text


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
        # Of several groups of one name the first that took part counts.
        (r"^(?P<v>\d+)-x$|^y-(?P<v>\d+)$", "$v", "y-7", "7"),
        (r"(?<v>\d+)", "$v", "7", "7"),
        (r"(.)", "$1", "é", "é"),
    ],
)
def test_a_match_is_expanded_as_go_does(pattern: str, template: str, text: str, value: str) -> None:
    compiled = compile_pattern(pattern)
    groups = compiled.groups(text)
    assert groups is not None
    assert (compiled.expansion(template).value(text), compiled.expand(template, groups)) == (value, value)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("[=", "missing closing ]: `[=`"),
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
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
def test_a_bad_pattern_is_refused_in_gos_words(pattern: str, message: str) -> None:
    with pytest.raises(InvalidPattern) as refused:
        compile_pattern(pattern)
    assert str(refused.value) == f"error parsing regexp: {message}"


def test_half_a_character_is_no_character() -> None:
    assert compile_pattern("^.$").matches("\ud800") is True
    with pytest.raises(InvalidPattern):
        compile_pattern("(\ud800")


def test_a_hostile_pattern_takes_no_exponential_time() -> None:
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
    assert (group_names(pattern), compile_pattern(pattern).names) == (names, names)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^.*\.sig$", ".sig"),
        (r"^(?P<v>\d+)-alpine$", "-alpine"),
        ("ab?cd+e", "cd"),
        ("ab{0,2}c", "a"),
        ("a|bc", ""),
        ("x(a|b)y", "x"),
        ("(?i)abc", ""),
        (r"\x41bc\pLde", "bc"),
        ("[abc]d", "d"),
        ("é", ""),
    ],
)
def test_what_every_match_holds_is_seen(pattern: str, text: str) -> None:
    assert required_text(pattern) == text
