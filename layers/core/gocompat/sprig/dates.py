"""The functions of sprig for times and durations that Flux leaves in, as far as they do not ask for the time of day.

Those that do are in times_since.py. The local zone is UTC, as it is in Flux's container.

Source: sprig date.go v3.3.0; Go time/time.go for the methods of a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from gocompat.sprig.cast import wrapped
from gocompat.sprig.math import atoi
from gocompat.template.faults import CallError
from gocompat.template.printf_scalars import duration as print_duration
from gocompat.template.signature import TIME, function
from gocompat.template.values import INT, STRING, Duration, Function, GoStruct, Int64, Named, Value, named
from gocompat.time_instant import DAY_S, MAX_YEAR, SECOND, ZERO, Instant, days_until
from gocompat.time_layout import DAYS, MONTHS, InvalidTime, parse_duration, parse_time, print_time

_COST = 200


class Month(Named):
    """A time.Month."""

    go_type = named("time.Month", "int")
    names: ClassVar = dict(enumerate(MONTHS, 1))


class Weekday(Named):
    """A time.Weekday."""

    go_type = named("time.Weekday", "int")
    names: ClassVar = dict(enumerate(DAYS))


def time_value(time: Instant) -> GoStruct:
    """A time.Time for templates, with its methods.

    Raises:
        CallError: its year is not within 0 to 9999. Go goes on counting; no commit message needs that.
    """
    if not 0 <= time.date[0] <= MAX_YEAR:
        raise CallError(f"year {time.date[0]} is not within 0 to {MAX_YEAR}")
    plain: dict[str, Callable[[], Value]] = {
        "Year": lambda: time.date[0],
        "Day": lambda: time.date[2],
        "Hour": lambda: time.clock[0],
        "Minute": lambda: time.clock[1],
        "Second": lambda: time.clock[2],
        "Nanosecond": lambda: time.nanosecond,
        "YearDay": lambda: time.year_day,
        "Month": lambda: Month(time.date[1]),
        "Weekday": lambda: Weekday(time.weekday),
        "Unix": lambda: Int64(time.unix_s),
        "UnixMilli": lambda: _count(time, 1_000),
        "UnixMicro": lambda: _count(time, 1_000_000),
        "UnixNano": lambda: _count(time, SECOND),
        "UTC": lambda: time_value(time.utc()),
        "IsZero": lambda: time.order == ZERO.order,
        "String": lambda: _shown(time),
    }
    methods = {name: Function((), call, cost=_COST) for name, call in plain.items()}
    methods |= {name: _comparing(time, answer) for name, answer in _COMPARISONS.items()}
    methods["Format"] = Function((STRING,), lambda layout: print_time(layout, time), cost=_COST)
    methods["AddDate"] = Function((INT, INT, INT), lambda *parts: time_value(_moved(time, *parts)), cost=_COST)
    return GoStruct(go_type=TIME, methods=methods, text=_shown(time), key=time, json=_json(time))


def _json(time: Instant) -> str | CallError:
    """What Time.MarshalJSON returns, or its error: it is stricter about offsets than Time.Format."""
    if abs(time.offset_s) >= DAY_S:
        wrong = "timezone hour outside of range [0,23]"
        return CallError(f"json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: {wrong}")
    return print_time("2006-01-02T15:04:05.999999999Z07:00", time)


_COMPARISONS: Mapping[str, Callable[[Instant, Instant], Value]] = {
    "After": lambda one, other: one.order > other.order,
    "Before": lambda one, other: one.order < other.order,
    "Compare": lambda one, other: (one.order > other.order) - (one.order < other.order),
    "Equal": lambda one, other: one.order == other.order,
    "Sub": lambda one, other: Duration(one.since(other)),
}


def _comparing(time: Instant, answer: Callable[[Instant, Instant], Value]) -> Function:
    return Function((TIME,), lambda other: answer(time, _instant(other)))


def _count(time: Instant, units: int) -> Int64:
    return Int64(wrapped(time.unix_s * units + time.nanosecond * units // SECOND))


def _moved(time: Instant, years: int, months: int, days: int) -> Instant:
    """Time.AddDate: the date changes, the time of day stays."""
    year, month, day = time.date
    before = days_until(year, month, day)
    return time.later((days_until(year + years, month + months, day + days) - before) * DAY_S * SECOND)


def _shown(time: Instant) -> str:
    return print_time("2006-01-02 15:04:05.999999999 -0700 MST", time)


def _instant(value: GoStruct) -> Instant:
    found = value.key
    assert isinstance(found, Instant)
    return found


def must_to_date(layout: str, text: str) -> GoStruct:
    """``mustToDate``: a text as a time.

    Raises:
        CallError: the words of Go's time.Parse.
    """
    try:
        return time_value(parse_time(layout, text))
    except InvalidTime as error:
        raise CallError(str(error)) from None


def to_date(layout: str, text: str) -> GoStruct:
    """``toDate``: a text as a time, or the zero time if it is not one."""
    try:
        return time_value(parse_time(layout, text))
    except InvalidTime:
        return time_value(ZERO)


def modified(change: str, value: GoStruct) -> GoStruct:
    """``mustDateModify``: a time plus a duration such as ``-1h30m``.

    Raises:
        CallError: the words of Go's time.ParseDuration.
    """
    try:
        return time_value(_instant(value).later(parse_duration(change)))
    except InvalidTime as error:
        raise CallError(str(error)) from None


def duration(value: Value) -> str:
    """``duration``: prints seconds, given as text or int64. Any other type counts as 0, as it does in sprig."""
    seconds = int(value) if isinstance(value, Int64) else atoi(value) if isinstance(value, str) else 0
    return print_duration(wrapped(seconds * SECOND))


FUNCTIONS: Mapping[str, Function] = {
    "duration": function("any", duration),
    "toDate": function("string, string", to_date, _COST),
    "mustToDate": function("string, string", must_to_date, _COST),
    "mustDateModify": function("string, time", modified, _COST),
    "must_date_modify": function("string, time", modified, _COST),
    "unixEpoch": function("time", lambda value: str(_instant(value).unix_s)),
}
