"""Durations that people give in days: ages, and how long a pin lasts. Flux's own fields never have days."""

from __future__ import annotations

import re

from gocompat.duration import InvalidDuration, parse_interval

_DAY_S = 86_400.0
_PATTERN = re.compile(r"(?:([0-9]{1,6})d)?((?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))*)", re.ASCII)
_SHOWN = "^([0-9]+d)?([0-9]+(\\.[0-9]+)?(ms|s|m|h))*$"
_LONGEST_S = 100 * 365 * _DAY_S


def parse_long_duration(text: str) -> float:
    """Seconds of a Go duration that may have whole days in front: ``72h``, ``3d``, ``1d12h``.

    Raises:
        InvalidDuration: ``should match '…'``, or the duration is longer than a hundred years.
    """
    found = _PATTERN.fullmatch(text)
    if not text or found is None:
        raise InvalidDuration(f"should match '{_SHOWN}'")
    days, rest = found.groups()
    seconds = int(days or 0) * _DAY_S + (parse_interval(rest) if rest else 0.0)
    if seconds > _LONGEST_S:
        raise InvalidDuration("is longer than a hundred years")
    return seconds
