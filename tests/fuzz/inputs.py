"""Random inputs for a target: its samples, changed in a few places, and its words in any order."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.fuzz.target import Target

MOST_WORDS = 40


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Return a strategy of bytes."""
    words = st.sampled_from(target.words or (b"",))
    pieces = st.lists(words | st.binary(max_size=3), max_size=MOST_WORDS).map(b"".join)
    samples = st.sampled_from(target.corpus())
    changes = st.lists(st.tuples(st.integers(0, 4_000), words | st.binary(max_size=4), st.integers(0, 8)), max_size=4)
    return st.binary(max_size=100) | pieces | st.builds(changed, samples, changes)


def changed(sample: bytes, changes: list[tuple[int, bytes, int]]) -> bytes:
    """Replace some bytes at some places by others."""
    for place, new, length in changes:
        at = place % (len(sample) + 1)
        sample = sample[:at] + new + sample[at + length :]
    return sample
