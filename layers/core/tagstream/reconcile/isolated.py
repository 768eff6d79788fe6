"""The one place that catches what nobody expected: a mistake in reconciling one object must not stop the others."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from tagstream.errors import ImageAutomationError, RetryableError


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
