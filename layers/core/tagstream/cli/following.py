"""Reads again and again what is new: ``tagstream events --watch`` and ``tagstream logs --follow``."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from tagstream.cli.session import Session

POLL_S = 2.0
# Entries and log lines can become readable some seconds after the time that they bear.
LATE = timedelta(seconds=30)
One = TypeVar("One")


def followed(
    session: Session,
    read: Callable[[datetime, datetime], Sequence[One]],
    name: Callable[[One], Hashable],
    since: datetime,
) -> Iterator[Sequence[One]]:
    """Yield what there is since then, and from then on, every ``POLL_S`` seconds, what came new; this never ends.

    Args:
        session: gives the clock and the console.
        read: returns what bears a time of a period.
        name: tells one from another; what has been yielded is not yielded again.
        since: where to begin (aware UTC).
    """
    clock = session.ports.clock
    begin, seen = since, frozenset[Hashable]()
    while True:
        now = clock.now()
        found = read(begin, now)
        yield [one for one in found if name(one) not in seen]
        session.console.out.flush()
        # The next period begins within this one, so that nothing that comes late is missed.
        begin, seen = max(begin, now - LATE), frozenset(map(name, found))
        clock.sleep(POLL_S)
