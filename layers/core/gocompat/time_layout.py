"""Parses and prints times by Go's layouts, such as ``2006-01-02``, and parses Go's durations.

The local zone is UTC, as it is in Flux's container. A parsed time is in UTC or has a fixed offset.

Source: Go time/format.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gocompat.template.bounds import TooLarge
from gocompat.template.values import raw
from gocompat.time_instant import DAY_S, Instant, days_in, days_until

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_TOKEN = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2(?!006)|002|01|02|03|04|05|06|15|1|2|3|4|5|PM|pm"
    r"|Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07|[.,]0+(?![0-9])|[.,]9+(?![0-9])"
)
_ONE_OR_TWO, _TWO = "[0-9]{1,2}", "[0-9]{2}"
_NUMBERS: Mapping[str, tuple[str, str]] = {
    "01": ("month", _TWO), "1": ("month", _ONE_OR_TWO), "02": ("day", _TWO), "2": ("day", _ONE_OR_TWO),
    "_2": ("day", " ?([0-9]{1,2})"), "15": ("hour", _ONE_OR_TWO), "03": ("hour", _TWO), "3": ("hour", _ONE_OR_TWO),
    "04": ("minute", _TWO), "4": ("minute", _ONE_OR_TWO), "05": ("second", _TWO), "5": ("second", _ONE_OR_TWO),
    "002": ("yearday", "[0-9]{3}"), "__2": ("yearday", " {0,2}([0-9]{1,3})"),
}  # fmt: skip
_LIMITS = {"month": (1, 12), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}
_BY_HOURS = "[+-]0*(?:1[0-9]|2[0-3]|[0-9])(?![0-9])"
_ABBREVIATION = re.compile(
    rf"(?=...)(?:ChST|MeST|GMT(?:{_BY_HOURS})?|{_BY_HOURS}"
    r"|[A-Z]{4}T(?![A-Z])|(?:[A-Z]{3}T|WITA)(?![A-Z])|[A-Z]{3}(?![A-Z]))"
)
_OFFSETS: Mapping[str, str] = {
    "07": "(.)(..)", "0700": "(.)(..)(..)", "07:00": "(.)(..):(..)", "070000": "(.)(..)(..)(..)",
    "07:00:00": "(.)(..):(..):(..)",
}  # fmt: skip
_COMPONENT = re.compile(r"([0-9]*)(\.[0-9]*)?([^.0-9]*)", re.DOTALL)
_MAX_LAYOUT = 1000
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


class InvalidTime(ValueError):
    """The text is not a time or duration; the message is Go's."""


def quote(text: str) -> str:
    """Text in double quotes as Go's package time quotes it: it escapes every byte that is not ASCII."""
    shown = "".join(chr(one) if " " <= chr(one) < "\x80" else f"\\x{one:02x}" for one in raw(text.replace("\\", r"\\")))
    return '"' + shown.replace('"', '\\"') + '"'


@dataclass(slots=True)
class _Reader:
    layout: str
    text: str
    rest: str
    fields: dict[str, int] = field(default_factory=dict)
    zone: str = ""
    utc: bool = False
    offset_s: int | None = None

    def fail(self, token: str, words: str = "") -> InvalidTime:
        """The ParseError for this token, or for the whole text if ``words`` are given."""
        if words:
            return InvalidTime(f"parsing time {quote(self.text)}: {words}")
        where = f"cannot parse {quote(self.rest)} as {quote(token)}"
        return InvalidTime(f"parsing time {quote(self.text)} as {quote(self.layout)}: {where}")

    def take(self, pattern: str | re.Pattern[str], token: str) -> re.Match[str]:
        """Consume what the pattern matches at the beginning of the rest.

        Raises:
            InvalidTime: the rest does not begin with it.
        """
        found = re.match(pattern, self.rest)
        if not found:
            raise self.fail(token)
        self.rest = self.rest[found.end() :]
        return found


def parse_time(layout: str, text: str) -> Instant:
    """The time that a text means by a layout (time.Parse).

    Raises:
        InvalidTime: in Go's words.
        TooLarge: the layout is longer than 1000 characters.
    """
    tokens = _tokens(layout)
    reader = _Reader(layout, text, text)
    at = 0
    for index, token in enumerate(tokens):
        _literal(reader, layout[at : token.start()])
        following = tokens[index + 1][0] if index + 1 < len(tokens) else ""
        _read(reader, token[0], following)
        at = token.end()
    _literal(reader, layout[at:])
    if reader.rest:
        raise reader.fail("", f"extra text: {quote(reader.rest)}")
    return _made(reader)


def _tokens(layout: str) -> Sequence[re.Match[str]]:
    if len(layout) > _MAX_LAYOUT:
        raise TooLarge(f"layout of {len(layout)} characters exceeds the maximum of {_MAX_LAYOUT}")
    return list(_TOKEN.finditer(layout))


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


def _read(reader: _Reader, token: str, following: str) -> None:
    if token in _NUMBERS:
        _number(reader, token)
        # Seconds in the text may have a fraction even if the layout has none.
        if token in ("05", "5") and following[:1] not in (".", ",") and re.match(r"[.,][0-9]", reader.rest):
            _fraction(reader, r"[.,]([0-9]+)", token)
    elif token in ("2006", "06"):
        _year(reader, token)
    elif token[0] in ".,":
        if token[1] == "0":
            _fraction(reader, rf"[.,](.{{{len(token) - 1}}})", token)
        elif re.match(r"[.,][0-9]", reader.rest):
            _fraction(reader, r"[.,]([0-9]+)", token)
    elif token in ("PM", "pm"):
        half = reader.take("[AP]M" if token == "PM" else "[ap]m", token)[0]
        reader.fields[half.lower()] = 1
    elif token[0] in "Z-":
        _offset(reader, token)
    elif token == "MST":
        if reader.rest.startswith("UTC"):
            reader.utc, reader.rest = True, reader.rest[3:]
        else:
            reader.zone = reader.take(_ABBREVIATION, token)[0]
    else:
        _name(reader, token)


def _number(reader: _Reader, token: str) -> None:
    name, pattern = _NUMBERS[token]
    found = reader.take(pattern, token)
    value = int(found[found.re.groups])
    low, high = (0, 12) if token in ("03", "3") else _LIMITS.get(name, (0, 999))
    if not low <= value <= high:
        raise reader.fail("", f"{name} out of range")
    reader.fields[name] = value


def _year(reader: _Reader, token: str) -> None:
    pattern = "[0-9]{4}" if token == "2006" else "[0-9]{2}|[+-][0-9]"
    value = int(reader.take(pattern, token)[0])
    if token == "06":
        value += 1900 if value >= 69 else 2000
    reader.fields["year"] = value


def _fraction(reader: _Reader, pattern: str, token: str) -> None:
    before = reader.rest
    digits = reader.take(pattern, token)[1][:9]
    if re.fullmatch("[+-]?[0-9]*", digits) is None:
        reader.rest = before
        raise reader.fail(token)
    # For Go a sign without digits is zero.
    value = int(digits.strip("+-") or "0")
    if value and digits[0] == "-":
        raise reader.fail("", "fractional second out of range")
    reader.fields["nanosecond"] = value * 10 ** (9 - len(digits))


def _offset(reader: _Reader, token: str) -> None:
    if token[0] == "Z" and reader.rest.startswith("Z"):
        reader.utc, reader.rest = True, reader.rest[1:]
        return
    before = reader.rest
    sign, *numbers = reader.take(re.compile(_OFFSETS[token[1:]], re.DOTALL), token).groups()
    parts = [int(one) if one.isascii() and one.isdigit() else None for one in numbers]
    # Go stops at a part that is not a number, and its error names the last part that is out of range.
    known = parts[: parts.index(None)] if None in parts else parts
    ranges = zip(known, ((24, "hour"), (60, "minute"), (60, "second")), strict=False)
    wrong = [what for value, (limit, what) in ranges if (value or 0) > limit]
    if wrong:
        raise reader.fail("", f"time zone offset {wrong[-1]} out of range")
    if sign not in "+-" or None in parts:
        reader.rest = before
        raise reader.fail(token)
    seconds = sum((one or 0) * unit for one, unit in zip(parts, (3600, 60, 1), strict=False))
    reader.offset_s = -seconds if sign == "-" else seconds


def _name(reader: _Reader, token: str) -> None:
    names = MONTHS if token.startswith("Jan") else DAYS
    short = token in ("Jan", "Mon")
    for index, name in enumerate(names):
        shown = name[:3] if short else name
        begin = reader.rest[: len(shown)]
        if begin.isascii() and begin.lower() == shown.lower():
            reader.rest = reader.rest[len(shown) :]
            if names is MONTHS:
                reader.fields["month"] = index + 1
            return
    raise reader.fail(token)


def _made(reader: _Reader) -> Instant:
    fields = reader.fields
    hour = fields.get("hour", 0)
    if "pm" in fields and hour < 12:
        hour += 12
    elif "pm" not in fields and "am" in fields and hour == 12:
        hour = 0
    seconds = hour * 3600 + fields.get("minute", 0) * 60 + fields.get("second", 0)
    made = Instant(_day(reader) * DAY_S + seconds, fields.get("nanosecond", 0))
    if reader.utc:
        return made
    # Go's value for "no offset" is -1.
    if reader.offset_s is not None and reader.offset_s != -1:
        unix_s = made.unix_s - reader.offset_s
        zone = reader.zone if reader.offset_s or reader.zone else "UTC"
        return replace(made, unix_s=unix_s, offset_s=reader.offset_s, zone=zone)
    if not reader.zone:
        return made
    # Go does not know the abbreviation's offset: it takes the time of day as UTC and prints the abbreviation.
    offset_s = int(reader.zone[3:]) * 3600 if reader.zone[:3] == "GMT" and len(reader.zone) > 3 else 0
    return replace(made, offset_s=offset_s, zone=reader.zone)


def _day(reader: _Reader) -> int:
    """The date that was read, as days since 1970-01-01."""
    fields = reader.fields
    year = fields.get("year", 0)
    month, day = fields.get("month", 1), fields.get("day", 1)
    if "yearday" not in fields:
        if not 1 <= day <= days_in(year, month):
            raise reader.fail("", "day out of range")
        return days_until(year, month, day)
    first = days_until(year, 1, 1)
    if not 1 <= fields["yearday"] <= days_until(year + 1, 1, 1) - first:
        raise reader.fail("", "day-of-year out of range")
    days = first + fields["yearday"] - 1
    _, found_month, found_day = Instant(days * DAY_S).date
    if fields.get("month", found_month) != found_month:
        raise reader.fail("", "day-of-year does not match month")
    if fields.get("day", found_day) != found_day:
        raise reader.fail("", "day-of-year does not match day")
    return days


def print_time(layout: str, time: Instant) -> str:
    """A time printed by a layout (Time.Format).

    Raises:
        TooLarge: the layout is longer than 1000 characters.
    """
    pieces: list[str] = []
    at = 0
    for token in _tokens(layout):
        pieces += layout[at : token.start()], _printed(token[0], time)
        at = token.end()
    return "".join(pieces) + layout[at:]


_PARTS: Mapping[str, Callable[[Instant], str]] = {
    "2006": lambda one: f"{one.date[0]:04d}",
    "06": lambda one: f"{one.date[0] % 100:02d}",
    "01": lambda one: f"{one.date[1]:02d}",
    "1": lambda one: str(one.date[1]),
    "Jan": lambda one: MONTHS[one.date[1] - 1][:3],
    "January": lambda one: MONTHS[one.date[1] - 1],
    "02": lambda one: f"{one.date[2]:02d}",
    "2": lambda one: str(one.date[2]),
    "_2": lambda one: f"{one.date[2]:2d}",
    "Mon": lambda one: DAYS[one.weekday][:3],
    "Monday": lambda one: DAYS[one.weekday],
    "15": lambda one: f"{one.clock[0]:02d}",
    "03": lambda one: f"{one.clock[0] % 12 or 12:02d}",
    "3": lambda one: str(one.clock[0] % 12 or 12),
    "04": lambda one: f"{one.clock[1]:02d}",
    "4": lambda one: str(one.clock[1]),
    "05": lambda one: f"{one.clock[2]:02d}",
    "5": lambda one: str(one.clock[2]),
    "PM": lambda one: "PM" if one.clock[0] >= 12 else "AM",
    "pm": lambda one: "pm" if one.clock[0] >= 12 else "am",
    "002": lambda one: f"{one.year_day:03d}",
    "__2": lambda one: f"{one.year_day:3d}",
    "MST": lambda one: one.zone or _offset_text("-0700", one.offset_s),
}


def _printed(token: str, time: Instant) -> str:
    if token in _PARTS:
        return _PARTS[token](time)
    if token[0] in ".,":
        digits = f"{time.nanosecond:09d}"[: len(token) - 1]
        digits = digits.rstrip("0") if token[1] == "9" else digits
        return token[0] + digits if digits else ""
    return _offset_text(token, time.offset_s)


def _digits(number: int, width: int) -> str:
    return f"{'-' if number < 0 else ''}{abs(number):0{width}d}"


def _offset_text(token: str, offset_s: int) -> str:
    if token[0] == "Z" and offset_s == 0:
        return "Z"
    # Go rounds the minutes towards zero and takes the sign from them.
    minutes = abs(offset_s) // 60
    sign = "-" if offset_s < 0 and minutes else "+"
    colon = ":" if ":" in token else ""
    parts = len(token.replace(":", "")) // 2
    seconds = abs(offset_s) % 60 if sign == "-" or offset_s >= 0 else offset_s % -60
    shown = sign + f"{minutes // 60:02d}" + (f"{colon}{minutes % 60:02d}" if parts > 1 else "")
    return shown + (colon + _digits(seconds, 2) if parts > 2 else "")


def parse_duration(text: str) -> int:
    """A duration such as ``-1h30.5m`` in nanoseconds (time.ParseDuration).

    Raises:
        InvalidTime: in Go's words.
    """
    at = 1 if text[:1] in ("+", "-") else 0
    if text[at:] == "0":
        return 0
    total = 0
    begin = at
    while at < len(text):
        found = _COMPONENT.match(text, at)
        total += _component(text, found[1], found[2] or "", found[3]) if found else 0
        at = found.end() if found else len(text)
        if total > 2**63:
            break
    if begin == len(text) or total > 2**63 or (total == 2**63 and text[0] != "-"):
        raise InvalidTime(f"time: invalid duration {quote(text)}")
    return -total if text[0] == "-" else total


def _component(text: str, whole: str, fraction: str, unit: str) -> int:
    digits = whole.lstrip("0")
    value = int(digits or "0") if len(digits) < 20 else 2**64
    if not (whole or fraction[1:]) or value > 2**63:
        raise InvalidTime(f"time: invalid duration {quote(text)}")
    if not unit:
        raise InvalidTime(f"time: missing unit in duration {quote(text)}")
    if unit not in _UNITS:
        raise InvalidTime(f"time: unknown unit {quote(unit)} in duration {quote(text)}")
    size = _UNITS[unit]
    if value > 2**63 // size:
        raise InvalidTime(f"time: invalid duration {quote(text)}")
    return value * size + _part_of(fraction[1:], size)


def _part_of(fraction: str, size: int) -> int:
    """The fraction of a unit in nanoseconds. Go computes it in float64 from the digits that fit into 63 bits."""
    digits = fraction.lstrip("0")
    kept = digits[:19] if int(digits[:19] or "0") <= 2**63 else digits[:18]
    places = len(fraction) - len(digits) + len(kept)
    return int(float(kept) * (size / 10.0**places)) if kept and places < 300 else 0
