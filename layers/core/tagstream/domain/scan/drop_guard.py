"""When a shorter tag list is more likely an outage than a clean-up."""

from __future__ import annotations

# A list that shrinks to less than half, and by more than ten tags, looks like an outage.
_RATIO = 0.5
_MINIMUM = 10


def is_suspicious_drop(before: int, after: int) -> bool:
    """Whether a list of ``before`` tags shrank so much that the new list is more likely wrong than right."""
    return before - after > _MINIMUM and after < before * _RATIO
