"""Actions, branches, ranges and templates run as in Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        "{{ without (list 1 2 3) 2 }}",
        "[1 3]",
    ),
    (
        "{{ range list nil 1 }}[{{ . }}]{{ end }}",
        "[<no value>][1]",
    ),
    (
        "{{ if .Values.nosuch }}a{{ else if eq 1 1 }}b{{ end }}",
        "b",
    ),
    (
        "{{ with 0 }}x{{ else with 1 }}{{ . }}{{ end }}",
        "1",
    ),
    (
        "{{ `a` }}",
        "a",
    ),
    (
        "{{ `a\\n` }}",
        "a\\n",
    ),
    (
        "{{ $ }}|x",
        (
            "{flux-system/flux-system {map[deploy.yaml:map[{{{apps/v1 Deployment} {podinfo default}}}:[{ghc"
            "r.io/stefanprodan/podinfo:5.0.0 ghcr.io/stefanprodan/podinfo:5.0.3 flux-system:podinfo}]]]} ma"
            'p[cluster:prod empty: env:production html:<b>&"\'</b> json:{"a":1,"b":[1,2]} list:a,b,c multi:'
            "line1\nline2 num:42 uni:héllo 日本]}|x"
        ),
    ),
    (
        "{{ range $i, $v := list 1 2 }}{{ $i }}{{ $v }}{{ else }}e{{ end }}",
        "0112",
    ),
    (
        "{{ range $x := list }}a{{ else }}b{{ end }}",
        "b",
    ),
    (
        "{{ $i := 0 }}{{ $v := 0 }}{{ range $i, $v = list 5 6 }}{{ end }}{{ $i }}{{ $v }}",
        "16",
    ),
    (
        "{{ range $i, $c := 3 }}{{ end }}",
        'exec 1:19: executing "commit message" at <3>: can\'t use 3 to iterate over more than one variable',
    ),
    (
        "{{ range -1 }}x{{ else }}none{{ end }}",
        "none",
    ),
    (
        "{{ range (int64 2) }}{{ . }}{{ end }}",
        "01",
    ),
    (
        '{{ range $i := (int64 2) }}{{ printf "%T" $i }}{{ end }}',
        "int64int64",
    ),
    (
        "{{ range true }}{{ end }}",
        'exec 1:9: executing "commit message" at <true>: range can\'t iterate over true',
    ),
    (
        "{{ range nil }}{{ end }}",
        'exec 1:9: executing "commit message" at <nil>: nil is not a command',
    ),
    (
        "{{ range .Values.nosuch }}a{{ else }}b{{ end }}",
        "b",
    ),
    (
        '{{ define "a" }}1{{ end }}{{ define "a" }} {{ end }}{{ template "a" }}',
        "1",
    ),
    (
        '{{ template "nope" }}',
        'exec 1:12: executing "commit message" at <{{template "nope"}}>: template "nope" not defined',
    ),
    (
        '{{ block "x" . }}{{ .AutomationObject.Name }}{{ end }}{{ template "x" . }}',
        "flux-systemflux-system",
    ),
    (
        "{{ (.Values).cluster }}",
        "prod",
    ),
    (
        "{{ nil }}",
        'exec 1:3: executing "commit message" at <nil>: nil is not a command',
    ),
    (
        "{{ ((1)) }}",
        "1",
    ),
    (
        "{{- /* c */ -}} x",
        "x",
    ),
    (
        "{{- 1 -}}|",
        "1|",
    ),
    (
        "{{ .Changed.FileChanges.nosuch }}",
        "<no value>",
    ),
    (
        "{{ .Changed.FileChanges.nosuch.x }}",
        "<no value>",
    ),
    (
        '{{"{{"}}',
        "{{",
    ),
    (
        "{{`}}`}}|}}|{ {",
        "}}|}}|{ {",
    ),
    (
        "{{range list 1 2 3}}{{if eq . 2}}{{continue}}{{end}}{{.}}{{end}}",
        "13",
    ),
    (
        "{{range list 1 2 3}}{{if eq . 2}}{{break}}{{end}}{{.}}{{end}}",
        "1",
    ),
    (
        "{{ $a := 1 }}{{ if true }}{{ $a = 2 }}{{ end }}{{ $a }}|{{ with $b := 5 }}{{ $b }}{{ end }}",
        "2|5",
    ),
    (
        "{{ $a := list }}{{ range until 3 }}{{ $a = append $a . }}{{ end }}{{ $a }}",
        "[0 1 2]",
    ),
    (
        "{{ if and .Values.cluster (or .Values.nosuch .Values.env) (not .Values.empty) }}ok{{ end }}",
        "ok",
    ),
    (
        "{{ without 1 2 }}",
        (
            'exec 1:3: executing "commit message" at <without 1 2>: error calling without: Cannot find with'
            "out on type int"
        ),
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_template_runs_as_in_go(template: str, answer: str) -> None:
    assert rendered(template) == answer
