"""Gives a blocking call a deadline for the whole, where its own timeout counts for each read only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def time_limit(seconds: float, end: Callable[[], object]) -> Iterator[None]:
    """Call ``end`` when the time of the with block is over; it makes the block fail, e.g. by closing a connection.

    Args:
        seconds: the time of the with block.
        end: called by another thread.

    Raises:
        TimeoutError: the block failed after its time was over.
    """
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        end()

    timer = threading.Timer(max(0.0, seconds), expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if expired.is_set():
            raise TimeoutError("timed out") from error
        raise
    finally:
        timer.cancel()
