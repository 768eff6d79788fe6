"""Diffs are those of difflib, without what it costs to search for lines that only moved."""

from __future__ import annotations

import difflib
import random
import re

import pytest

from tagstream.cli.patch import patch_lines

NUMBERS = range(200)


def by_difflib(before: bytes, after: bytes) -> list[str]:
    old, new = (re.findall("[^\n]*\n|[^\n]+", text.decode()) for text in (before, after))
    found = list(difflib.unified_diff(old, new, "a/file", "b/file"))
    return [line[:-1] if line.endswith("\n") else f"{line}\n\\ No newline at end of file" for line in found]


def text_of(lines: list[bytes], *, ends: bool) -> bytes:
    return b"\n".join(lines) + (b"\n" if ends else b"")


@pytest.mark.parametrize("seed", range(20))
def test_a_diff_of_changed_lines_is_that_of_difflib(seed: int) -> None:
    chance = random.Random(seed)
    old = [b"line %d" % number for number in NUMBERS]
    changed = set(chance.sample(NUMBERS, chance.randint(1, 30))) | ({199} if seed % 3 else set())
    new = [b"new " + line if number in changed else line for number, line in enumerate(old)]
    ends = bool(seed % 2)
    before, after = text_of(old, ends=ends), text_of(new, ends=ends)
    assert list(patch_lines("file", before, after)) == by_difflib(before, after)


@pytest.mark.parametrize(("first", "last"), [(0, 2), (50, 51), (198, 200), (0, 200)])
def test_a_diff_of_lines_that_become_one_is_that_of_difflib(first: int, last: int) -> None:
    old = [b"line %d" % number for number in NUMBERS]
    before, after = text_of(old, ends=True), text_of([*old[:first], b"one", *old[last:]], ends=True)
    assert list(patch_lines("file", before, after)) == by_difflib(before, after)


def test_texts_that_are_the_same_have_no_diff() -> None:
    assert list(patch_lines("file", b"same\n", b"same\n")) == []
