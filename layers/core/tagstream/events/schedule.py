"""The scheduler's tick.

In: the event as Lambda gets it. Out: whether it is a tick.

Source: template.yaml, the ``Tick`` schedule's Input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_tick(event: Mapping[str, Any]) -> bool:
    """True for ``{"tagstream": "tick"}``."""
    return event.get("tagstream") == "tick"
