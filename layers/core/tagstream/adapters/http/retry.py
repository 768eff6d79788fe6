"""How often and after which pause a request is sent again.

In: what came back, how much time is left. Out: seconds to wait, or None: give up.

Source: go-containerregistry pkg/v1/remote/options.go (defaultRetryBackoff, retryable statuses and codes), which does
not read Retry-After; RFC 9110 section 10.2.3.
"""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

STATUSES = frozenset({408, 429, 499, 500, 502, 503, 504, 522})
CODES = frozenset({"TOOMANYREQUESTS", "UNKNOWN", "UNAVAILABLE"})
THROTTLED = frozenset({429})
BACKOFF_S = (1.0, 3.0)
RECONNECT_S = (0.1, 1.0)
JITTER = 0.1
# Longer pauses are for the next scan: a Lambda that sleeps is paid for.
LONGEST_WAIT_S = 5.0
LONGEST_RETRY_AFTER_S = 3600.0
# What must remain after a pause for the request to be worth sending.
REQUEST_S = 0.5


def wait_before_retry(
    attempt: int, retry_after_s: float | None, left_s: float, pauses: tuple[float, ...]
) -> float | None:
    """Seconds to wait before the next attempt.

    Args:
        attempt: attempts made so far, from 1.
        retry_after_s: what the server asked for.
        left_s: seconds until the deadline.
        pauses: the pause after each attempt; as many attempts as pauses, and one.

    Returns:
        None when no attempt or no time is left.
    """
    if attempt > len(pauses):
        return None
    pause = pauses[attempt - 1] if retry_after_s is None else retry_after_s
    pause += random.uniform(0.0, JITTER) * max(pause, 0.1)
    return pause if pause <= LONGEST_WAIT_S and pause + REQUEST_S <= left_s else None


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds a Retry-After header asks for, between 0 and an hour; None when it is missing or unreadable."""
    text = (value or "").strip()
    if not text or len(text) > 64:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S) if math.isfinite(seconds) else None
