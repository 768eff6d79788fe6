"""How often and after which pause a request is sent again, and how long a pause a server asks for.

Source: go-containerregistry pkg/v1/remote/options.go (defaultRetryBackoff, retryable statuses and codes), which does
not read Retry-After; RFC 9110 section 10.2.3.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
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
# No server means a longer pause than this: the number is something else.
LONGEST_PLAUSIBLE_S = 86_400.0
# Numbers from here on are a time since 1970: in seconds, or in the given part of a second.
UNIX_TIME_S = 1e9
UNIX_TIME_UNITS = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (UNIX_TIME_S, 1.0))
RESET_HEADERS = ("X-RateLimit-Reset", "RateLimit-Reset", "X-Rate-Limit-Reset", "X-RateLimit-Reset-After", "RateLimit")
# ``30``, ``30;w=60`` or, in the combined header, ``limit=100, reset=30``.
_RESET = re.compile(r"(?:^|\breset=)\s*([0-9]+(?:\.[0-9]+)?)\s*(?:[;,]|$)")
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
    """Seconds that a header asks to wait.

    Args:
        value: a number of seconds, a Unix time in seconds or parts of them, or an HTTP date.
        now: what times are compared with.

    Returns:
        Between 0 (a time in the past) and an hour; None if the header is missing, unreadable or implausible.
    """
    text = (value or "").strip()
    if not text or len(text) > 64:
        return None
    try:
        seconds = _seconds_from(float(text), now)
    except ValueError:
        try:
            when = parsedate_to_datetime(text)
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds()
    if not math.isfinite(seconds) or seconds > LONGEST_PLAUSIBLE_S:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S)


def requested_pause_s(status: int, headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a refusal asks to wait: its Retry-After, or if it is a 429, the reset of its rate limit.

    Args:
        status: of the answer; other answers tell of the limit's reset too, and mean no pause by it. Whoever knows that
            a 403 is one of a limit passes 429.
        headers: of the answer, found in any case.
        now: what times are compared with.
    """
    asked = parse_retry_after(headers.get("Retry-After"), now)
    for name in RESET_HEADERS if status in THROTTLED else ():
        if asked is not None:
            break
        found = _RESET.search(headers.get(name) or "")
        asked = parse_retry_after(found[1], now) if found else None
    return asked


def is_limit(status: int, headers: Mapping[str, str], words: str) -> bool:
    """Whether a refusal is one of a rate limit.

    Args:
        status: of the answer.
        headers: of the answer, found in any case.
        words: what the answer says.

    Source: GitHub's documentation, "Rate limits for the REST API": secondary limits answer 403 or 429, and some have a
    Retry-After.
    """
    if status not in (403, 503):
        return status in THROTTLED
    has_header = bool(headers.get("Retry-After")) or headers.get("X-RateLimit-Remaining") == "0"
    return has_header or "rate limit" in words


def _seconds_from(number: float, now: datetime) -> float:
    for least, unit in UNIX_TIME_UNITS:
        if number >= least and math.isfinite(number):
            return number * unit - now.timestamp()
    return number
