"""Times of objects as text, as Kubernetes' metav1.Time has them: RFC 3339 in UTC, in whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime


def instant_text(time: datetime) -> str:
    """Format an aware time, such as ``2026-12-01T08:00:00Z``."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_instant(text: str) -> datetime:
    """An RFC 3339 time with its zone, as aware UTC.

    Raises:
        ValueError: it is none, or lies outside the years that UTC has.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None or "T" not in text:
        raise ValueError("must be a time with its zone, such as 2026-12-01T08:00:00Z")
    try:
        return found.astimezone(UTC)
    except OverflowError as problem:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from problem
