"""The built-in functions give the answers of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        '{{ index (semver "1.2.3") 1 }}',
        (
            'exec 1:3: executing "commit message" at <index (semver "1.2.3") 1>: error calling index: can\'t '
            "index item of type semver.Version"
        ),
    ),
    (
        '{{ js "\\xff" }}',
        "�",
    ),
    (
        "{{ len (list 1 2) }}",
        "2",
    ),
    (
        "{{ index (list nil) 0 }}",
        "<no value>",
    ),
    (
        "{{ index .Values }}",
        (
            'map[cluster:prod empty: env:production html:<b>&"\'</b> json:{"a":1,"b":[1,2]} list:a,b,c mult'
            "i:line1\nline2 num:42 uni:héllo 日本]"
        ),
    ),
    (
        "{{ index .Values 1 }}",
        (
            'exec 1:3: executing "commit message" at <index .Values 1>: error calling index: value has type'
            " int; should be string"
        ),
    ),
    (
        "{{ index .Values nil }}",
        (
            'exec 1:3: executing "commit message" at <index .Values nil>: error calling index: value is nil'
            "; should be of type string"
        ),
    ),
    (
        "{{ index (list (list 1 2)) 0 1 }}",
        "2",
    ),
    (
        '{{ index "abc" 1 }}',
        "98",
    ),
    (
        '{{ index (dict "a" (dict "b" 2)) "a" "b" }}',
        "2",
    ),
    (
        '{{ index "abc" 3 }}',
        (
            'exec 1:3: executing "commit message" at <index "abc" 3>: error calling index: reflect: string '
            "index out of range"
        ),
    ),
    (
        "{{ index 1 1 }}",
        'exec 1:3: executing "commit message" at <index 1 1>: error calling index: can\'t index item of type int',
    ),
    (
        "{{ index (list 1) -1 }}",
        'exec 1:3: executing "commit message" at <index (list 1) -1>: error calling index: index out of range: -1',
    ),
    (
        "{{ len 1 }}",
        'exec 1:3: executing "commit message" at <len 1>: error calling len: len of type int',
    ),
    (
        "{{ len nil }}",
        (
            'exec 1:3: executing "commit message" at <len nil>: error calling len: reflect: call of reflect'
            ".Value.Type on zero Value"
        ),
    ),
    (
        '{{ len "héllo" }}',
        "6",
    ),
    (
        "{{ len .Values }}",
        "9",
    ),
    (
        "{{ eq 1 }}",
        'exec 1:3: executing "commit message" at <eq 1>: error calling eq: missing argument for comparison',
    ),
    (
        "{{ eq (list 1) (list 1) }}",
        (
            'exec 1:3: executing "commit message" at <eq (list 1) (list 1)>: error calling eq: non-comparab'
            "le type [%!s(int=1)]: []interface {}"
        ),
    ),
    (
        "{{ eq .AutomationObject .AutomationObject }}",
        "true",
    ),
    (
        "{{ eq nil 1 }}",
        "false",
    ),
    (
        "{{ ne 1 nil }}",
        "true",
    ),
    (
        "{{ eq (int64 1) 1 }}",
        "true",
    ),
    (
        "{{ lt (int64 1) 2 }}",
        "true",
    ),
    (
        '{{ eq "a" .Values.cluster "prod" }}',
        "false",
    ),
    (
        "{{ eq .Changed .Changed }}",
        (
            'exec 1:3: executing "commit message" at <eq .Changed .Changed>: error calling eq: non-comparab'
            "le type {map[deploy.yaml:map[{{{apps/v1 Deployment} {podinfo default}}}:[{ghcr.io/stefanprodan"
            "/podinfo:5.0.0 ghcr.io/stefanprodan/podinfo:5.0.3 flux-system:podinfo}]]]}: update.Result"
        ),
    ),
    (
        "{{ eq nil .Values }}",
        "false",
    ),
    (
        "{{ gt nil 1 }}",
        'exec 1:3: executing "commit message" at <gt nil 1>: error calling gt: invalid type for comparison',
    ),
    (
        "{{ lt (list) 1 }}",
        'exec 1:3: executing "commit message" at <lt (list) 1>: error calling lt: invalid type for comparison',
    ),
    (
        "{{ le 1.5 1.5 }}",
        "true",
    ),
    (
        '{{ ge "b" "a" }}',
        "true",
    ),
    (
        "{{ gt 2 1 }}",
        "true",
    ),
    (
        '{{ ne "a" "b" }}',
        "true",
    ),
    (
        "{{ not nil }}",
        "true",
    ),
    (
        '{{ and 1 (fail "x") }}',
        'exec 1:10: executing "commit message" at <fail "x">: error calling fail: x',
    ),
    (
        '{{ or 1 (fail "x") }}',
        "1",
    ),
    (
        '{{ and 0 (fail "x") }}',
        "0",
    ),
    (
        '{{ "" | or "a" }}',
        "a",
    ),
    (
        '{{ and "" }}',
        "",
    ),
    (
        "{{ print }}",
        "",
    ),
    (
        "{{ print nil }}",
        "<nil>",
    ),
    (
        "{{ print 1 2 }}",
        "1 2",
    ),
    (
        '{{ print "a" 1 2 "b" }}',
        "a1 2b",
    ),
    (
        "{{ println }}",
        "\n",
    ),
    (
        "{{ print 1.0 2.5 }}",
        "1 2.5",
    ),
    (
        "{{ print true false }}",
        "true false",
    ),
    (
        '{{ print (list 1 "a") (dict "b" 1) }}',
        "[1 a] map[b:1]",
    ),
    (
        '{{ html "<a href=\'x\'>\\"&\\x00" }}',
        "&lt;a href=&#39;x&#39;&gt;&#34;&amp;�",
    ),
    (
        '{{ js "it\'s \\"<x>\\" & = \\n é \\u2028" }}',
        'it\\\'s \\"\\u003Cx\\u003E\\" \\u0026 \\u003D \\u000A é \\u2028',
    ),
    (
        '{{ urlquery "a b" "c" 1 }}',
        "a+bc1",
    ),
    (
        '{{ html 1 "a" nil }}',
        "1a&lt;no value&gt;",
    ),
    (
        "{{ js nil }}",
        "\\u003Cno value\\u003E",
    ),
    (
        "{{ (index .Changed.Changes 0).NewValue }}",
        "ghcr.io/stefanprodan/podinfo:5.0.3",
    ),
    (
        '{{ index .Changed.FileChanges "nosuch" }}',
        "map[]",
    ),
    (
        '{{ len (index .Changed.FileChanges "nosuch") }}',
        "0",
    ),
    (
        "{{ call nil }}",
        'exec 1:3: executing "commit message" at <call nil>: error calling call: call of nil',
    ),
    (
        "{{ call 1 2 }}",
        'exec 1:3: executing "commit message" at <call 1 2>: error calling call: non-function 1 of type int',
    ),
    (
        "{{ . | call }}",
        (
            'exec 1:7: executing "commit message" at <call>: error calling call: non-function <source.Templ'
            "ateData Value> of type source.TemplateData"
        ),
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_builtin_function_answers_as_in_go(template: str, answer: str) -> None:
    assert rendered(template) == answer
