"""Pauses between attempts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tagstream.adapters.http.retry import BACKOFF_S, parse_retry_after, wait_before_retry

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("-3", 0.0),
        ("7200", 3600.0),
        ("999999999", None),
        ("1e400", None),
        ("Tue, 24 Nov 2026 12:01:30 GMT", 90.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 99 Nov 2026 11:00:00 GMT", None),
        ("1" * 65, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_an_hour(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    ("attempt", "retry_after_s", "left_s", "waits"),
    [
        (1, None, 20.0, True),
        (2, None, 20.0, True),
        (3, None, 20.0, False),
        (1, 4.0, 20.0, True),
        (1, 6.0, 20.0, False),
        (1, 4.0, 4.0, False),
        (1, None, 1.0, False),
    ],
)
def test_a_pause_needs_an_attempt_and_time(
    attempt: int, retry_after_s: float | None, left_s: float, waits: bool
) -> None:
    assert (wait_before_retry(attempt, retry_after_s, left_s, BACKOFF_S) is not None) is waits
