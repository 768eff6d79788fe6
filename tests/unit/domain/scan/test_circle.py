"""Whose turn it is among the policies of a repository, however many runs it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.scan.circle import START, EvaluationMark, begun, turns

NAMES = [NamespacedName("ns", name) for name in "abcde"]
A, B, C, D, E = NAMES


def mark(begun_behind: NamespacedName, done_to: NamespacedName) -> EvaluationMark:
    return EvaluationMark(of="list", begun_behind=begun_behind, done_to=done_to)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (mark(START, START), NAMES),
        (mark(START, B), [C, D, E]),
        (mark(START, E), []),
        (mark(C, C), [D, E, A, B, C]),
        (mark(C, E), [A, B, C]),
        (mark(C, A), [B, C]),
        (mark(C, B), [C]),
    ],
)
def test_those_behind_the_last_one_have_their_turns_and_the_circle_ends_where_it_began(
    found: EvaluationMark, expected: list[NamespacedName]
) -> None:
    assert turns(reversed(NAMES), found) == expected


def test_a_mark_counts_though_the_policies_that_it_names_are_gone() -> None:
    assert turns([A, C, E], mark(B, D)) == [E, A]


def test_a_run_on_another_list_begins_where_the_last_one_ended_and_does_all() -> None:
    found = begun(mark(C, A), "other list")
    assert turns(NAMES, found) == [B, C, D, E, A]
    assert begun(found, "other list") == found
    assert turns(NAMES, begun(None, "list")) == NAMES


def test_every_policy_has_its_turn_though_each_run_finds_another_list() -> None:
    found: EvaluationMark | None = None
    done: list[NamespacedName] = []
    for number in range(5):
        found = begun(found, f"list {number}")
        for key in turns(NAMES, found)[:2]:
            found = replace(found, done_to=key)
            done.append(key)
    assert done == [A, B, C, D, E, A, B, C, D, E]
