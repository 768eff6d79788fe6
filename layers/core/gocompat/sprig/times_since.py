"""The functions of sprig that measure from the present: ``ago`` and ``durationRound``.

The present is the time that the caller passes; no function here reads a clock.

Source: sprig date.go v3.3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gocompat.template.printf_scalars import duration as print_duration
from gocompat.template.signature import function
from gocompat.template.values import Function, GoStruct, Int64, Value, kind_of
from gocompat.time_instant import SECOND, Instant, from_datetime
from gocompat.time_layout import InvalidTime, parse_duration

_COST = 200
_ROUNDS = (
    (365 * 24 * 3600, "y"), (30 * 24 * 3600, "mo"), (24 * 3600, "d"), (3600, "h"), (60, "m"), (1, "s"),
)  # fmt: skip


def ago(value: Value, now: Instant) -> str:
    """``ago``: the time since a time or since Unix seconds, rounded to whole seconds. Other types give ``0s``."""
    then = now
    if isinstance(value, GoStruct) and isinstance(value.key, Instant):
        then = value.key
    elif kind_of(value) in ("int", "int64"):
        then = Instant(int(value))
    between = now.since(then)
    rounded = (abs(between) + SECOND // 2) // SECOND * SECOND * (-1 if between < 0 else 1)
    # Go does not round what would then exceed a Duration.
    return print_duration(rounded if abs(rounded) < 2**63 else between)


def duration_round(value: Value, now: Instant) -> str:
    """``durationRound``: a duration, or the time since a time, in whole units of the largest that fits more than once.

    A duration is a text such as ``2h10m`` or an int64 of nanoseconds.
    """
    nanoseconds = 0
    if isinstance(value, Int64):
        nanoseconds = int(value)
    elif isinstance(value, str):
        try:
            nanoseconds = parse_duration(value)
        except InvalidTime:
            nanoseconds = 0
    elif isinstance(value, GoStruct) and isinstance(value.key, Instant):
        nanoseconds = now.since(value.key)
    size = abs(nanoseconds)
    return next((f"{size // (one * SECOND)}{unit}" for one, unit in _ROUNDS if size > one * SECOND), "0s")


def functions(now: datetime) -> Mapping[str, Function]:
    """``ago`` and ``durationRound`` for an aware time that counts as the present."""
    present = from_datetime(now)
    return {
        "ago": function("any", lambda value: ago(value, present), _COST),
        "durationRound": function("any", lambda value: duration_round(value, present)),
    }
