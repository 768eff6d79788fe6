"""sprig's regular expressions and versions."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# What Go 1.26 with sprig 3.3.0 answers to each template.
ANSWERS = [
    (
        (
            '{{ regexReplaceAll "\\\\B" "abé日b" "-" }} {{ regexFindAll "\\\\B" "abé" -1 | len }} {{ regexSpli'
            't "\\\\B" "aéb" -1 }}'
        ),
        "a-bé-日b 2 [aéb]",
    ),
    (
        '{{ regexReplaceAll "(a)|(b)" "abab" "<$1$2$3${1}$x$$>" }}',
        "<aa$><b$><aa$><b$>",
    ),
    (
        '{{ regexMatch "^a.c$" "abc" }}',
        "true",
    ),
    (
        '{{ regexFindAll "[a-c]" "aabbcd" -1 }}',
        "[a a b b c]",
    ),
    (
        '{{ regexFindAll "x" "abc" -1 }}',
        "[]",
    ),
    (
        '{{ regexFindAll "[a-c]" "abc" 2 }}',
        "[a b]",
    ),
    (
        '{{ regexFind "b+" "abbbc" }}',
        "bbb",
    ),
    (
        '{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }}',
        "-W-xxW-",
    ),
    (
        '{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "$1W" }}',
        "---",
    ),
    (
        '{{ regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}" }}',
        "-${1}-${1}-",
    ),
    (
        '{{ regexSplit "z+" "pizza" -1 }}',
        "[pi a]",
    ),
    (
        '{{ regexSplit "" "abc" -1 }}',
        "[a b c]",
    ),
    (
        '{{ regexSplit "a*" "abaabaccadaaae" 5 }}',
        "[ b b c cadaaae]",
    ),
    (
        '{{ regexSplit "x" "" -1 }}',
        "[]",
    ),
    (
        '{{ regexReplaceAll "" "héy" "-" }}',
        "-h-é-y-",
    ),
    (
        '{{ regexFindAll "a*" "baac" -1 }}',
        "[ aa ]",
    ),
    (
        '{{ regexQuoteMeta "1.2+[x]" }}',
        "1\\.2\\+\\[x\\]",
    ),
    (
        '{{ regexReplaceAll "x*" "axxb" "-" }}',
        "-a-b-",
    ),
    (
        '{{ regexFind "(" "x" }}',
        (
            'exec 1:3: executing "commit message" at <regexFind "(" "x">: error calling regexFind: regexp: '
            "Compile(`(`): error parsing regexp: missing closing ): `(`"
        ),
    ),
    (
        '{{ mustRegexFind "a**" "x" }}',
        (
            'exec 1:3: executing "commit message" at <mustRegexFind "a**" "x">: error calling mustRegexFind'
            ": error parsing regexp: invalid nested repetition operator: `**`"
        ),
    ),
    (
        '{{ regexSplit "`(" "x" 1 }}',
        (
            'exec 1:3: executing "commit message" at <regexSplit "`(" "x" 1>: error calling regexSplit: reg'
            'exp: Compile("`("): error parsing regexp: missing closing ): ``(`'
        ),
    ),
    (
        '{{ (semver "v1.2.3-beta.1+b345").Prerelease }}',
        "beta.1",
    ),
    (
        '{{ (semver "1.2.3").Minor }}',
        "2",
    ),
    (
        '{{ (semver "1.2").Original }}',
        "1.2",
    ),
    (
        '{{ (semver "1.2.3").IncMajor }}',
        "2.0.0",
    ),
    (
        '{{ semver "v1.2" }}',
        "1.2.0",
    ),
    (
        '{{ (semver "1.2.3-a").Metadata }}',
        "",
    ),
    (
        '{{ (semver "1.2.3").Compare (semver "1.3.0") }}',
        "-1",
    ),
    (
        '{{ semverCompare "x" "1.0.0" }}',
        "true",
    ),
    (
        '{{ mustRegexFindAll "a" "banana" -1 }}',
        "[a a a]",
    ),
    (
        '{{ mustRegexMatch "a" "b" }}',
        "false",
    ),
    (
        '{{ mustRegexMatch "(" "b" }}',
        (
            'exec 1:3: executing "commit message" at <mustRegexMatch "(" "b">: error calling mustRegexMatch'
            ": error parsing regexp: missing closing ): `(`"
        ),
    ),
    (
        '{{ regexMatch "(" "b" }}',
        "false",
    ),
    (
        '{{ mustRegexReplaceAll "a" "banana" "o" }}',
        "bonono",
    ),
    (
        '{{ mustRegexReplaceAllLiteral "a" "banana" "$1" }}',
        "b$1n$1n$1",
    ),
    (
        '{{ mustRegexSplit "a" "banana" 2 }}',
        "[b nana]",
    ),
    (
        '{{ regexFindAll "(a|b)+" "xxabxba" 1 }}',
        "[ab]",
    ),
    (
        '{{ regexReplaceAll "(?P<k>\\\\w+)=(\\\\w+)" "a=1 b=2" "$2:${k}" }}',
        "1:a 2:b",
    ),
    (
        '{{ semverCompare ">=1.0.0 <2" "1.5.0" }}',
        "true",
    ),
    (
        '{{ (semver "1.2.3").LessThan (semver "1.3.0") }}',
        "true",
    ),
    (
        '{{ (semver "1.2.3-a").IncPatch }}',
        "1.2.3",
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_function_of_patterns_answers_as_sprigs(template: str, answer: str) -> None:
    assert rendered(template) == answer
