"""Calls accept the same arguments as in Go and refuse others in the words of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        "{{ sub 1 }}",
        'exec 1:3: executing "commit message" at <sub>: wrong number of args for sub: want 2 got 1',
    ),
    (
        "{{ max }}",
        'exec 1:3: executing "commit message" at <max>: wrong number of args for max: want at least 1 got 0',
    ),
    (
        "{{ first nil }}",
        (
            'exec 1:3: executing "commit message" at <first nil>: error calling first: runtime error: inval'
            "id memory address or nil pointer dereference"
        ),
    ),
    (
        '{{ ternary 1 2 "x" }}',
        'exec 1:15: executing "commit message" at <"x">: expected bool; found "x"',
    ),
    (
        '{{ mustFromJson "{\\"a\\":" }}',
        (
            'exec 1:3: executing "commit message" at <mustFromJson "{\\"a\\":">: error calling mustFromJson'
            ": unexpected end of JSON input"
        ),
    ),
    (
        '{{ mustFromJson "" }}',
        (
            'exec 1:3: executing "commit message" at <mustFromJson "">: error calling mustFromJson: unexpec'
            "ted end of JSON input"
        ),
    ),
    (
        '{{ mustToDate "2006-01-02" "x" }}',
        (
            'exec 1:3: executing "commit message" at <mustToDate "2006-01-02" "x">: error calling mustToDat'
            'e: parsing time "x" as "2006-01-02": cannot parse "x" as "2006"'
        ),
    ),
    (
        "{{ range list nil }}{{ .Foo }}{{ end }}",
        'exec 1:23: executing "commit message" at <.Foo>: nil pointer evaluating interface {}.Foo',
    ),
    (
        '{{ (dict "a" nil).a.b }}',
        'exec 1:13: executing "commit message" at <nil>: nil pointer evaluating interface {}.b',
    ),
    (
        "{{ range list nil }}{{ upper . }}{{ end }}",
        'exec 1:29: executing "commit message" at <.>: wrong type for value; expected string; got interface {}',
    ),
    (
        "{{ upper (index (list nil) 0) }}",
        'exec 1:27: executing "commit message" at <0>: invalid value; expected string',
    ),
    (
        "{{ upper .Values.nosuch }}|x",
        'exec 1:16: executing "commit message" at <.Values.nosuch>: invalid value; expected string',
    ),
    (
        '{{ index (list 1 2) "a" }}',
        (
            'exec 1:3: executing "commit message" at <index (list 1 2) "a">: error calling index: cannot in'
            "dex slice/array with type string"
        ),
    ),
    (
        "{{ index (list 1) nil }}",
        (
            'exec 1:3: executing "commit message" at <index (list 1) nil>: error calling index: cannot inde'
            "x slice/array with nil"
        ),
    ),
    (
        "{{ len }}",
        'exec 1:3: executing "commit message" at <len>: wrong number of args for len: want 1 got 0',
    ),
    (
        "{{ lt 1 2 3 }}",
        'exec 1:3: executing "commit message" at <lt>: wrong number of args for lt: want 2 got 3',
    ),
    (
        "{{ eq }}",
        'exec 1:3: executing "commit message" at <eq>: wrong number of args for eq: want at least 1 got 0',
    ),
    (
        "{{ and }}",
        'exec 1:3: executing "commit message" at <and>: wrong number of args for and: want at least 1 got 0',
    ),
    (
        "{{ or }}",
        'exec 1:3: executing "commit message" at <or>: wrong number of args for or: want at least 1 got 0',
    ),
    (
        '{{ template "a" . }}{{ define "a" }}{{ .AutomationObject }}{{ .Nope }}{{ end }}',
        'exec 1:62: executing "a" at <.Nope>: can\'t evaluate field Nope in type source.TemplateData',
    ),
    (
        "{{ (1).x }}",
        'exec 1:4: executing "commit message" at <1>: can\'t evaluate field x in type int',
    ),
    (
        "{{ . 1 }}",
        'exec 1:3: executing "commit message" at <.>: can\'t give argument to non-function .',
    ),
    (
        "{{ .Changed.Changes 1 }}",
        ('exec 1:11: executing "commit message" at <.Changed.Changes>: wrong number of args for Changes: want 0 got 1'),
    ),
    (
        "{{ .AutomationObject.Name 1 }}",
        (
            'exec 1:20: executing "commit message" at <.AutomationObject.Name>: Name has arguments but cann'
            "ot be invoked as function"
        ),
    ),
    (
        "{{ .AutomationObject.String.x }}",
        (
            'exec 1:20: executing "commit message" at <.AutomationObject.String.x>: can\'t evaluate field x'
            " in type string"
        ),
    ),
    (
        "{{ upper | lower }}",
        'exec 1:3: executing "commit message" at <upper>: wrong number of args for upper: want 1 got 0',
    ),
    (
        '{{ "a" | upper "b" }}',
        'exec 1:9: executing "commit message" at <upper>: wrong number of args for upper: want 1 got 2',
    ),
    (
        "{{ .é }}",
        'exec 1:3: executing "commit message" at <.é>: can\'t evaluate field é in type source.TemplateData',
    ),
    (
        '{{ "é" }}{{ .Nope }}',
        'exec 1:13: executing "commit message" at <.Nope>: can\'t evaluate field Nope in type source.TemplateData',
    ),
    (
        "héé{{ .Nope }}",
        'exec 1:8: executing "commit message" at <.Nope>: can\'t evaluate field Nope in type source.TemplateData',
    ),
    (
        "{{ .Values.cluster.x }}",
        'exec 1:10: executing "commit message" at <.Values.cluster.x>: can\'t evaluate field x in type string',
    ),
    (
        "{{ .Values.cluster.x.y }}",
        'exec 1:10: executing "commit message" at <.Values.cluster.x.y>: can\'t evaluate field x in type string',
    ),
    (
        '{{ (upper "x").y }}',
        'exec 1:10: executing "commit message" at <"x">: can\'t evaluate field y in type string',
    ),
    (
        "{{ .AutomationObject.Foo.Bar }}",
        (
            'exec 1:20: executing "commit message" at <.AutomationObject.Foo.Bar>: can\'t evaluate field Fo'
            "o in type types.NamespacedName"
        ),
    ),
    (
        "{{ .Changed.Objects.x }}",
        (
            'exec 1:11: executing "commit message" at <.Changed.Objects.x>: can\'t evaluate field x in type'
            " update.ObjectChanges"
        ),
    ),
    (
        "{{ call }}",
        'exec 1:3: executing "commit message" at <call>: wrong number of args for call: want at least 1 got 0',
    ),
    (
        '{{ repeat "a" 3 }}',
        'exec 1:10: executing "commit message" at <"a">: expected integer; found "a"',
    ),
    (
        '{{ repeat 1.5 "a" }}',
        'exec 1:10: executing "commit message" at <1.5>: expected integer; found 1.5',
    ),
    (
        "{{ repeat 1 }}",
        'exec 1:3: executing "commit message" at <repeat>: wrong number of args for repeat: want 2 got 1',
    ),
    (
        "{{ repeat 1 2 3 }}",
        'exec 1:3: executing "commit message" at <repeat>: wrong number of args for repeat: want 2 got 3',
    ),
    (
        '{{ trunc (add 1 2) "abcdef" }}',
        'exec 1:16: executing "commit message" at <2>: wrong type for value; expected int; got int64',
    ),
    (
        '{{ until "3" }}',
        'exec 1:9: executing "commit message" at <"3">: expected integer; found "3"',
    ),
    (
        '{{ ternary "a" "b" 1 }}',
        'exec 1:19: executing "commit message" at <1>: expected bool; found 1',
    ),
    (
        "{{ round 1.5 }}",
        'exec 1:3: executing "commit message" at <round>: wrong number of args for round: want at least 2 got 1',
    ),
    (
        "{{ round 1.5 true }}",
        'exec 1:13: executing "commit message" at <true>: expected integer; found true',
    ),
    (
        '{{ set .Values "a" 1 }}',
        (
            'exec 1:7: executing "commit message" at <.Values>: wrong type for value; expected map[string]i'
            "nterface {}; got map[string]string"
        ),
    ),
    (
        "{{ $.Nope }}",
        'exec 1:4: executing "commit message" at <$.Nope>: can\'t evaluate field Nope in type source.TemplateData',
    ),
    (
        "{{ $x := .Values }}{{ $x.cluster }}{{ $x.a.b }}|{{ $x.cluster.y }}",
        'exec 1:53: executing "commit message" at <$x.cluster.y>: can\'t evaluate field y in type string',
    ),
    (
        "{{ printf }}",
        'exec 1:3: executing "commit message" at <printf>: wrong number of args for printf: want at least 1 got 0',
    ),
    (
        "{{ printf 1 }}",
        'exec 1:10: executing "commit message" at <1>: expected string; found 1',
    ),
    (
        "{{ not }}",
        'exec 1:3: executing "commit message" at <not>: wrong number of args for not: want 1 got 0',
    ),
    (
        "{{ not 1 2 }}",
        'exec 1:3: executing "commit message" at <not>: wrong number of args for not: want 1 got 2',
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_the_arguments_of_a_call_are_accepted_or_refused_as_in_go(template: str, answer: str) -> None:
    assert rendered(template) == answer
