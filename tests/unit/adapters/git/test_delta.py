"""Deltas say in few bytes how an object came from another."""

from __future__ import annotations

import pytest
from dulwich.pack import apply_delta

from tagstream.adapters.git.delta import make_delta

LINES = b"".join(b"line %d with some text\n" % number for number in range(5000))


@pytest.mark.parametrize(
    ("base", "target", "longest"),
    [
        (b"", b"", 2),
        (b"", b"new", 6),
        (b"old", b"", 2),
        (LINES, LINES, 16),
        (LINES, LINES.replace(b"line 77 ", b"line 78 "), 90),
        (LINES, LINES.replace(b"line 77 ", b"a longer line 77 "), 60),
        (LINES, LINES + b"one more\n", 30),
        (LINES, b"one more\n" + LINES, 30),
        (LINES, LINES.replace(b"line 77 with some text\n", b""), 30),
        (LINES, LINES.replace(b"text", b"word"), len(LINES) * 2),
        (b"\0" * 200_000, b"\0" * 200_000 + b"x", 40),
    ],
)
def test_a_delta_makes_the_target_and_is_short_where_little_changed(base: bytes, target: bytes, longest: int) -> None:
    delta = make_delta(base, target)
    assert (b"".join(apply_delta(base, delta)), len(delta) <= longest) == (target, True)
