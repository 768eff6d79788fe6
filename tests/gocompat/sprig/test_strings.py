"""sprig's functions for text give the answers of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        '{{ printf "%q %q %q" (upper "a\\xff") (lower "A\\xff") (title "a\\xff") }}',
        '"A�" "a�" "A�"',
    ),
    (
        '{{ upper "ᾀßŉſ" }}',
        "ᾈßŉS",
    ),
    (
        '{{ title "hello-world foo_bar it\'s 1a" }}',
        "Hello-World Foo_bar It'S 1a",
    ),
    (
        '{{ trunc 3 "héllo" }}',
        "hé",
    ),
    (
        '{{ trunc -2 "abc" }}',
        "bc",
    ),
    (
        '{{ trunc -9 "abc" }}',
        "abc",
    ),
    (
        '{{ substr 1 3 "hello" }}',
        "el",
    ),
    (
        '{{ substr -1 3 "hello" }}',
        "hel",
    ),
    (
        '{{ substr 2 -1 "hello" }}',
        "llo",
    ),
    (
        '{{ substr 3 2 "hello" }}',
        (
            'exec 1:3: executing "commit message" at <substr 3 2 "hello">: error calling substr: runtime er'
            "ror: slice bounds out of range [3:2]"
        ),
    ),
    (
        '{{ substr 9 10 "hello" }}',
        (
            'exec 1:3: executing "commit message" at <substr 9 10 "hello">: error calling substr: runtime e'
            "rror: slice bounds out of range [9:5]"
        ),
    ),
    (
        '{{ substr 9 20 "hello" }}',
        (
            'exec 1:3: executing "commit message" at <substr 9 20 "hello">: error calling substr: runtime e'
            "rror: slice bounds out of range [9:5]"
        ),
    ),
    (
        '{{ substr -1 9 "hello" }}',
        (
            'exec 1:3: executing "commit message" at <substr -1 9 "hello">: error calling substr: runtime e'
            "rror: slice bounds out of range [:9] with length 5"
        ),
    ),
    (
        '{{ repeat -1 "a" }}',
        (
            'exec 1:3: executing "commit message" at <repeat -1 "a">: error calling repeat: strings: negati'
            "ve Repeat count"
        ),
    ),
    (
        '{{ quote "a\\"b" 1.5 nil (list 1 "a") }}',
        '"a\\"b" "1.5" "[1 a]"',
    ),
    (
        '{{ squote "a\'b" 1 }}',
        "'a'b' '1'",
    ),
    (
        "{{ cat nil }}",
        "",
    ),
    (
        '{{ cat " a " "b" }}',
        " a  b",
    ),
    (
        '{{ splitList "" "héy" }}',
        "[h é y]",
    ),
    (
        '{{ split "," "a,b" }}',
        "map[_0:a _1:b]",
    ),
    (
        '{{ splitn "," 1 "a,b,c" }}',
        "map[_0:a,b,c]",
    ),
    (
        '{{ splitn "," 0 "a,b,c" }}',
        "map[]",
    ),
    (
        '{{ splitn "" 2 "abc" }}',
        "map[_0:a _1:bc]",
    ),
    (
        '{{ splitn "," -1 "a,b,c" }}',
        "map[_0:a _1:b _2:c]",
    ),
    (
        '{{ join "-" (list 1 nil "b" true 2.5) }}',
        "1-b-true-2.5",
    ),
    (
        '{{ join "-" "abc" }}',
        "abc",
    ),
    (
        '{{ join "-" nil }}',
        "",
    ),
    (
        '{{ join "," (until 3) }}',
        "0,1,2",
    ),
    (
        "{{ toStrings (list 1 2 nil) }}",
        "[1 2]",
    ),
    (
        '{{ indent 2 "a\\nb\\n" }}',
        "  a\n  b\n  ",
    ),
    (
        '{{ plural "one" "many" 1 }}',
        "one",
    ),
    (
        '{{ plural "one" "many" 2 }}',
        "many",
    ),
    (
        '{{ trimAll "ab" "abcba" }}',
        "c",
    ),
    (
        '{{ trimall "$" "$5$" }}',
        "5",
    ),
    (
        '{{ trim "\\n\\t x \\u00a0" }}',
        "x",
    ),
    (
        '{{ replace "" "-" "abc" }}',
        "-a-b-c-",
    ),
    (
        "{{ lower .Values.cluster | upper }}",
        "PROD",
    ),
    (
        '{{ upper "a" | }}',
        "A",
    ),
    (
        '{{ (upper "a") }}',
        "A",
    ),
    (
        '{{ upper (lower "A") | repeat 2 }}',
        "AA",
    ),
    (
        '{{ repeat 3.0 "a" }}',
        "aaa",
    ),
    (
        '{{ trunc (int (add 1 2)) "abcdef" }}',
        "abc",
    ),
    (
        '{{ "abc" | trunc 2 }}',
        "ab",
    ),
    (
        '{{ join "," .Changed.Changes }}',
        "{ghcr.io/stefanprodan/podinfo:5.0.0 ghcr.io/stefanprodan/podinfo:5.0.3 flux-system:podinfo}",
    ),
    (
        "{{ .Changed.Changes | toStrings }}",
        "[{ghcr.io/stefanprodan/podinfo:5.0.0 ghcr.io/stefanprodan/podinfo:5.0.3 flux-system:podinfo}]",
    ),
    (
        '{{ "a" | quote | squote | cat "x" }}',
        "x '\"a\"'",
    ),
    (
        '{{ contains "ell" "hello" }}',
        "true",
    ),
    (
        '{{ hasPrefix "he" "hello" }}',
        "true",
    ),
    (
        '{{ hasSuffix "he" "hello" }}',
        "false",
    ),
    (
        '{{ nindent 2 "a\\nb" }}',
        "\n  a\n  b",
    ),
    (
        "{{ toString 1.5 }}",
        "1.5",
    ),
    (
        "{{ toString .AutomationObject }}",
        "flux-system/flux-system",
    ),
    (
        '{{ trimPrefix "a" "aab" }}',
        "ab",
    ),
    (
        '{{ trimSuffix "b" "aab" }}',
        "aa",
    ),
    (
        '{{ upper "straße" }}',
        "STRAßE",
    ),
    (
        '{{ lower "ÀÉ" }}',
        "àé",
    ),
    (
        "{{ hello }}",
        "Hello!",
    ),
    (
        '{{ printf "%q" (trimAll "\\xff" "\\xfeaé\\xc3�") }} {{ printf "%q" (trimAll "�" "\\xfea") }}',
        '"aé" "a"',
    ),
    (
        '{{ contains "\\xa9" "é" }} {{ hasPrefix "\\xc3" "é" }} {{ hasSuffix "\\xa9" "é" }}',
        "true true true",
    ),
    (
        '{{ printf "%q" (trimPrefix "\\xc3" "é") }} {{ printf "%q" (trimSuffix "\\xa9" "é") }}',
        '"\\xa9" "\\xc3"',
    ),
    (
        '{{ printf "%q" (replace "\\xa9" "x" "éa") }} {{ printf "%q" (splitList "\\xa9" "éaé") }}',
        '"\\xc3xa" ["\\xc3" "a\\xc3" ""]',
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_function_for_text_answers_as_in_sprig(template: str, answer: str) -> None:
    assert rendered(template) == answer
