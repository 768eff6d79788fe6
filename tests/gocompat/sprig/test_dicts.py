"""sprig's functions for maps give the answers of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        '{{ dict "a" }}',
        "map[a:]",
    ),
    (
        '{{ dict "a" 1 2 3 }}',
        "map[2:3 a:1]",
    ),
    (
        '{{ get (dict "a" 1) "a" }}',
        "1",
    ),
    (
        '{{ get (dict) "b" }}',
        "",
    ),
    (
        '{{ hasKey (dict "a" 1) "a" }}',
        "true",
    ),
    (
        '{{ keys (dict "a" 1) }}',
        "[a]",
    ),
    (
        '{{ values (dict "a" 1) }}',
        "[1]",
    ),
    (
        '{{ pick (dict "a" 1 "b" 2) "a" "z" }}',
        "map[a:1]",
    ),
    (
        '{{ omit (dict "a" 1 "b" 2) "a" }}',
        "map[b:2]",
    ),
    (
        '{{ pluck "a" (dict "a" 1) (dict "b" 2) (dict "a" 3) }}',
        "[1 3]",
    ),
    (
        '{{ $d := dict "a" 1 }}{{ $_ := set $d "b" 2 }}{{ $d }}{{ $_ = unset $d "a" }}{{ $d }}',
        "map[a:1 b:2]map[b:2]",
    ),
    (
        '{{ merge (dict "a" 1 "m" (dict "x" 1)) (dict "b" 2 "a" 3 "m" (dict "x" 9 "y" 2)) }}',
        "map[a:1 b:2 m:map[x:1 y:2]]",
    ),
    (
        '{{ mergeOverwrite (dict "a" 1 "m" (dict "x" 1)) (dict "b" 2 "a" 3 "m" (dict "x" 9 "y" 2)) }}',
        "map[a:3 b:2 m:map[x:9 y:2]]",
    ),
    (
        '{{ mergeOverwrite (dict "a" 1) (dict "a" "") }}',
        "map[a:]",
    ),
    (
        '{{ merge (dict "a" 0) (dict "a" 5) }}',
        "map[a:5]",
    ),
    (
        '{{ dig "a" "b" "def" (dict "a" (dict "b" 1)) }}',
        "1",
    ),
    (
        '{{ dig "a" "c" "def" (dict "a" (dict "b" 1)) }}',
        "def",
    ),
    (
        '{{ dig "x" "y" "def" (dict) }}',
        "def",
    ),
    (
        '{{ dig "a" "b" "def" (dict "a" 1) }}',
        (
            'exec 1:3: executing "commit message" at <dig "a" "b" "def" (dict "a" 1)>: error calling dig: i'
            "nterface conversion: interface {} is int, not map[string]interface {}"
        ),
    ),
    (
        '{{ dig "a" (dict) }}',
        (
            'exec 1:3: executing "commit message" at <dig "a" (dict)>: error calling dig: dig needs at leas'
            "t three arguments"
        ),
    ),
    (
        '{{ dig 1 "d" (dict) }}',
        (
            'exec 1:3: executing "commit message" at <dig 1 "d" (dict)>: error calling dig: interface conve'
            "rsion: interface {} is int, not string"
        ),
    ),
    (
        '{{ mergeOverwrite (dict "a" 1 "b" (list 1)) (dict "a" nil "b" (list)) }}',
        "map[a:<nil> b:[]]",
    ),
    (
        '{{ merge (dict "a" nil "l" (list 1)) (dict "a" 1 "l" (list 2)) }}',
        "map[a:1 l:[1]]",
    ),
    (
        '{{ mergeOverwrite (dict "a" (dict "x" 1)) (dict "a" 5) }}',
        "map[a:5]",
    ),
    (
        '{{ merge (dict "a" 5) (dict "a" (dict "x" 1)) }}',
        "map[a:5]",
    ),
    (
        '{{ mergeOverwrite (dict "a" (dict "x" 1)) (dict "a" (dict)) }}',
        "map[a:map[x:1]]",
    ),
    (
        '{{ merge (dict "a" false) (dict "a" true) }}',
        "map[a:true]",
    ),
    (
        '{{ mergeOverwrite (dict "a" 1) (dict "a" "s") }}',
        "map[a:s]",
    ),
    (
        '{{ (dict "a" nil).a }}',
        "<no value>",
    ),
    (
        "{{ (dict).a.b.c }}",
        "<no value>",
    ),
    (
        '{{ (dict "a" (dict "b" 1)).a.b }}',
        "1",
    ),
    (
        '{{ mustMerge (dict "a" 1) (dict "b" 2) }}',
        "map[a:1 b:2]",
    ),
    (
        '{{ mustMergeOverwrite (dict "a" 1) (dict "a" 2) }}',
        "map[a:2]",
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_function_for_maps_answers_as_in_sprig(template: str, answer: str) -> None:
    assert rendered(template) == answer
