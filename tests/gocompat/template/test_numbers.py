"""Number and character literals have the values of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        "{{ 1 | or 0 }}",
        "1",
    ),
    (
        "{{ 0 | and 1 }}",
        "0",
    ),
    (
        "{{ 'a' }}",
        "97",
    ),
    (
        "{{ '\\n' }}",
        "10",
    ),
    (
        "{{ '\\x41' }}",
        "65",
    ),
    (
        "{{ '\\'' }}",
        "39",
    ),
    (
        "{{ 1e6 }}",
        "1e+06",
    ),
    (
        "{{ 1e20 }}",
        "1e+20",
    ),
    (
        "{{ 1e21 }}",
        "1e+21",
    ),
    (
        "{{ 1.0 }}",
        "1",
    ),
    (
        "{{ 100000.0 }}",
        "100000",
    ),
    (
        "{{ 0.00001 }}",
        "1e-05",
    ),
    (
        "{{ 0.0001 }}",
        "0.0001",
    ),
    (
        "{{ 123456789.0 }}",
        "1.23456789e+08",
    ),
    (
        "{{ 1_0.5 }}",
        "10.5",
    ),
    (
        "{{ 0x1p4 }}",
        "16",
    ),
    (
        "{{ 0x1.8p1 }}",
        "3",
    ),
    (
        "{{ 1E3 }}",
        "1000",
    ),
    (
        "{{ 0b11 }}",
        "3",
    ),
    (
        "{{ 0X1f }}",
        "31",
    ),
    (
        "{{ 1+2i }}",
        "(1+2i)",
    ),
    (
        "{{ -1-2i }}",
        "(-1-2i)",
    ),
    (
        "{{ 0i }}",
        "(0+0i)",
    ),
    (
        "{{ +5 }}",
        "5",
    ),
    (
        "{{ 9223372036854775808 }}",
        'exec 1:3: executing "commit message" at <9223372036854775808>: 9223372036854775808 overflows int',
    ),
    (
        "{{ 99999999999999999999 }}",
        'parse 1: integer overflow: "99999999999999999999"',
    ),
    (
        "{{ 1e400 }}",
        'parse 1: illegal number syntax: "1e400"',
    ),
    (
        "{{ 08 }}",
        'parse 1: integer overflow: "08"',
    ),
    (
        "{{ 1_ }}",
        'parse 1: illegal number syntax: "1_"',
    ),
    (
        "{{ 'ab' }}",
        "parse 1: malformed character constant: 'ab'",
    ),
    (
        '{{ "\\q" }}',
        "parse 1: invalid syntax",
    ),
    (
        "{{ 1 -}}   y  {{- 2 }}",
        "1y2",
    ),
    (
        "{{-1}}",
        "-1",
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_literal_has_the_value_that_it_has_in_go(template: str, answer: str) -> None:
    assert rendered(template) == answer
