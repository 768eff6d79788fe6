"""Invalid templates are refused at the same place as in Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        "{{ 0b2 }}",
        'parse 1: bad number syntax: "0b2"',
    ),
    (
        '{{ "a',
        "parse 1: unterminated quoted string",
    ),
    (
        "{{ 1.x }}",
        'parse 1: bad number syntax: "1.x"',
    ),
    (
        "{{ ( }}",
        "parse 1: unclosed left paren",
    ),
    (
        "{{ ) }}",
        "parse 1: unexpected right paren",
    ),
    (
        '{{ upper "a" ) }}',
        "parse 1: unexpected right paren",
    ),
    (
        "{{/* c */ }}",
        "parse 1: comment ends before closing delimiter",
    ),
    (
        "{{/* c }}",
        "parse 1: unclosed comment",
    ),
    (
        "{{ if true }}x{{ end",
        "parse 1: unclosed action",
    ),
    (
        "{{ if",
        "parse 1: unclosed action",
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_token_is_read_or_refused_as_in_go(template: str, answer: str) -> None:
    assert rendered(template) == answer
