"""The errors of DynamoDB, as ours: what may be tried again, what another writer was faster with, what is too large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.errors import ImageAutomationError, OutOfOrder, RetryableError

CONDITION_FAILED = "ConditionalCheckFailedException"
CANCELLED = "TransactionCanceledException"
OVERTAKEN = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
RETRYABLE = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        CANCELLED,
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# AWS says "Item size has exceeded …" of a put, and "Item size to update has exceeded …" of an update.
TOO_LARGE = "exceeded the maximum allowed size"


class ItemTooLarge(ImageAutomationError):
    """An item would hold more than 400 KB; nothing was written."""


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn the SDK's errors into ours; a failed condition passes through.

    Raises:
        OutOfOrder: throttled or unreachable, reason ``StorageOperationFailed``.
        ItemTooLarge: an item would hold more than 400 KB.
        ImageAutomationError: anything else the table refuses.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "Unknown")
        if code == CONDITION_FAILED or _is_overtaken(error):
            raise
        kind = ItemTooLarge if _is_too_large(error) else OutOfOrder if code in RETRYABLE else ImageAutomationError
        raise kind(f"failed to {action} in the table: {code}", reason="StorageOperationFailed") from error
    except BotoCoreError as error:
        raise OutOfOrder(
            f"failed to {action} in the table: {type(error).__name__}", reason="StorageOperationFailed"
        ) from error


def overtaken(what: str) -> RetryableError:
    """The error of a writer that others have been faster than several times in a row."""
    return RetryableError(f"{what} is being changed by others, try again", reason="StorageOperationFailed")


def is_cancelled(error: RetryableError) -> bool:
    """Whether the table answered that a transaction has not taken place."""
    cause = error.__cause__
    return isinstance(cause, ClientError) and cause.response.get("Error", {}).get("Code") == CANCELLED


def hindered(error: ClientError, count: int) -> frozenset[int]:
    """The places of the actions for which a transaction was cancelled; all of them when the table names none."""
    named = frozenset(place for place, one in enumerate(_reasons(error)) if one.get("Code") not in (None, "None"))
    return named or frozenset(range(count))


def _is_overtaken(error: ClientError) -> bool:
    """Whether a transaction was cancelled for what another has written, and not for want of capacity."""
    return any(one.get("Code") in OVERTAKEN for one in _reasons(error))


def _is_too_large(error: ClientError) -> bool:
    told = (error.response.get("Error", {}), *_reasons(error))
    return any(TOO_LARGE in str(one.get("Message")) for one in told)


def _reasons(error: ClientError) -> Sequence[Mapping[str, object]]:
    """Why a transaction was cancelled, for each of its actions; empty for every other error."""
    return cast("Sequence[Mapping[str, object]]", error.response.get("CancellationReasons") or ())
