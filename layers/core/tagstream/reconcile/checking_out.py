"""What a Git server refuses, in Flux's words of a failed checkout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tagstream.errors import AuthenticationError, RetryableError


@contextmanager
def checking_out() -> Iterator[None]:
    """Turn what a Git server refuses into Flux's words of a failed checkout.

    Raises:
        RetryableError: GitOperationFailed.
        AuthenticationError: the server does not let us in.
    """
    try:
        yield
    except RetryableError as error:
        raise RetryableError(
            f"failed to checkout source: {error.message}", reason=error.reason, retry_after_s=error.retry_after_s
        ) from error
    except AuthenticationError as error:
        raise AuthenticationError(f"failed to checkout source: {error.message}", reason=error.reason) from error
