"""sprig's functions for lists give the answers of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        "{{ list }}",
        "[]",
    ),
    (
        "{{ list nil }}",
        "[<nil>]",
    ),
    (
        "{{ first list }}",
        "<no value>",
    ),
    (
        "{{ rest list }}",
        "[]",
    ),
    (
        "{{ last (list nil) }}",
        "<no value>",
    ),
    (
        "{{ initial (list 1) }}",
        "[]",
    ),
    (
        '{{ first "abc" }}',
        (
            'exec 1:3: executing "commit message" at <first "abc">: error calling first: Cannot find first '
            "on type string"
        ),
    ),
    (
        '{{ append "a" 1 }}',
        'exec 1:3: executing "commit message" at <append "a" 1>: error calling append: Cannot push on type string',
    ),
    (
        "{{ push (list 1) nil | toJson }}",
        "[1,null]",
    ),
    (
        "{{ prepend (list 2) 1 }}",
        "[1 2]",
    ),
    (
        "{{ mustAppend (list) 1 }}",
        "[1]",
    ),
    (
        "{{ chunk 2 (list 1 2 3 4 5) }}",
        "[[1 2] [3 4] [5]]",
    ),
    (
        '{{ uniq (list 1 1 "1" 2 nil nil) }}',
        "[1 1 2 <nil>]",
    ),
    (
        "{{ has 1 (list 1 2) }}",
        "true",
    ),
    (
        '{{ has "1" (list 1 2) }}',
        "false",
    ),
    (
        "{{ has 1 nil }}",
        "false",
    ),
    (
        "{{ slice (list 1 2 3) }}",
        "[1 2 3]",
    ),
    (
        "{{ slice (list 1 2 3) 0 2 }}",
        "[1 2]",
    ),
    (
        "{{ slice (list 1 2 3) 3 }}",
        "[]",
    ),
    (
        "{{ slice (list) 1 2 }}",
        "<no value>",
    ),
    (
        "{{ slice (list 1 2 3) 2 1 }}",
        (
            'exec 1:3: executing "commit message" at <slice (list 1 2 3) 2 1>: error calling slice: reflect'
            ".Value.Slice: slice index out of bounds"
        ),
    ),
    (
        "{{ slice (list 1 2 3) 0 9 }}",
        (
            'exec 1:3: executing "commit message" at <slice (list 1 2 3) 0 9>: error calling slice: reflect'
            ".Value.Slice: slice index out of bounds"
        ),
    ),
    (
        '{{ concat (list 1) "a" }}',
        (
            'exec 1:3: executing "commit message" at <concat (list 1) "a">: error calling concat: Cannot co'
            "ncat type string as list"
        ),
    ),
    (
        '{{ concat (list 1) (list "a" nil) (until 2) }}',
        "[1 a <nil> 0 1]",
    ),
    (
        "{{ concat }}",
        "[]",
    ),
    (
        '{{ compact (list 0 "" nil false 1 (list)) }}',
        "[1]",
    ),
    (
        "{{ reverse (list 1 2) }}",
        "[2 1]",
    ),
    (
        '{{ sortAlpha (list "b" "a" 1) }}',
        "[1 a b]",
    ),
    (
        '{{ sortAlpha "x" }}',
        "[x]",
    ),
    (
        "{{ first .Changed.Changes }}",
        "{ghcr.io/stefanprodan/podinfo:5.0.0 ghcr.io/stefanprodan/podinfo:5.0.3 flux-system:podinfo}",
    ),
    (
        "{{ (first .Changed.Changes).NewValue }}",
        "ghcr.io/stefanprodan/podinfo:5.0.3",
    ),
    (
        "{{ rest .Changed.Changes }}",
        "[]",
    ),
    (
        "{{ mustChunk 2 (list 1 2 3) }}",
        "[[1 2] [3]]",
    ),
    (
        "{{ chunk 0 (list 1) }}",
        (
            'exec 1:3: executing "commit message" at <chunk 0 (list 1)>: error calling chunk: runtime error'
            ": makeslice: len out of range"
        ),
    ),
    (
        "{{ mustCompact (list 0 1) }}",
        "[1]",
    ),
    (
        "{{ mustFirst (list 1 2) }}",
        "1",
    ),
    (
        "{{ mustFirst 1 }}",
        (
            'exec 1:3: executing "commit message" at <mustFirst 1>: error calling mustFirst: Cannot find fi'
            "rst on type int"
        ),
    ),
    (
        "{{ mustHas 1 (list 1) }}",
        "true",
    ),
    (
        '{{ has 1 "abc" }}',
        'exec 1:3: executing "commit message" at <has 1 "abc">: error calling has: Cannot find has on type string',
    ),
    (
        "{{ mustInitial (list 1 2) }}",
        "[1]",
    ),
    (
        "{{ mustLast (list 1 2) }}",
        "2",
    ),
    (
        "{{ mustLast 5 }}",
        'exec 1:3: executing "commit message" at <mustLast 5>: error calling mustLast: Cannot find last on type int',
    ),
    (
        "{{ mustPrepend (list 2) 1 }}",
        "[1 2]",
    ),
    (
        "{{ prepend 1 2 }}",
        'exec 1:3: executing "commit message" at <prepend 1 2>: error calling prepend: Cannot prepend on type int',
    ),
    (
        "{{ mustPush (list 2) 1 }}",
        "[2 1]",
    ),
    (
        "{{ mustRest (list 1 2) }}",
        "[2]",
    ),
    (
        "{{ rest 1 }}",
        'exec 1:3: executing "commit message" at <rest 1>: error calling rest: Cannot find rest on type int',
    ),
    (
        "{{ mustReverse (list 1 2) }}",
        "[2 1]",
    ),
    (
        '{{ reverse "ab" }}',
        (
            'exec 1:3: executing "commit message" at <reverse "ab">: error calling reverse: Cannot find rev'
            "erse on type string"
        ),
    ),
    (
        "{{ mustSlice (list 1 2 3) 1 }}",
        "[2 3]",
    ),
    (
        '{{ slice "abc" 1 2 }}',
        (
            'exec 1:3: executing "commit message" at <slice "abc" 1 2>: error calling slice: list should be'
            " type of slice or array but string"
        ),
    ),
    (
        '{{ mustUniq (list "a" "a" 1 1 1.0 true true (list 1) (list 1)) }}',
        "[a 1 1 true [1]]",
    ),
    (
        "{{ uniq 1 }}",
        'exec 1:3: executing "commit message" at <uniq 1>: error calling uniq: Cannot find uniq on type int',
    ),
    (
        "{{ mustWithout (list 1 2 2) 2 }}",
        "[1]",
    ),
    (
        "{{ compact 1 }}",
        'exec 1:3: executing "commit message" at <compact 1>: error calling compact: Cannot compact on type int',
    ),
    (
        '{{ tuple 1 "a" }}',
        "[1 a]",
    ),
    (
        "{{ chunk -1 (list 1) }}",
        (
            'exec 1:3: executing "commit message" at <chunk -1 (list 1)>: error calling chunk: runtime erro'
            "r: makeslice: len out of range"
        ),
    ),
    (
        "{{ chunk 0 (list) }}",
        (
            'exec 1:3: executing "commit message" at <chunk 0 (list)>: error calling chunk: runtime error: '
            "makeslice: len out of range"
        ),
    ),
    (
        "{{ chunk -1 (list) }}",
        (
            'exec 1:3: executing "commit message" at <chunk -1 (list)>: error calling chunk: runtime error:'
            " makeslice: len out of range"
        ),
    ),
    (
        "{{ chunk -3 (list 1) }} {{ chunk -3 (list 1 2) }} {{ chunk -3 (list 1 2 3 4) }} {{ chunk 3 (list) }}",
        "[[1]] [] [] []",
    ),
    (
        "{{ chunk -3 (list 1 2 3 4 5) }}",
        (
            'exec 1:3: executing "commit message" at <chunk -3 (list 1 2 3 4 5)>: error calling chunk: runt'
            "ime error: makeslice: len out of range"
        ),
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_function_for_lists_answers_as_in_sprig(template: str, answer: str) -> None:
    assert rendered(template) == answer
