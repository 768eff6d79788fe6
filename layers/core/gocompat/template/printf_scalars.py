"""Prints one number or string by one verb and its flags, as Go's fmt does.

A function returns None if the verb does not fit the type.

Source: Go fmt/format.go, strconv (FormatFloat, Quote, QuoteToASCII), time (Duration.String).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal

from gocompat.quote import quote
from gocompat.template.values import Duration, Named, Value, raw

_BASES = {"d": 10, "v": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}
_PREFIXES = {"b": "0b", "o": "0", "O": "0", "x": "0x", "X": "0X"}
_UNITS = ((1_000_000, "ms", 6), (1_000, "µs", 3), (1, "ns", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What stands between ``%`` and the verb.

    ``names`` stands for ``%+v`` and ``go_syntax`` for ``%#v``. ``erring`` is set within ``%!d(…)``, where Go calls no
    String method.
    """

    sharp: bool = False
    zero: bool = False
    plus: bool = False
    minus: bool = False
    space: bool = False
    width: int | None = None
    precision: int | None = None
    names: bool = False
    go_syntax: bool = False
    erring: bool = False


def padded(text: str, flags: Flags) -> str:
    """Text padded on the left or right to the width of the flags."""
    missing = (flags.width or 0) - len(text)
    if missing <= 0:
        return text
    if flags.minus:
        return text + " " * missing
    return ("0" if flags.zero else " ") * missing + text


def _blank_padded(text: str, flags: Flags) -> str:
    return padded(text, replace(flags, zero=False))


def stringer(value: Value) -> str | None:
    """What the String method of a Named or Duration returns; None for other values, which have none."""
    if isinstance(value, Named):
        return value.names.get(int(value), "")
    return duration(int(value)) if isinstance(value, Duration) else None


def duration(nanoseconds: int) -> str:
    """Nanoseconds as Go prints a duration, such as ``1h2m3.5s`` (Duration.String)."""
    if nanoseconds == 0:
        return "0s"
    sign, value = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if value < 1_000_000_000:
        size, unit, digits = next(one for one in _UNITS if value >= one[0])
        return f"{sign}{_fraction(value, size, digits)}{unit}"
    seconds, rest = divmod(value, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    shown = _fraction(seconds * 1_000_000_000 + rest, 1_000_000_000, 9) + "s"
    if hours or minutes:
        shown = f"{minutes}m{shown}"
    return f"{sign}{hours}h{shown}" if hours else sign + shown


def _fraction(value: int, size: int, digits: int) -> str:
    whole, rest = divmod(value, size)
    behind = f"{rest:0{digits}d}".rstrip("0") if rest else ""
    return f"{whole}.{behind}" if behind else str(whole)


def text(value: str, verb: str, flags: Flags) -> str:
    """A string by one of the verbs ``v s x X q``."""
    if verb in "xX":
        return _hexadecimal(value, verb, flags)
    if flags.precision is not None:
        value = value[: flags.precision]
    if verb == "q" or (verb == "v" and flags.go_syntax):
        if flags.sharp and can_backquote(value):
            return padded(f"`{value}`", flags)
        return padded(quoted(value, flags), flags)
    return padded(value, flags)


def quoted(value: str, flags: Flags) -> str:
    """A string in double quotes (strconv.Quote); with the ``+`` flag in ASCII (QuoteToASCII)."""
    shown = quote(value)
    if not flags.plus:
        return shown
    return "".join(_ascii(one) for one in shown)


def _ascii(character: str) -> str:
    code = ord(character)
    if code < 0x80:
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def can_backquote(value: str) -> bool:
    """Whether a string can stand between backquotes on one line (strconv.CanBackquote)."""
    return not any(one in "`\x7f\ufeff" or (one < " " and one != "\t") or "\udc80" <= one <= "\udcff" for one in value)


def _hexadecimal(value: str, verb: str, flags: Flags) -> str:
    data = raw(value)[: flags.precision]
    pairs = [f"{one:02x}" for one in data]
    prefix = "0x" if flags.sharp and pairs else ""
    shown = (f" {prefix}" if flags.space else "").join(pairs)
    shown = prefix + shown
    return padded(shown if verb == "x" else shown.upper(), flags)


def integer(value: int, verb: str, flags: Flags, *, unsigned: bool = False) -> str | None:
    """An integer by one of the verbs ``v d b o O x X c q U``; None for another verb."""
    if verb in ("c", "q"):
        return _character(value, verb, flags)
    if verb == "U":
        return _code_point(value, flags)
    if verb not in _BASES:
        return None
    if verb == "v" and flags.go_syntax and unsigned:
        return integer(value, "x", replace(flags, sharp=True))
    return _digits(value, verb, flags)


def _digits(value: int, verb: str, flags: Flags) -> str:
    negative = value < 0
    shown = _in_base(abs(value), _BASES[verb])
    precision = flags.precision
    if precision == 0 and value == 0:
        return " " * (flags.width or 0)
    if precision is None and flags.zero and not flags.minus and flags.width is not None:
        precision = flags.width - (negative or flags.plus or flags.space)
    shown = shown.rjust(precision or 0, "0")
    shown = shown.upper() if verb == "X" else shown
    if flags.sharp and verb in _PREFIXES and not (verb in "oO" and shown.startswith("0")):
        shown = _PREFIXES[verb] + shown
    if verb == "O":
        shown = "0o" + shown
    sign = "-" if negative else "+" if flags.plus else " " if flags.space else ""
    return _blank_padded(sign + shown, flags)


def _in_base(value: int, base: int) -> str:
    return format(value, {2: "b", 8: "o", 10: "d", 16: "x"}[base])


def _character(value: int, verb: str, flags: Flags) -> str:
    valid = 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000
    character = chr(value) if valid else "�"
    if verb == "c":
        return padded(character, flags)
    shown = "\\'" if character == "'" else '"' if character == '"' else quoted(character, flags)[1:-1]
    return padded(f"'{shown}'", flags)


def _code_point(value: int, flags: Flags) -> str:
    code = value % 2**64
    shown = f"U+{code:0{max(4, flags.precision or 0)}X}"
    if flags.sharp and code <= 0x10FFFF and chr(code).isprintable():
        shown += f" '{chr(code)}'"
    return _blank_padded(shown, flags)


def shortest(value: float, low: int = -4, high: int = 6) -> str:
    """A float64 with the fewest digits that identify it.

    It has an exponent if the value is below 10^low, or 10^high and above.
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    number = Decimal(repr(abs(value)))
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0") or "0"
    exponent = number.adjusted() if value else 0
    if exponent < low or exponent >= high:
        behind = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{behind}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole, behind = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
    return f"{sign}{whole}.{behind}" if behind else sign + whole


def floating(value: float, verb: str, flags: Flags) -> str | None:
    """A float64 by one of the verbs ``v b g G x X f F e E``; None for another verb."""
    number = _float_digits(value, verb, flags.precision)
    if number is None:
        return None
    if number[0] not in "+-":
        number = "+" + number
    if not math.isfinite(value):
        return _blank_padded(_signed(number, flags, nan=math.isnan(value)), flags)
    if flags.sharp and verb != "b":
        number = _with_point(number, verb, flags.precision)
    shown = _signed(number, flags, nan=False)
    if flags.zero and not flags.minus and flags.width is not None and shown[0] in "+- ":
        return shown[0] + shown[1:].rjust(flags.width - 1, "0")
    return padded(shown, flags)


def _signed(number: str, flags: Flags, *, nan: bool) -> str:
    if number[0] == "-" or flags.plus:
        return number
    if flags.space:
        return " " + number[1:]
    return number[1:] if nan or number[1] != "I" else number


def _float_digits(value: float, verb: str, precision: int | None) -> str | None:
    if verb not in "vbgGxXfFeE":
        return None
    if not math.isfinite(value):
        return shortest(value)
    if verb in "vgG" and precision is None:
        shown = shortest(value)
        return shown.upper() if verb == "G" else shown
    if verb in "bxX":
        shown = _binary(value) if verb == "b" else _hex_float(value, precision)
        return shown.upper() if verb == "X" else shown
    kind = {"v": "g", "F": "f"}.get(verb, verb)
    return f"{value:.{precision if precision is not None else 6}{kind}}"


def _hex_float(value: float, precision: int | None) -> str:
    """A float64 in hexadecimal, such as ``0x1.8p+00`` (strconv's fmtX)."""
    mantissa, power = math.frexp(abs(value))
    whole, power = int(mantissa * 2**61), power - 1 if value else 0
    if precision is not None and precision < 15:
        step = 2 ** (60 - 4 * precision)
        # Round to the nearest, and to the even one of two equally near.
        whole = (whole + step // 2 - (whole // step % 2 == 0)) // step * step
    if whole >= 2**61:
        whole, power = whole // 2, power + 1
    digits = f"{whole % 2**60:015x}"
    digits = digits.rstrip("0") if precision is None else digits[:precision].ljust(precision, "0")
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    behind = f".{digits}" if digits else ""
    return f"{sign}0x{whole >> 60}{behind}p{'-' if power < 0 else '+'}{abs(power):02d}"


def _binary(value: float) -> str:
    """A float64 with a binary exponent, such as ``6755399441055744p-52``. The smallest exponent is -1074."""
    exponent = max(math.frexp(value)[1] - 53, -1074) if value else -1074
    # Scale in two steps, because 2 ** 1074 does not fit into a float.
    whole = int(math.ldexp(math.ldexp(abs(value), -exponent // 2), -exponent - -exponent // 2))
    return f"{'-' if math.copysign(1.0, value) < 0 else ''}{whole}p{exponent:+d}"


def _with_point(number: str, verb: str, precision: int | None) -> str:
    """A number with what the ``#`` flag adds: a decimal point, and for ``g`` trailing zeros."""
    head, mark, tail = number, "", ""
    for letter in "pP" if verb in "xX" else "eE":
        if letter in number:
            head, mark, tail = number.partition(letter)
    digits = (6 if precision is None else precision) if verb in "vgGx" else 0
    shown = head[1:].replace(".", "")
    digits -= len(shown.lstrip("0")) or (1 if shown == "0" else 0)
    if "." not in head:
        head += "."
    return head + "0" * max(0, digits) + mark + tail


def complex_pair(value: complex, verb: str, flags: Flags) -> str | None:
    """A complex128, such as ``(1+2i)``; None for a verb that is not one of floats."""
    real = floating(value.real, verb, flags)
    imaginary = floating(value.imag, verb, replace(flags, plus=True))
    return None if real is None else f"({real}{imaginary}i)"
