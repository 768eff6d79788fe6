"""Formats times as kubectl does: as the time that has passed since then.

Source: apimachinery pkg/util/duration (HumanDuration).
"""

from __future__ import annotations

from datetime import datetime

from tagstream.domain.instant import read_instant


def human_duration(seconds: float) -> str:
    """Format a duration as kubectl does: ``45s``, ``2m5s``, ``15m``, ``3h2m``, ``11h``, ``3d4h``, ``12d``.

    The smaller unit is only shown while the larger one is a small number.
    """
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m" + (f"{whole % 60}s" if whole % 60 else "")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")
    return f"{days}d"


def age(text: str, now: datetime) -> str:
    """Return how long ago an RFC 3339 time was; the text itself if it is no such time."""
    try:
        return human_duration((now - read_instant(text)).total_seconds())
    except ValueError:
        return text
