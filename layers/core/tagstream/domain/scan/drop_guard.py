"""When a shorter tag list is more likely an outage than a clean-up.

In: values. Out: values.
"""

from __future__ import annotations

# A list that shrinks to less than half and by more than this many tags looks like an outage, not like a clean-up.
DROP_RATIO = 0.5


DROP_MINIMUM = 10


def is_suspicious_drop(before: int, after: int) -> bool:
    """Whether a tag list shrank so much that the answer is more likely wrong than the registry empty."""
    return before - after > DROP_MINIMUM and after < before * DROP_RATIO
