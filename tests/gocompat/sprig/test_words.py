"""sprig's functions for words give the answers of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        '{{ snakecase "א2日本x" }} {{ kebabcase "ƻaª" }} {{ snakecase "HTTPᾼǅ-" }} {{ snakecase ".-- " }}',
        "א2_日本_x ƻaª htt_pᾼǅ_ .--_",
    ),
    (
        '{{ abbrevboth 5 10 "1234 5678 9123 4567" }}',
        "...5678...",
    ),
    (
        '{{ abbrev 3 "abc def" }}',
        "abc def",
    ),
    (
        '{{ abbrev 7 "hello world foo" }}',
        "hell...",
    ),
    (
        '{{ abbrevboth 0 10 "abcdefghijklmnop" }}',
        "abcdefg...",
    ),
    (
        '{{ camelcase "foo_bar-baz qux" }}',
        "FooBarBazQux",
    ),
    (
        '{{ camelcase "FOO_BAR" }}',
        "FooBar",
    ),
    (
        '{{ camelcase "__a__b" }}',
        "__A_B",
    ),
    (
        '{{ camelcase "" }}',
        "",
    ),
    (
        '{{ camelcase "HelloWorld" }}',
        "HelloWorld",
    ),
    (
        '{{ snakecase "HTTPServer2Go v1.2" }}',
        "http_server2_go_v1.2",
    ),
    (
        '{{ snakecase "FirstName" }}',
        "first_name",
    ),
    (
        '{{ kebabcase "helloWorld99Foo" }}',
        "hello-world99-foo",
    ),
    (
        '{{ snakecase "http2xx" }}',
        "http_2xx",
    ),
    (
        '{{ snakecase "GO_PATH" }}',
        "go_path",
    ),
    (
        '{{ kebabcase "a.b c" }}',
        "a.b-c",
    ),
    (
        '{{ snakecase "ABC1def" }}',
        "abc_1def",
    ),
    (
        '{{ snakecase "0xDEADBEEF" }}',
        "0x_deadbeef",
    ),
    (
        '{{ swapcase "hello World ÀÉ" }}',
        "HELLO wORLD àé",
    ),
    (
        '{{ untitle "Hello World" }}',
        "hello world",
    ),
    (
        '{{ initials "Big Small éa" }}',
        "BSÃ",
    ),
    (
        '{{ nospace "a b\\tc é" }}',
        "abcÃ©",
    ),
    (
        '{{ wrap 10 "the quick brown fox jumpsoverthelazy dog" }}',
        "the quick\nbrown fox\njumpsoverthelazy\ndog",
    ),
    (
        '{{ wrapWith 5 "," "Hello World longwords" }}',
        "Hello,World,longw,ords",
    ),
    (
        '{{ wrap 0 "a b" }}',
        "a\nb",
    ),
    (
        '{{ wrapWith 0 "" "abc" }}',
        "a\nb\nc",
    ),
    (
        '{{ abbrev 5 "abcdefghij" }}',
        "ab...",
    ),
    (
        '{{ camelcase "http_server" }}',
        "HttpServer",
    ),
    (
        '{{ kebabcase "HTTPServer" }}',
        "http-server",
    ),
    (
        '{{ snakecase "Version2Beta" }}',
        "version2_beta",
    ),
    (
        '{{ printf "%q" (snakecase "aB\\xffCd\\xfe \\xfd1\\xfc") }}',
        '"a_b_�cd�_\\xfd1\\xfc"',
    ),
    (
        '{{ printf "%q" (kebabcase "\\xffHTTP\\xffServer\\xff2\\xff") }}',
        '"�http-�server\\xff2\\xff"',
    ),
    (
        '{{ printf "%q" (kebabcase "\\xff�") }} {{ kebabcase "fo�o bar" }}',
        '"\\xff�" fo�o-bar',
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_function_for_words_answers_as_in_sprig(template: str, answer: str) -> None:
    assert rendered(template) == answer
