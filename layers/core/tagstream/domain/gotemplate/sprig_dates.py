"""sprig's functions of times and durations that Flux leaves in.

In: values. Out: times, text. The local zone is UTC, as in Flux's container.

Source: sprig date.go v3.3.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from tagstream.domain.gotemplate.faults import CallError
from tagstream.domain.gotemplate.gotime import DAYS, MONTHS, ZERO, InvalidTime, parse_duration, parse_time, print_time
from tagstream.domain.gotemplate.printf_scalars import duration as print_duration
from tagstream.domain.gotemplate.signature import TIME, function
from tagstream.domain.gotemplate.values import INT, STRING, Function, GoStruct, Int64, Value, kind_of

_SECOND = 1_000_000_000
_COST = 200
_ROUNDS = (
    (365 * 24 * 3600, "y"), (30 * 24 * 3600, "mo"), (24 * 3600, "d"), (3600, "h"), (60, "m"), (1, "s"),
)  # fmt: skip


def time_value(moment: datetime) -> GoStruct:
    """A time.Time."""
    plain: dict[str, Callable[[], Value]] = {
        "Year": lambda: moment.year,
        "Day": lambda: moment.day,
        "Hour": lambda: moment.hour,
        "Minute": lambda: moment.minute,
        "Second": lambda: moment.second,
        "YearDay": lambda: moment.timetuple().tm_yday,
        "Month": lambda: MONTHS[moment.month - 1],
        "Weekday": lambda: DAYS[moment.weekday()],
        "Unix": lambda: Int64(_unix(moment)),
        "UTC": lambda: time_value(moment.astimezone(UTC)),
        "IsZero": lambda: moment == ZERO,
        "String": lambda: _shown(moment),
    }
    methods = {name: Function((), call, cost=_COST) for name, call in plain.items()}
    methods["Format"] = Function((STRING,), lambda layout: print_time(layout, moment), cost=_COST)
    methods["AddDate"] = Function((INT, INT, INT), lambda *parts: time_value(_later(moment, *parts)), cost=_COST)
    stamp = print_time("2006-01-02T15:04:05.999999999Z07:00", moment)
    return GoStruct(go_type=TIME, methods=methods, text=_shown(moment), key=moment, json=stamp)


def _later(moment: datetime, years: int, months: int, days: int) -> datetime:
    try:
        month = moment.year * 12 + moment.month - 1 + years * 12 + months
        first = moment.replace(year=month // 12, month=month % 12 + 1, day=1)
        return first + timedelta(days=days + moment.day - 1)
    except (OverflowError, ValueError) as error:
        raise CallError("time is out of range") from error


def _shown(moment: datetime) -> str:
    return print_time("2006-01-02 15:04:05.999999 -0700 MST", moment)


def _unix(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def _moment(value: GoStruct) -> datetime:
    found = value.key
    assert isinstance(found, datetime)
    return found


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
        return time_value(_moment(value) + timedelta(microseconds=parse_duration(change) // 1000))
    except InvalidTime as error:
        raise CallError(str(error)) from None
    except OverflowError as error:
        raise CallError("time is out of range") from error


def _instant(value: Value) -> datetime:
    now = datetime.now(UTC)
    if isinstance(value, GoStruct) and isinstance(value.key, datetime):
        return value.key
    if kind_of(value) not in ("int", "int64"):
        return now
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise CallError("time is out of range") from error


def ago(value: Value) -> str:
    """``ago``: since then, in whole seconds."""
    since = datetime.now(UTC) - _instant(value)
    return print_duration(round(since.total_seconds()) * _SECOND)


def duration(value: Value) -> str:
    """``duration``: seconds as text or int64; anything else is none, as in sprig."""
    seconds = 0
    if isinstance(value, Int64):
        seconds = int(value)
    elif isinstance(value, str):
        digits = value[1:] if value[:1] in ("+", "-") else value
        plain = digits.isascii() and digits.isdigit() and len(digits) < 19
        seconds = int(value) if plain else 0
    return print_duration((seconds * _SECOND + 2**63) % 2**64 - 2**63)


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
    elif isinstance(value, GoStruct) and isinstance(value.key, datetime):
        nanoseconds = int((datetime.now(UTC) - value.key).total_seconds() * _SECOND)
    size = abs(nanoseconds)
    return next((f"{size // (one * _SECOND)}{unit}" for one, unit in _ROUNDS if size > one * _SECOND), "0s")


FUNCTIONS: Mapping[str, Function] = {
    "ago": function("any", ago, _COST),
    "duration": function("any", duration),
    "durationRound": function("any", duration_round),
    "toDate": function("string, string", to_date, _COST),
    "mustToDate": function("string, string", must_to_date, _COST),
    "mustDateModify": function("string, time", modified, _COST),
    "must_date_modify": function("string, time", modified, _COST),
    "unixEpoch": function("time", lambda value: str(_unix(_moment(value)))),
}
