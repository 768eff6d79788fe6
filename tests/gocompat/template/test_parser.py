"""Templates are parsed, or refused in the words of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        "{{ .a..b }}",
        "parse 1: unexpected <.> in operand",
    ),
    (
        "{{ $x }}",
        'parse 1: undefined variable "$x"',
    ),
    (
        "{{ $x := }}",
        "parse 1: missing value for command",
    ),
    (
        "{{ x := 1 }}",
        'parse 1: function "x" not defined',
    ),
    (
        "{{ .x := 1 }}",
        'parse 1: unexpected ":=" in operand',
    ),
    (
        "{{ $x, $y := 1 }}",
        "parse 1: too many declarations in command",
    ),
    (
        "{{ range $i, 1 := list }}{{ end }}",
        "parse 1: range can only initialize variables",
    ),
    (
        "{{ continue }}",
        "parse 1: {{continue}} outside {{range}}",
    ),
    (
        '{{ range 2 }}{{ define "x" }}{{ break }}{{ end }}{{ end }}',
        "parse 1: unexpected <define> in command",
    ),
    (
        '{{ define "x" }}',
        "parse 1: unexpected EOF",
    ),
    (
        "{{ define x }}{{ end }}",
        'parse 1: unexpected "x" in define clause',
    ),
    (
        '{{ define "a" }}1{{ end }}{{ define "a" }}2{{ end }}',
        'parse 1: template: multiple definition of template "a"',
    ),
    (
        '{{ if 1 }}{{ define "x" }}{{ end }}{{ end }}',
        "parse 1: unexpected <define> in command",
    ),
    (
        "{{ template }}",
        'parse 1: unexpected "}}" in template clause',
    ),
    (
        "{{ template 1 }}",
        'parse 1: unexpected "1" in template clause',
    ),
    (
        '{{ block "x" }}a{{ end }}',
        "parse 1: missing value for block clause",
    ),
    (
        "{{ end }}",
        "parse 1: unexpected {{end}}",
    ),
    (
        "{{ else }}",
        "parse 1: unexpected {{else}}",
    ),
    (
        "{{ if 1 }}{{ else if }}{{ end }}",
        "parse 1: missing value for if",
    ),
    (
        "{{ if 1 }}a{{ else with 1 }}b{{ end }}",
        "parse 1: unexpected <with> in input",
    ),
    (
        "{{ range 1 }}a{{ else if 1 }}b{{ end }}",
        "parse 1: unexpected <if> in input",
    ),
    (
        "{{ with $x := 1 }}{{ $x }}{{ end }}{{ $x }}",
        'parse 1: undefined variable "$x"',
    ),
    (
        '{{ "a".x }}',
        'parse 1: unexpected . after term "\\"a\\""',
    ),
    (
        "{{ nil.x }}",
        'parse 1: unexpected . after term "nil"',
    ),
    (
        "{{ true.x }}",
        'parse 1: unexpected . after term "true"',
    ),
    (
        "{{ 1 | 2 }}",
        "parse 1: non executable command in pipeline stage 2",
    ),
    (
        '{{ 1 | "x" }}',
        "parse 1: non executable command in pipeline stage 2",
    ),
    (
        "{{ | upper }}",
        'parse 1: unexpected "|" in command',
    ),
    (
        '{{ upper( "a" ) }}',
        'parse 1: unexpected "(" in operand',
    ),
    (
        "{{ /* c */ }}",
        'parse 1: unexpected "/" in command',
    ),
    (
        "{{ @ }}",
        'parse 1: unexpected "@" in command',
    ),
    (
        "{{ a.b }}",
        'parse 1: function "a" not defined',
    ),
    (
        "{{ é }}",
        'parse 1: function "é" not defined',
    ),
    (
        "{{ break 1 }}",
        'parse 1: unexpected "1" in {{break}}',
    ),
    (
        "{{ end 1 }}",
        'parse 1: unexpected "1" in end',
    ),
    (
        '{{ template "x" 1 | 2 }}',
        "parse 1: non executable command in pipeline stage 2",
    ),
    (
        '{{ block "t" . }}\na\n{{ else }}b{{ end }}',
        "parse 1: unexpected {{else}} in block clause",
    ),
    (
        '{{ define "t" }}\na\n{{ else }}b{{ end }}',
        "parse 3: unexpected {{else}} in define clause",
    ),
    (
        '{{ block "t"\n. }}{{/* c }}',
        "parse 2: unclosed comment",
    ),
    (
        "{{ range .\n}}\n{{/* c }}",
        "parse 3: unclosed comment in action started at commit message:1",
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_template_parses_or_is_refused_as_in_go(template: str, answer: str) -> None:
    assert rendered(template) == answer
