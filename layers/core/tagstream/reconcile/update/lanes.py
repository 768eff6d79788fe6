"""Branches run at the same time in a few threads, so that a server that hangs holds up nobody else.

All groups of one branch run one after the other, because they have the same lease. Few branches of one host run at the
same time. Hosts that answered last time come first; hosts where every automation failed come last, one branch after the
other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

# Each thread may hold the files of a repository, and the function has 1 GB.
THREADS = 8
# So that one host, however many branches there are of it, leaves threads for the others.
A_HOST = 3
# The turn of work whose last run failed.
LAST_TURN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One group of automations.

    Attributes:
        target: the branch; work of one branch never runs at the same time.
        host: the Git server and the API of its host, if one is asked, and through what they are asked.
        turn: 0 if the host answered last time, 1 if nobody knows, LAST_TURN if the last run failed.
        carry_out: does the work; it may raise what stops the invocation.
    """

    target: str
    host: str
    turn: int
    carry_out: Callable[[], None]


def run_lanes(work: Sequence[Work], places: threading.Semaphore | None = None) -> None:
    """Carry out all work, each branch's in the order given.

    Args:
        work: in any order of branches.
        places: shared with other calls, so that all of them together use only as many threads.

    Raises:
        Exception: what the first work that failed raised; all other work is carried out first.
    """
    lanes, places = _lanes(work), places or threading.Semaphore(THREADS)
    if len(lanes) < 2:
        _run_lane(work, places)
        return
    with ThreadPoolExecutor(max_workers=min(THREADS, len(lanes))) as pool:
        done = [pool.submit(_run_lane, lane, places) for lane in lanes]
    for one in done:
        one.result()


def _run_lane(lane: Sequence[Work], places: threading.Semaphore) -> None:
    failed: Exception | None = None
    for one in lane:
        try:
            with places:
                one.carry_out()
        except Exception as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _lanes(work: Sequence[Work]) -> list[list[Work]]:
    """What the threads take one after the other: healthy hosts first, and each host in a few lanes only."""
    branches: dict[str, dict[str, list[Work]]] = {}
    # All work of a branch is in the lane of the first, however its server is asked.
    hosts: dict[str, str] = {}
    for one in work:
        branches.setdefault(hosts.setdefault(one.target, one.host), {}).setdefault(one.target, []).append(one)
    rated = []
    for of_host in branches.values():
        turn = min(one.turn for group in of_host.values() for one in group)
        lanes: list[list[Work]] = [[] for _ in range(1 if turn == LAST_TURN else A_HOST)]
        # Branches that went well come first, so that those that hang hold up none of them.
        by_turn = sorted(of_host.values(), key=lambda group: min(one.turn for one in group))
        for number, group in enumerate(by_turn):
            lanes[number % len(lanes)] += group
        rated += [(turn, number, lane) for number, lane in enumerate(lanes) if lane]
    # One lane of each host before the second of any.
    return [lane for _, _, lane in sorted(rated, key=lambda one: one[:2])]
