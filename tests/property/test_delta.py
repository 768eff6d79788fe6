"""A delta always makes its target, whatever the two have in common."""

from __future__ import annotations

from dulwich.pack import apply_delta
from hypothesis import given
from hypothesis import strategies as st

from tagstream.adapters.git.delta import make_delta

PIECE = st.sampled_from([b"a\n", b"bb\n", b"image: x:1\n", b"\0" * 70, b"", b"z" * 300]) | st.binary(max_size=5)
PIECES = st.lists(PIECE, max_size=30)
TEXTS = PIECES.map(b"".join)


@given(TEXTS, TEXTS)
def test_a_delta_makes_its_target(base: bytes, target: bytes) -> None:
    assert b"".join(apply_delta(base, make_delta(base, target))) == target


@given(TEXTS, st.integers(0, 300), st.binary(max_size=20))
def test_a_delta_of_an_edit_makes_its_target(base: bytes, at: int, new: bytes) -> None:
    target = base[:at] + new + base[at + len(new) :]
    assert b"".join(apply_delta(base, make_delta(base, target))) == target
