"""The one place that catches what nobody expected: a mistake in reconciling one object must not stop the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from tagstream.errors import ImageAutomationError, OutOfOrder, RetryableError

S = TypeVar("S")
T = TypeVar("T")


@contextmanager
def isolated() -> Iterator[None]:
    """Turn an unexpected exception into an error that becomes a condition; the errors of ``errors.py`` pass unchanged.

    Raises:
        RetryableError: Failed, with the exception's class and the line that raised it. Its text is left out, because it
            may hold a secret.
    """
    try:
        yield
    except ImageAutomationError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "an unknown place"
        raise RetryableError(f"unexpected {type(error).__name__} in {where}", reason="Failed") from error


def attempted(act: Callable[[], T]) -> T | ImageAutomationError:
    """Return what comes of a call, or why nothing does."""
    try:
        with isolated():
            return act()
    except ImageAutomationError as error:
        return error


def attempted_each(items: Sequence[S], act: Callable[[Sequence[S]], Sequence[T]]) -> list[T | ImageAutomationError]:
    """Return what comes of each item: of all together, or one by one where that fails.

    An error of the table itself counts for all of them, since it would meet each of them, too.
    """
    found = attempted(lambda: act(items))
    if not isinstance(found, ImageAutomationError):
        return list(found)
    if len(items) > 1 and not isinstance(found, OutOfOrder):
        return [answer for one in items for answer in attempted_each([one], act)]
    return [found] * len(items)
