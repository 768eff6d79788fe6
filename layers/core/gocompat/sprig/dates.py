"""sprig's functions of times and durations that Flux leaves in.

In: values. Out: times, text. The local zone is UTC, as in Flux's container.

Source: sprig date.go v3.3.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from gocompat.sprig.cast import wrapped
from gocompat.sprig.math import atoi
from gocompat.template.faults import CallError
from gocompat.template.printf_scalars import duration as print_duration
from gocompat.template.signature import TIME, function
from gocompat.template.values import INT, STRING, Duration, Function, GoStruct, Int64, Named, Value, kind_of, named
from gocompat.time_instant import DAY_S, MAX_YEAR, SECOND, ZERO, Moment, days_until
from gocompat.time_layout import DAYS, MONTHS, InvalidTime, parse_duration, parse_time, print_time

_COST = 200
_ROUNDS = (
    (365 * 24 * 3600, "y"), (30 * 24 * 3600, "mo"), (24 * 3600, "d"), (3600, "h"), (60, "m"), (1, "s"),
)  # fmt: skip


class Month(Named):
    """A time.Month."""

    go_type = named("time.Month", "int")
    names: ClassVar = dict(enumerate(MONTHS, 1))


class Weekday(Named):
    """A time.Weekday."""

    go_type = named("time.Weekday", "int")
    names: ClassVar = dict(enumerate(DAYS))


def time_value(moment: Moment) -> GoStruct:
    """A time.Time."""
    if abs(moment.date[0]) > MAX_YEAR:
        raise CallError("time is out of range")
    plain: dict[str, Callable[[], Value]] = {
        "Year": lambda: moment.date[0],
        "Day": lambda: moment.date[2],
        "Hour": lambda: moment.clock[0],
        "Minute": lambda: moment.clock[1],
        "Second": lambda: moment.clock[2],
        "Nanosecond": lambda: moment.nanosecond,
        "YearDay": lambda: moment.year_day,
        "Month": lambda: Month(moment.date[1]),
        "Weekday": lambda: Weekday(moment.weekday),
        "Unix": lambda: Int64(moment.unix_s),
        "UnixMilli": lambda: _count(moment, 1_000),
        "UnixMicro": lambda: _count(moment, 1_000_000),
        "UnixNano": lambda: _count(moment, SECOND),
        "UTC": lambda: time_value(moment.utc()),
        "IsZero": lambda: moment.instant == ZERO.instant,
        "String": lambda: _shown(moment),
    }
    methods = {name: Function((), call, cost=_COST) for name, call in plain.items()}
    methods |= {name: _comparing(moment, answer) for name, answer in _COMPARISONS.items()}
    methods["Format"] = Function((STRING,), lambda layout: print_time(layout, moment), cost=_COST)
    methods["AddDate"] = Function((INT, INT, INT), lambda *parts: time_value(_moved(moment, *parts)), cost=_COST)
    return GoStruct(go_type=TIME, methods=methods, text=_shown(moment), key=moment, json=_json(moment))


def _json(moment: Moment) -> str | CallError:
    """Time.MarshalJSON, which is stricter than Format."""
    wrong = "" if 0 <= moment.date[0] <= 9999 else "year outside of range [0,9999]"
    if not wrong and abs(moment.offset_s) >= DAY_S:
        wrong = "timezone hour outside of range [0,23]"
    if wrong:
        return CallError(f"json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: {wrong}")
    return print_time("2006-01-02T15:04:05.999999999Z07:00", moment)


_COMPARISONS: Mapping[str, Callable[[Moment, Moment], Value]] = {
    "After": lambda one, other: one.instant > other.instant,
    "Before": lambda one, other: one.instant < other.instant,
    "Compare": lambda one, other: (one.instant > other.instant) - (one.instant < other.instant),
    "Equal": lambda one, other: one.instant == other.instant,
    "Sub": lambda one, other: Duration(one.since(other)),
}


def _comparing(moment: Moment, answer: Callable[[Moment, Moment], Value]) -> Function:
    return Function((TIME,), lambda other: answer(moment, _moment(other)))


def _count(moment: Moment, units: int) -> Int64:
    return Int64(wrapped(moment.unix_s * units + moment.nanosecond * units // SECOND))


def _moved(moment: Moment, years: int, months: int, days: int) -> Moment:
    """AddDate: the clock stays."""
    year, month, day = moment.date
    before = days_until(year, month, day)
    return moment.later((days_until(year + years, month + months, day + days) - before) * DAY_S * SECOND)


def _shown(moment: Moment) -> str:
    return print_time("2006-01-02 15:04:05.999999999 -0700 MST", moment)


def _moment(value: GoStruct) -> Moment:
    found = value.key
    assert isinstance(found, Moment)
    return found


def _now() -> Moment:
    since = datetime.now(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return Moment(since // timedelta(seconds=1), since.microseconds * 1000)


def must_to_date(layout: str, text: str) -> GoStruct:
    """``mustToDate``"""
    try:
        return time_value(parse_time(layout, text))
    except InvalidTime as error:
        raise CallError(str(error)) from None


def to_date(layout: str, text: str) -> GoStruct:
    """``toDate``: the zero time for what is none."""
    try:
        return time_value(parse_time(layout, text))
    except InvalidTime:
        return time_value(ZERO)


def modified(change: str, value: GoStruct) -> GoStruct:
    """``mustDateModify``"""
    try:
        return time_value(_moment(value).later(parse_duration(change)))
    except InvalidTime as error:
        raise CallError(str(error)) from None


def ago(value: Value) -> str:
    """``ago``: since then, in whole seconds."""
    now = then = _now()
    if isinstance(value, GoStruct) and isinstance(value.key, Moment):
        then = value.key
    elif kind_of(value) in ("int", "int64"):
        then = Moment(int(value))
    between = now.since(then)
    rounded = (abs(between) + SECOND // 2) // SECOND * SECOND * (-1 if between < 0 else 1)
    # What would round to more than a Duration holds stays as it is.
    return print_duration(rounded if abs(rounded) < 2**63 else between)


def duration(value: Value) -> str:
    """``duration``: seconds as text or int64; anything else is none, as in sprig."""
    seconds = int(value) if isinstance(value, Int64) else atoi(value) if isinstance(value, str) else 0
    return print_duration(wrapped(seconds * SECOND))


def duration_round(value: Value) -> str:
    """``durationRound``: the largest unit that is in it more than once."""
    nanoseconds = 0
    if isinstance(value, Int64):
        nanoseconds = int(value)
    elif isinstance(value, str):
        try:
            nanoseconds = parse_duration(value)
        except InvalidTime:
            nanoseconds = 0
    elif isinstance(value, GoStruct) and isinstance(value.key, Moment):
        nanoseconds = _now().since(value.key)
    size = abs(nanoseconds)
    return next((f"{size // (one * SECOND)}{unit}" for one, unit in _ROUNDS if size > one * SECOND), "0s")


FUNCTIONS: Mapping[str, Function] = {
    "ago": function("any", ago, _COST),
    "duration": function("any", duration),
    "durationRound": function("any", duration_round),
    "toDate": function("string, string", to_date, _COST),
    "mustToDate": function("string, string", must_to_date, _COST),
    "mustDateModify": function("string, time", modified, _COST),
    "must_date_modify": function("string, time", modified, _COST),
    "unixEpoch": function("time", lambda value: str(_moment(value).unix_s)),
}
