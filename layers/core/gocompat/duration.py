"""Durations such as ``1h30m``, as far as the patterns of Flux's CRDs allow them, and printed as Go does.

A template's durations, which have every form that Go knows, are in time_layout.py.

Source: Go time.ParseDuration and Duration.String; CRD patterns of image-reflector-controller api/v1.
"""

from __future__ import annotations

import re

INTERVAL_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
"""The CRDs' pattern of ``spec.interval``, for all kinds."""
TIMEOUT_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"
"""The CRDs' pattern of ``spec.timeout``, which has no hours."""

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", re.ASCII)
_INTERVAL = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_TIMEOUT = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m))+", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
# Go holds a duration as nanoseconds in 64 bits.
_MAX_S = (2**63 - 1) / 1e9


class InvalidDuration(ValueError):
    """The text does not match the CRD's pattern, or Go cannot hold the duration.

    The message continues the API server's ``Invalid value: "…": spec.interval in body``.
    """


def parse_interval(text: str) -> float:
    """An interval in seconds.

    Raises:
        InvalidDuration: ``should match '…'``, or the duration is longer than 292 years.
    """
    return _parse(text, _INTERVAL, INTERVAL_PATTERN)


def parse_timeout(text: str) -> float:
    """A timeout in seconds. Its units are milliseconds, seconds and minutes.

    Raises:
        InvalidDuration: as ``parse_interval``.
    """
    return _parse(text, _TIMEOUT, TIMEOUT_PATTERN)


def _parse(text: str, pattern: re.Pattern[str], shown: str) -> float:
    if not pattern.fullmatch(text):
        raise InvalidDuration(f"should match '{shown}'")
    seconds = sum(float(amount) * _SECONDS[unit] for amount, unit in _PART.findall(text))
    if seconds > _MAX_S:
        raise InvalidDuration("is longer than Go can count (292 years)")
    return seconds


def print_duration(seconds: float) -> str:
    """Seconds as Go prints a duration (Duration.String): ``1h30m0s``, ``5m0s``, ``1.5s``, ``250ms``, ``0s``."""
    if seconds == 0:
        return "0s"
    if seconds < 0:
        return "-" + print_duration(-seconds)
    if seconds < 1:
        for factor, unit in ((1e3, "ms"), (1e6, "µs"), (1e9, "ns")):
            if seconds * factor >= 1:
                return _number(seconds * factor) + unit
        return "0s"
    whole_minutes, rest = divmod(round(seconds, 9), 60)
    hours, minutes = divmod(int(whole_minutes), 60)
    text = _number(rest) + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _number(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")
