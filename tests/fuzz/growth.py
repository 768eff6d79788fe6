"""Looks for inputs on which a parser needs more than linear time: each shape at three sizes, in CPU time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from tests.fuzz.target import Shape, Target

FIRST_BYTES, DOUBLINGS = 8_000, 3
# Twice the input may take a little more than twice the time; four times is quadratic.
MOST_PER_DOUBLING = 3.0
# Shorter times say more about the machine than about the parser.
LEAST_S = 0.03
REPEATS = 3
# A parser that needs this long for one input is stopped by nothing else: the input alone is a finding.
MOST_S = 10.0


def steep_shapes(target: Target) -> Iterator[str]:
    """Yield a sentence for each shape whose time grows faster than its size."""
    for shape in target.shapes:
        times = list(_times(target, shape))
        ratios = [after / before for before, after in itertools.pairwise(times) if after > LEAST_S]
        # One steep step may be a cache or the collector; growth shows in the last two.
        steep = len(times) > DOUBLINGS and len(ratios) > 1 and all(one > MOST_PER_DOUBLING for one in ratios[-2:])
        if steep or times[-1] > MOST_S:
            shown = ", ".join(f"{one:.3f}" for one in times)
            yield f"{target.name}: {shape.before[:20]!r} + {shape.unit[:20]!r} x n: {shown} s of CPU for doubled sizes"


def _times(target: Target, shape: Shape) -> Iterator[float]:
    for doubling in range(DOUBLINGS + 1):
        data = shape.of_size(FIRST_BYTES * 2**doubling)
        best = min(_seconds(target, data) for _ in range(REPEATS))
        yield best
        if best > MOST_S:
            return


def _seconds(target: Target, data: bytes) -> float:
    start = time.process_time()
    target.accepts(data)
    return time.process_time() - start
