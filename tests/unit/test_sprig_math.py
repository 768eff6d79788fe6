"""sprig's numbers."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# What Go 1.26 with sprig 3.3.0 answers to each template.
ANSWERS = [
    (
        '{{ round "Inf" 2 }} {{ round "-Inf" 2 }} {{ round 1e300 300 }} {{ round 0 400 }} {{ round 1 -400 }}',
        "+Inf -Inf +Inf NaN NaN",
    ),
    (
        "{{ mulf 1e308 -1e308 }} {{ divf 1e308 1e-308 }}",
        "-Inf +Inf",
    ),
    (
        '{{ add "1" 2.9 "3.7" "0x10" "010" true }}',
        "28",
    ),
    (
        "{{ sub 1 5 }}",
        "-4",
    ),
    (
        "{{ div -7 2 }}",
        "-3",
    ),
    (
        "{{ mod -7 2 }}",
        "-1",
    ),
    (
        "{{ div 7 -2 }}",
        "-3",
    ),
    (
        '{{ mul 3 "x" }}',
        "0",
    ),
    (
        "{{ add 9223372036854775807 1 }}",
        "-9223372036854775808",
    ),
    (
        '{{ int "0x1F" }}',
        "31",
    ),
    (
        '{{ int "08" }}',
        "0",
    ),
    (
        '{{ int "1e3" }}',
        "0",
    ),
    (
        "{{ int 3.99 }}",
        "3",
    ),
    (
        "{{ int -3.99 }}",
        "-3",
    ),
    (
        '{{ int "1_000" }}',
        "1000",
    ),
    (
        '{{ int " 5" }}',
        "0",
    ),
    (
        "{{ int true }}",
        "1",
    ),
    (
        "{{ int nil }}",
        "0",
    ),
    (
        '{{ int "-012" }}',
        "-10",
    ),
    (
        '{{ int "+7" }}',
        "7",
    ),
    (
        '{{ int "5.0" }}',
        "5",
    ),
    (
        '{{ int "5.5" }}',
        "0",
    ),
    (
        '{{ int64 "9223372036854775808" }}',
        "0",
    ),
    (
        '{{ float64 "1.5" }}',
        "1.5",
    ),
    (
        '{{ float64 "x" }}',
        "0",
    ),
    (
        '{{ float64 "1e400" }}',
        "0",
    ),
    (
        "{{ float64 true }}",
        "1",
    ),
    (
        "{{ float64 5 }}",
        "5",
    ),
    (
        '{{ toDecimal "777" }}',
        "511",
    ),
    (
        "{{ toDecimal 8 }}",
        "0",
    ),
    (
        '{{ toDecimal "0o17" }}',
        "0",
    ),
    (
        "{{ seq }}",
        "",
    ),
    (
        "{{ seq 5 }}",
        "1 2 3 4 5",
    ),
    (
        "{{ seq -3 }}",
        "1 0 -1 -2 -3",
    ),
    (
        "{{ seq 2 5 }}",
        "2 3 4 5",
    ),
    (
        "{{ seq 5 2 }}",
        "5 4 3 2",
    ),
    (
        "{{ seq 0 2 10 }}",
        "0 2 4 6 8 10",
    ),
    (
        "{{ seq 10 -5 0 }}",
        "10 5 0",
    ),
    (
        "{{ seq 0 -2 -5 }}",
        "0 -2 -4",
    ),
    (
        "{{ seq 1 2 3 4 }}",
        "",
    ),
    (
        "{{ seq 10 5 0 }}",
        "",
    ),
    (
        "{{ seq 0 0 5 }}",
        "",
    ),
    (
        "{{ until -3 }}",
        "[0 -1 -2]",
    ),
    (
        "{{ untilStep 3 6 2 }}",
        "[3 5]",
    ),
    (
        "{{ untilStep 6 3 -1 }}",
        "[6 5 4]",
    ),
    (
        "{{ untilStep 0 5 0 }}",
        "[]",
    ),
    (
        "{{ untilStep 5 0 1 }}",
        "[]",
    ),
    (
        '{{ max 1 "5" 2.7 }}',
        "5",
    ),
    (
        "{{ min 3 -1 }}",
        "-1",
    ),
    (
        "{{ maxf 1.5 2 }}",
        "2",
    ),
    (
        "{{ minf 1 0.5 }}",
        "0.5",
    ),
    (
        "{{ biggest 1 2 }}",
        "2",
    ),
    (
        "{{ floor -1.5 }}",
        "-2",
    ),
    (
        "{{ ceil -1.5 }}",
        "-1",
    ),
    (
        "{{ round 2.5 0 }}",
        "3",
    ),
    (
        "{{ round -2.5 0 }}",
        "-3",
    ),
    (
        "{{ round 123.5555 3 }}",
        "123.556",
    ),
    (
        "{{ round 123.5555 3 0.6 }}",
        "123.555",
    ),
    (
        "{{ ceil -0.5 }}",
        "-0",
    ),
    (
        '{{ floor "12.9" }}',
        "12",
    ),
    (
        '{{ round "3.14159" 2 }}',
        "3.14",
    ),
    (
        "{{ addf 1.1 2.2 }}",
        "3.3",
    ),
    (
        "{{ subf 7.5 2 3 }}",
        "2.5",
    ),
    (
        "{{ divf 10 3 }}",
        "3.3333333333333335",
    ),
    (
        "{{ mulf 1.1 1.1 }}",
        "1.21",
    ),
    (
        "{{ add1f 1.5 }}",
        "2.5",
    ),
    (
        "{{ divf 1 8 }}",
        "0.125",
    ),
    (
        "{{ divf -10 3 }}",
        "-3.3333333333333335",
    ),
    (
        "{{ divf 1 0 }}",
        'exec 1:3: executing "commit message" at <divf 1 0>: error calling divf: decimal division by 0',
    ),
    (
        "{{ until (len .Values) }}",
        "[0 1 2 3 4 5 6 7 8]",
    ),
    (
        "{{ add1 1 }}",
        "2",
    ),
    (
        '{{ atoi "42" }}',
        "42",
    ),
    (
        '{{ atoi "4x" }}',
        "0",
    ),
    (
        '{{ atoi "-99999999999999999999" }}',
        "-9223372036854775808",
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_function_of_numbers_answers_as_sprigs(template: str, answer: str) -> None:
    assert rendered(template) == answer
