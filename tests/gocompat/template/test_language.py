"""Cases of templates that the vectors lack, with the answers of Go 1.24 and sprig 3.3.0 for the same data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gocompat.json_syntax import find_mistake
from tagstream.domain.update.message import TemplateError, render_message
from tests.unit.rendered import DATA, rendered

ANSWERS = [
    (
        "{{ 1-i }}",
        "parse 1: syntax error scanning complex number",
    ),
    # A break in the else of a range ends that range, not the one around it.
    ("{{ range 2 }}{{ range 0 }}{{ else }}{{ break }}{{ end }}x{{ end }}", "xx"),
    ("{{ range 2 }}{{ range 0 }}{{ else }}{{ continue }}{{ end }}x{{ end }}", ""),
    # nil counts as an empty map or list.
    ('{{ get nil "a" }}{{ hasKey nil "a" }}{{ keys nil }}{{ values nil }}{{ urlJoin nil }}', "false[][]"),
    (
        '{{ merge nil (dict "a" 1) }}{{ mergeOverwrite nil nil }}{{ pick nil "a" }}{{ pluck "a" nil }}',
        "map[a:1]map[]map[][]",
    ),
    ('{{ printf "%#v" (merge nil) }}', "map[string]interface {}(nil)"),
    # JSON uses the tags of Go's structs.
    (
        "{{ range $o, $_ := .Changed.Objects }}{{ toJson $o }}{{ toJson $o.TypeMeta }}{{ end }}",
        '{"apiVersion":"apps/v1","kind":"Deployment","name":"podinfo","namespace":"default"}'
        '{"apiVersion":"apps/v1","kind":"Deployment"}',
    ),
    ('{{ toJson (toDate "2006-01-02" "2020-02-03") }}{{ toJson (semver "v1.2") }}', '"2020-02-03T00:00:00Z""1.2.0"'),
    (
        "{{ .AutomationObject.MarshalLog }}{{ toJson .AutomationObject.MarshalLog }}",
        '{flux-system flux-system}{"name":"flux-system","namespace":"flux-system"}',
    ),
    ('{{ mustFromJson "\\"\\\\ud800a\\"" }}', "\ufffda"),
    # Floats have a negative zero, decimals do not.
    ("{{ mulf -1.0 0 }} {{ subf -0.0 }} {{ divf -0.0 }} {{ minf 0 -0.0 }} {{ maxf -0.0 0 }}", "0 0 0 -0 0"),
    (
        '{{ (semver "v1.2.3").SetPrerelease "a" }} {{ typeOf ((semver "1").SetMetadata "b") }}',
        "1.2.3-a semver.Version",
    ),
    (
        '{{ (semver "1.2.3").LessThanEqual (semver "1.2.3") }}{{ (semver "1").GreaterThanEqual (semver "2") }}',
        "truefalse",
    ),
    ('{{ camelcase "1.2.3 - 2" }}|{{ camelcase "_" }}|{{ camelcase "a_-b" }}', "1.2.3 -2|__|A_B"),
    ('{{ urlJoin (urlParse "http://h/(a)*?q#f(b)") }} {{ urlJoin (urlParse "*") }}', "http://h/%28a%29%2A?q#f(b) *"),
    ('{{ (toDate "2006 Jan" "2020    Feb").Format "01/2006" }}', "02/2020"),
    # fmt.
    (
        '{{ printf "%.*d|%w|%.3x|%b|%p|%[]5[2]v" -1 5 .AutomationObject 1.5 0.0 1 }}',
        "%!(BADPREC)5|%!w(types.NamespacedName={flux-system flux-system})|0x1.800p+00|0p-1074|%!p(int=1)|%!v(BADINDEX)",
    ),
    (
        '{{ printf "%#.1v|%+w|%#O|%012v|%.2147483\u2603" "abc" 31 8 nil }}',
        '"a"|%!w(int=31)|0o010|0000000<nil>|%!\u2603(MISSING)',
    ),
    ('{{ printf "%.1x %.0x %x %.2X" 123456789.123 1.5 5e-324 -0.0 }}', "0x1.dp+26 0x1p+01 0x1p-1074 -0X0.00P+00"),
]
REFUSED = [
    ('{{ set nil "a" 1 }}', "error calling set: assignment to entry in nil map"),
    ('{{ dig 1 "d" "text" }}', "interface conversion: interface {} is string, not map[string]interface {}"),
    ('{{ mustToDate "2006\u00e9" "x" }}', 'cannot parse "x" as "2006"'),
    ('{{ mustToDate "\u00e9" "x" }}', 'parsing time "x" as "\\xc3\\xa9": cannot parse "x" as "\\xc3\\xa9"'),
    ('{{ mustToDate "at 2006" "at noon" }}', 'cannot parse "noon" as "2006"'),
    ('{{ mustToDate "abc 2006" "abd" }}', 'cannot parse "d" as "abc "'),
    ('{{ urlParse "http://[::1/" }}', "missing ']' in host"),
    ('{{ len (semver "1") }}', "error calling len: len of type semver.Version"),
    ('{{ (semver "1.2.3").SetMetadata "x y" }}', "error calling SetMetadata: invalid metadata string"),
    # An element of a []interface{} is an interface until a pipeline unwraps it.
    ("{{ range list 1 }}{{ .x }}{{ end }}", "can't evaluate field x in type interface {}"),
    ("{{ range $v := list 1 }}{{ $v.x }}{{ end }}", "can't evaluate field x in type interface {}"),
    ("{{ range list 1 }}{{ with . }}{{ .x }}{{ end }}{{ end }}", "can't evaluate field x in type int"),
    ("{{ range list 1 }}{{ $v := . }}{{ $v.x }}{{ end }}", "can't evaluate field x in type int"),
    ('{{ (dict "a" 1).a.x }}', "can't evaluate field x in type interface {}"),
    ("{{ 0x9223372036854775808 }}", 'illegal number syntax: "0x9223372036854775808"'),
    ("{{ 9223372036854775808999 }}", 'integer overflow: "9223372036854775808999"'),
    ("{{ 1+e3i }}", 'strconv.ParseFloat: parsing "+e3": invalid syntax'),
]
MISTAKES = [
    ("", "unexpected end of JSON input"),
    ('{"a":1', "unexpected end of JSON input"),
    ("nul", "invalid character ' ' in literal null (expecting 'l')"),
    ("-", "invalid character ' ' in numeric literal"),
    ("1.", "invalid character ' ' after decimal point in numeric literal"),
    ("1ex", "invalid character 'x' in exponent of numeric literal"),
    ("\u00e9", "invalid character '\u00c3' looking for beginning of value"),
    ('"a\nb"', "invalid character '\\n' in string literal"),
    ('"\\x"', "invalid character 'x' in string escape code"),
    ('"\\u12G4"', "invalid character 'G' in \\u hexadecimal character escape"),
    ("[1}", "invalid character '}' after array element"),
    ('{"a":1]', "invalid character ']' after object key:value pair"),
    ("{a", "invalid character 'a' looking for beginning of object key string"),
    ('{"a",', "invalid character ',' after object key"),
    ("1 2", "invalid character '2' after top-level value"),
    ("[1,]", "invalid character ']' looking for beginning of value"),
    ("'", "invalid character '\\'' looking for beginning of value"),
]


@pytest.mark.parametrize(("template", "text"), ANSWERS)
def test_a_template_renders_as_in_go(template: str, text: str) -> None:
    assert rendered(template) == text


@pytest.mark.parametrize(("template", "words"), REFUSED)
def test_a_template_is_refused_in_the_words_of_go(template: str, words: str) -> None:
    answer = rendered(template)
    assert answer.startswith(("exec ", "parse ")) and words in answer


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_text_that_is_not_json_is_refused_in_the_words_of_go(text: str, words: str) -> None:
    assert find_mistake(text.encode()) == words


def test_no_mistake_is_found_in_json() -> None:
    assert find_mistake(json.dumps({"a": [1, -2.5e3, "\u00e9\n", None, True, {}, []]}).encode()) == ""


def test_missing_template_values_are_a_nil_map_as_in_go() -> None:
    data = replace(DATA, values={})
    assert render_message('{{ toJson .Values }} {{ eq .Values nil }}{{ printf " %#v" .Values }}', data).text == (
        "null true map[string]string(nil)"
    )


def test_an_error_is_valid_text_even_if_the_template_fails_with_other_bytes() -> None:
    with pytest.raises(TemplateError) as told:
        render_message('{{ fail "\\xff" }}', DATA)
    assert str(told.value).encode().endswith("error calling fail: \ufffd".encode())
