"""Every template run is bounded."""

from __future__ import annotations

import pytest

from gocompat.template.bounds import MAX_ITEMS, MAX_TEXT, Meter, TooLarge, check_size, weigh
from gocompat.template.values import GoMap, GoSlice
from tests.unit.rendered import rendered

STEPS = "exceeded maximum of 1000000 steps"
ENDLESS = [
    ('{{ repeat 1000000000 "ab" }}', "2000000000 characters exceed the maximum of 1000000"),
    ("{{ until 1000000000 }}", "1000000000 elements exceed the maximum of 100000"),
    ("{{ untilStep 0 1000000000 1 }}", "1000000000 elements exceed the maximum of 100000"),
    ("{{ seq 1000000000 }}", "1000000000 elements exceed the maximum of 100000"),
    ('{{ indent 100000000 "a" }}', "100000001 characters exceed the maximum of 1000000"),
    ('{{ printf "%1000000d%1000000d" 1 1 }}', "2000000 characters exceed the maximum of 1000000"),
    ('{{ printf "%1000000v" (until 50000) }}', "50001000000 characters exceed the maximum of 1000000"),
    ('{{ printf (repeat 90000 "%[1]999999d") 1 }}', "characters exceed the maximum of 1000000"),
    ("{{ until -9223372036854775808 }}", "9223372036854775808 elements exceed the maximum of 100000"),
    ('{{ range 1000 }}{{ $x := shuffle (repeat 9000 "a") }}{{ end }}', STEPS),
    ('{{ toDate (repeat 100000 "2006") "" }}', "layout of 400000 characters exceeds the maximum of 1000"),
    ('{{ (toDate "2006" "2020").Format (repeat 2000 "2") }}', "layout of 2000 characters exceeds"),
    ('{{ replace "a" (repeat 1000 "b") (repeat 100000 "a") }}', "characters exceed the maximum of 1000000"),
    ('{{ wrapWith 1 (repeat 1000 "b") (repeat 10000 "a") }}', "characters exceed the maximum of 1000000"),
    ('{{ $x := "ab" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}', "exceeds the maximum of 1000000"),
    ("{{ $x := list 1 }}{{ range 60 }}{{ $x = list $x $x }}{{ end }}", "value is too large or too deeply nested"),
    ("{{ $x := list 1 }}{{ range 9999 }}{{ $x = list $x }}{{ end }}", "value is too large or too deeply nested"),
    ('{{ $d := dict }}{{ $_ := set $d "d" $d }}', "value is too large or too deeply nested"),
    ('{{ fromJson (repeat 9000 "[") | toString | mustFromJson }}{{ mustFromJson (repeat 9000 "[") }}', ""),
    ('{{ define "R" }}{{ template "R" . }}{{ end }}{{ template "R" . }}', "exceeded maximum template depth (60)"),
    (
        '{{ define "R" }}{{ template "R" }}{{ template "R" }}{{ end }}{{ template "R" }}',
        "exceeded maximum template depth",
    ),
    ('{{ $s := repeat 900000 "a" }}{{ range 1000 }}{{ $x := upper $s }}{{ end }}', STEPS),
    ("{{ range 1000000000 }}{{ end }}", STEPS),
    ("{{ $l := until 40000 }}{{ range 1000 }}{{ range $l }}{{ break }}{{ end }}{{ end }}", STEPS),
    ("{{ range 10000 }}{{ range 10000 }}{{ end }}{{ end }}", STEPS),
    ('{{ range $i := 999999 }}{{ $x := regexMatch (printf "(%d" $i) "a" }}{{ end }}', STEPS),
    ('{{ regexMatch (repeat 2000 "a{1000}") "a" }}', "pattern of 14000 characters exceeds the maximum of 10000"),
    ('{{ range $i := 99 }}{{ $x := regexMatch (printf "%d%s" $i (repeat 99 ".{1000}")) "a" }}{{ end }}', STEPS),
    ('{{ range $i := 99 }}{{ $x := regexMatch (printf "%d%s" $i (repeat 99 "\\\\pL{99}")) "a" }}{{ end }}', STEPS),
    ('{{ regexReplaceAll ".*" (repeat 9000 "a") (repeat 900 "$0") }}', "8100000 characters exceed the maximum"),
    ('{{ regexReplaceAll "a" "a" (repeat 1001 "$9") }}', "1001 references exceed the maximum of 1000"),
    ('{{ regexReplaceAll "a" (repeat 2000 "a") (repeat 1000 "$9") }}', "matches in 2000 characters exceed the maximum"),
    ('{{ join (repeat 900000 "a") (until 40000) }}', "characters exceed the maximum of 1000000"),
    ("{{ divf 1e308 1e-308 1e-308 1e-308 }}", "number exceeds the maximum of 1000 digits"),
    (f"{{{{ mulf {'1e308 ' * 3400}}}}}", "number exceeds the maximum of 1000 digits"),
    ('{{ regexReplaceAll "a" (repeat 900000 "a") "" }}', "matches in 900000 characters exceed the maximum"),
    ("{{ uniq (concat (list) (chunk 1 (until 20000))) }}", "exceeds the maximum of 500000"),
    ('{{ range 200 }}{{ repeat 10000 "a" }}{{ end }}', "exceeded maximum output of 1000000 characters"),
]


@pytest.mark.parametrize(("template", "words"), ENDLESS)
def test_a_template_without_measure_ends_in_an_error(template: str, words: str) -> None:
    answer = rendered(template)
    assert answer.startswith("exec ") and words in answer


@pytest.mark.parametrize("template", ["{{ " + "(" * 2000, "{{ if 1 }}" * 2000, "{{ range 1 }}" * 41 + "{{ end }}" * 41])
def test_a_template_nested_too_deeply_is_not_parsed(template: str) -> None:
    assert rendered(template) == "parse 1: max expression depth exceeded"


def test_the_message_of_a_large_commit_is_within_the_bounds() -> None:
    template = '{{ range 5000 }}- {{ printf "%s -> %s" "a:1" "a:2" | trunc 72 | trim }}\n{{ end }}'
    assert rendered(template).count("\n") == 5000


def test_a_meter_refuses_what_exceeds_its_bound() -> None:
    meter = Meter(steps=2, size=3)
    assert [meter.step(), meter.step(), meter.step(), meter.write(3), meter.write(1)] == [
        True,
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("value", "steps"), [(None, 0), (1, 0), ("a" * 80, 10), (GoSlice([1, 2, 3]), 2), (GoMap({"a": GoSlice([1])}), 2)]
)
def test_a_value_costs_steps_by_its_size(value: object, steps: int) -> None:
    assert weigh(value) == steps


@pytest.mark.parametrize(("count", "what"), [(MAX_ITEMS + 1, "elements"), (MAX_TEXT + 1, "characters")])
def test_a_text_or_list_beyond_the_maximum_is_refused(count: int, what: str) -> None:
    check_size(count - 1, what)
    with pytest.raises(TooLarge):
        check_size(count, what)
