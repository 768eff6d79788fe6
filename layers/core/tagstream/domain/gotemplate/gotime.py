"""Go's layouts of times: parsing and printing.

In: layouts and times. Out: times in UTC or at a fixed offset, text.

Source: Go time/format.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from tagstream.domain.gotemplate.bounds import TooLarge
from tagstream.domain.gotemplate.values import raw

ZERO = datetime(1, 1, 1, tzinfo=UTC)
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOKEN = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|__2|_2006|_2|002|01|02|03|04|05|06|15|1|2|3|4|5|PM|pm"
    r"|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|[.,]0+(?![0-9])|[.,]9+(?![0-9])"
)
_NUMBERS = {
    "2006": r"\d{4}", "06": r"\d{2}", "01": r"\d{2}", "1": r"\d{1,2}", "02": r"\d{2}", "2": r"\d{1,2}",
    "_2": r" ?\d{1,2}", "15": r"\d{2}", "03": r"\d{2}", "3": r"\d{1,2}", "04": r"\d{2}", "4": r"\d{1,2}",
    "05": r"\d{2}", "5": r"\d{1,2}", "002": r"\d{3}", "__2": r" {0,2}\d{1,3}",
}  # fmt: skip
_FIELDS = {
    "2006": "year", "06": "short year", "01": "month", "1": "month", "02": "day", "2": "day", "_2": "day",
    "15": "hour", "03": "hour12", "3": "hour12", "04": "minute", "4": "minute", "05": "second", "5": "second",
    "002": "yearday", "__2": "yearday",
}  # fmt: skip
_LIMITS = {"month": (1, 12), "hour": (0, 23), "hour12": (0, 12), "minute": (0, 59), "second": (0, 59)}
_DURATION = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_MAX_LAYOUT = 1000
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


class InvalidTime(ValueError):
    """Not a time or duration; the message is Go's."""


def quote(text: str) -> str:
    """Quoted as package time does it: every byte that is not ASCII is escaped."""
    shown = "".join(chr(one) if " " <= chr(one) < "\x80" else f"\\x{one:02x}" for one in raw(text.replace("\\", r"\\")))
    return '"' + shown.replace('"', '\\"') + '"'


@dataclass(slots=True)
class _Reader:
    layout: str
    text: str
    rest: str
    fields: dict[str, int]
    zone: timezone | None = None
    afternoon: bool | None = None
    microseconds: int = 0

    def fail(self, token: str, words: str = "") -> InvalidTime:
        """The error of time.Parse."""
        if words:
            return InvalidTime(f"parsing time {quote(self.text)}: {words}")
        where = f"cannot parse {quote(self.rest)} as {quote(token)}"
        return InvalidTime(f"parsing time {quote(self.text)} as {quote(self.layout)}: {where}")


def parse_time(layout: str, text: str) -> datetime:
    """time.Parse

    Raises:
        InvalidTime: Go's words.
    """
    _check_layout(layout)
    reader = _Reader(layout, text, text, {})
    at = 0
    for token in _TOKEN.finditer(layout):
        _literal(reader, layout[at : token.start()])
        _read(reader, token[0])
        at = token.end()
    _literal(reader, layout[at:])
    if reader.rest:
        raise reader.fail("", f"extra text: {quote(reader.rest)}")
    return _made(reader)


def _check_layout(layout: str) -> None:
    if len(layout) > _MAX_LAYOUT:
        raise TooLarge(f"layout of {len(layout)} characters exceeds the maximum of {_MAX_LAYOUT}")


def _literal(reader: _Reader, whole: str) -> None:
    """Text between the parts; one blank stands for any number of them."""
    expected = whole
    while expected:
        if expected[0] == " ":
            if reader.rest and reader.rest[0] != " ":
                raise reader.fail(whole)
            expected, reader.rest = expected.lstrip(" "), reader.rest.lstrip(" ")
            continue
        if not reader.rest.startswith(expected[0]):
            raise reader.fail(whole)
        expected, reader.rest = expected[1:], reader.rest[1:]


def _read(reader: _Reader, token: str) -> None:
    if token in _NUMBERS:
        _number(reader, token)
    elif token[0] in ".,":
        found = re.match(r"[.,](\d+)", reader.rest)
        if found and (token[1] == "9" or len(found[1]) == len(token) - 1):
            reader.microseconds = int(found[1][:6].ljust(6, "0"))
            reader.rest = reader.rest[found.end() :]
        elif token[1] == "0":
            raise reader.fail(token)
    elif token in ("PM", "pm"):
        found = re.match("[AP]M" if token == "PM" else "[ap]m", reader.rest)
        if not found:
            raise reader.fail(token)
        reader.afternoon = found[0].upper() == "PM"
        reader.rest = reader.rest[2:]
    elif token[0] in "Z-":
        _offset(reader, token)
    else:
        _name(reader, token)


def _number(reader: _Reader, token: str) -> None:
    found = re.match(_NUMBERS[token], reader.rest)
    if not found:
        raise reader.fail(token)
    field, value = _FIELDS[token], int(found[0])
    reader.rest = reader.rest[found.end() :]
    if field == "short year":
        field, value = "year", value + (1900 if value >= 69 else 2000)
    low, high = _LIMITS.get(field, (0, 10**9))
    if not low <= value <= high:
        raise reader.fail("", f"{field.removesuffix('12')} out of range")
    reader.fields["hour" if field == "hour12" else field] = value
    # Seconds take a fraction along even where the layout has none.
    fraction = re.match(r"[.,](\d+)", reader.rest) if field == "second" else None
    after = reader.layout[reader.layout.find(token) + len(token) :]
    if fraction and not re.match(r"[.,][09]", after):
        reader.microseconds = int(fraction[1][:6].ljust(6, "0"))
        reader.rest = reader.rest[fraction.end() :]


def _offset(reader: _Reader, token: str) -> None:
    if token[0] == "Z" and reader.rest.startswith("Z"):
        reader.zone = UTC
        reader.rest = reader.rest[1:]
        return
    colon = ":" if ":" in token else ""
    parts = len(token.replace(":", "")) // 2
    found = re.match(
        rf"([+-])(\d\d)(?:{colon}(\d\d))?(?:{colon}(\d\d))?" if parts > 1 else r"([+-])(\d\d)", reader.rest
    )
    if not found:
        raise reader.fail(token)
    hours, minutes = int(found[2]), int(found[3] or 0) if parts > 1 else 0
    if hours > 24 or minutes >= 60:
        raise reader.fail("", "time zone offset hour out of range")
    sign = -1 if found[1] == "-" else 1
    reader.zone = timezone(sign * timedelta(hours=min(hours, 23), minutes=minutes))
    reader.rest = reader.rest[found.end() :]


def _name(reader: _Reader, token: str) -> None:
    if token == "MST":
        found = re.match("UTC|[A-Z]{3,4}", reader.rest)
        if not found:
            raise reader.fail(token)
        reader.zone = UTC
        reader.rest = reader.rest[found.end() :]
        return
    names = MONTHS if token.startswith("Jan") else DAYS
    short = token in ("Jan", "Mon")
    for index, name in enumerate(names):
        shown = name[:3] if short else name
        if reader.rest[: len(shown)].lower() == shown.lower():
            reader.rest = reader.rest[len(shown) :]
            if names is MONTHS:
                reader.fields["month"] = index + 1
            return
    raise reader.fail(token)


def _made(reader: _Reader) -> datetime:
    fields = reader.fields
    hour = fields.get("hour", 0)
    if reader.afternoon is not None:
        hour = hour % 12 + 12 * reader.afternoon
    year = fields.get("year", 0) or 1
    zone = reader.zone or UTC
    try:
        made = datetime(year, fields.get("month", 1), fields.get("day", 1), hour, fields.get("minute", 0), tzinfo=zone)
    except ValueError:
        raise reader.fail("", "day out of range") from None
    if "yearday" in fields:
        made = made.replace(month=1, day=1) + timedelta(days=fields["yearday"] - 1)
    return made.replace(second=fields.get("second", 0), microsecond=reader.microseconds)


def print_time(layout: str, moment: datetime) -> str:
    """Time.Format"""
    _check_layout(layout)
    return _TOKEN.sub(lambda token: _printed(token[0], moment), layout)


def _printed(token: str, moment: datetime) -> str:
    hour12 = moment.hour % 12 or 12
    plain = {
        "2006": f"{moment.year:04d}", "_2006": f"_{moment.year:04d}", "06": f"{moment.year % 100:02d}",
        "01": f"{moment.month:02d}", "1": str(moment.month), "Jan": MONTHS[moment.month - 1][:3],
        "January": MONTHS[moment.month - 1], "02": f"{moment.day:02d}", "2": str(moment.day),
        "_2": f"{moment.day:2d}", "Mon": DAYS[moment.weekday()][:3], "Monday": DAYS[moment.weekday()],
        "15": f"{moment.hour:02d}", "03": f"{hour12:02d}", "3": str(hour12), "04": f"{moment.minute:02d}",
        "4": str(moment.minute), "05": f"{moment.second:02d}", "5": str(moment.second),
        "PM": "PM" if moment.hour >= 12 else "AM", "pm": "pm" if moment.hour >= 12 else "am",
        "002": f"{moment.timetuple().tm_yday:03d}", "__2": f"{moment.timetuple().tm_yday:3d}",
    }  # fmt: skip
    if token in plain:
        return plain[token]
    if token[0] in ".,":
        digits = f"{moment.microsecond:06d}000"[: len(token) - 1].ljust(len(token) - 1, "0")
        digits = digits.rstrip("0") if token[1] == "9" else digits
        return token[0] + digits if digits else ""
    return _zone(token, moment)


def _zone(token: str, moment: datetime) -> str:
    seconds = int((moment.utcoffset() or timedelta()).total_seconds())
    if token[0] == "Z" and seconds == 0:
        return "Z"
    sign, minutes = ("-" if seconds < 0 else "+"), abs(seconds) // 60
    if token == "MST":
        return "UTC" if seconds == 0 else f"{sign}{minutes // 60:02d}{minutes % 60:02d}"
    colon = ":" if ":" in token else ""
    shown = f"{sign}{minutes // 60:02d}"
    parts = len(token.replace(":", "")) // 2
    return shown + (f"{colon}{minutes % 60:02d}" if parts > 1 else "") + (f"{colon}00" if parts > 2 else "")


def parse_duration(text: str) -> int:
    """time.ParseDuration in nanoseconds.

    Raises:
        InvalidTime: Go's words.
    """
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest:
        raise InvalidTime(f"time: invalid duration {quote(text)}")
    total = 0
    while rest:
        found = _DURATION.match(rest)
        if not found or not (found[1] or found[2]):
            raise InvalidTime(_duration_problem(text, rest))
        unit = _UNITS[found[3]]
        digits = (found[2] or "")[:18]
        total += int((found[1] or "0")[:30]) * unit + (int(digits) * unit // 10 ** len(digits) if digits else 0)
        rest = rest[found.end() :]
    if total >= 2**63:
        raise InvalidTime(f"time: invalid duration {quote(text)}")
    return -total if text[0] == "-" else total


def _duration_problem(text: str, rest: str) -> str:
    number = re.match(r"[0-9]*\.?[0-9]*", rest)
    behind = rest[number.end() :] if number else rest
    if number is None or not any(one.isdigit() for one in number[0]):
        return f"time: invalid duration {quote(text)}"
    unit = re.match(r"[^.0-9]*", behind)
    if unit is None or not unit[0]:
        return f"time: missing unit in duration {quote(text)}"
    return f"time: unknown unit {quote(unit[0])} in duration {quote(text)}"
