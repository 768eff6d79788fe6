"""Times that are taken in turns, so that a busy machine slows all sides alike."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

MOST_S = 90.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What one piece of work took: seconds on the wall, and seconds of the processors."""

    wall: float
    cpu: float


Work = Callable[[], Taken]


@dataclass(frozen=True, slots=True)
class Compared:
    """Medians of what was taken in turns: of the first side, of another one, and of the ratios of each turn."""

    ours: Taken
    theirs: Taken
    wall_ratio: float
    cpu_ratio: float


def timed(work: Callable[[], object]) -> Taken:
    """Do it in this process, and tell what that took; other threads of this process count as well."""
    cpu, begun = time.process_time(), time.perf_counter()
    work()
    return Taken(time.perf_counter() - begun, time.process_time() - cpu)


def timed_process(work: Callable[[], object]) -> Taken:
    """The same for work that is done by child processes, which must have ended when it returns."""
    cpu, begun = _of_children(), time.perf_counter()
    work()
    return Taken(time.perf_counter() - begun, _of_children() - cpu)


def timed_whole(work: Callable[[], object]) -> Taken:
    """The same for work of this process and of child processes, such as git."""
    cpu = _of_children()
    taken = timed(work)
    return Taken(taken.wall, taken.cpu + _of_children() - cpu)


def in_turns(ours: Work, rivals: Sequence[Work], rounds: int, most_s: float = MOST_S) -> list[Compared]:
    """Compare one side with others, as ``turns`` measures them.

    Returns:
        One comparison for each rival, in their order.
    """
    mine, *others = turns((ours, *rivals), rounds, most_s)
    return [compared(mine, theirs) for theirs in others]


def turns(everyone: Sequence[Work], rounds: int, most_s: float = MOST_S) -> list[list[Taken]]:
    """Do each once unmeasured, then all of them in turns; it stops early when it has taken very long, ``most_s``.

    Returns:
        What each took in each of its turns, in the order of ``everyone``.
    """
    begun = time.perf_counter()
    for work in everyone:
        work()
    taken = [[work()] for work in everyone]
    while len(taken[0]) < rounds and time.perf_counter() - begun < most_s:
        for mine, work in zip(taken, everyone, strict=True):
            mine.append(work())
    return taken


def compared(ours: Sequence[Taken], theirs: Sequence[Taken]) -> Compared:
    """Medians of two sides, whose turns belong together one by one."""
    pairs = list(zip(ours, theirs, strict=True))
    return Compared(
        ours=_median(ours),
        theirs=_median(theirs),
        wall_ratio=median(one.wall / other.wall for one, other in pairs),
        cpu_ratio=median(one.cpu / max(other.cpu, 1e-6) for one, other in pairs),
    )


def _median(taken: Sequence[Taken]) -> Taken:
    return Taken(median(one.wall for one in taken), median(one.cpu for one in taken))


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def shown(seconds: float) -> str:
    """A time with three digits that count: ``1.23 s``, ``45.6 ms``."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
