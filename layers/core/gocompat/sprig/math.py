"""sprig's functions for numbers. They take any value that cast.py can convert.

Results are int64, float64 or lists of int, as in sprig.

Source: sprig numeric.go and functions.go v3.3.0; shopspring/decimal v1.4.0 (division to 16 places).
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable, Mapping

from gocompat.sprig.cast import to_float, to_int, to_int64, wrapped
from gocompat.template.bounds import TooLarge, check_size
from gocompat.template.faults import CallError
from gocompat.template.printf import show
from gocompat.template.signature import function
from gocompat.template.values import INT, Function, GoSlice, Int64, Value, slice_of

_INTS = slice_of(INT)
_EXACT = decimal.Context(prec=1000, rounding=decimal.ROUND_HALF_UP)
_DIGITS = re.compile("[+-]?([0-9]+)")
_DIVISION_PLACES = decimal.Decimal("1e-16")


def add(*values: Value) -> Int64:
    """``add``: the sum, as an int64 that wraps around."""
    return Int64(wrapped(sum(to_int(one) for one in values)))


def multiply(first: Value, *values: Value) -> Int64:
    """``mul``: the product, as an int64 that wraps around."""
    result = to_int(first)
    for one in values:
        result = wrapped(result * to_int(one))
    return Int64(result)


def divide(left: Value, right: Value) -> Int64:
    """``div``: the quotient, rounded towards zero."""
    quotient, _ = _divided(left, right)
    return Int64(wrapped(quotient))


def remainder(left: Value, right: Value) -> Int64:
    """``mod``: the remainder, with the sign of the dividend."""
    return Int64(_divided(left, right)[1])


def _divided(left: Value, right: Value) -> tuple[int, int]:
    one, other = to_int(left), to_int(right)
    if other == 0:
        raise CallError("runtime error: integer divide by zero")
    quotient = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
    return quotient, one - quotient * other


def count_to(start: int, stop: int, step: int) -> GoSlice:
    """``untilStep``: the integers from ``start`` up or down to, but not including, ``stop``.

    Raises:
        TooLarge: the list would have more than 100,000 elements.
    """
    if not step or (stop < start) != (step < 0):
        return GoSlice([], _INTS)
    check_size(-((start - stop) // step), "elements")
    return GoSlice(list(range(start, stop, step)), _INTS)


def until(count: int) -> GoSlice:
    """``until``: the integers from 0 up or down to, but not including, ``count``."""
    return count_to(0, count, -1 if count < 0 else 1)


def seq(*bounds: int) -> str:
    """``seq``: integers separated by spaces, the last one included, as the command seq prints them."""
    if len(bounds) not in (1, 2, 3):
        return ""
    start, end = (1 if len(bounds) == 1 else bounds[0]), bounds[-1]
    direction = -1 if end < start else 1
    step = bounds[1] if len(bounds) == 3 else direction
    if len(bounds) == 3 and end < start and step > 0:
        return ""
    return " ".join(str(one) for one in count_to(start, end + direction, step).items)


def _whole(value: float, rounded: Callable[[float], int]) -> float:
    if not math.isfinite(value):
        return value
    return math.copysign(float(rounded(value)), value)


def round_to(value: Value, places: int, *threshold: float) -> float:
    """``round``: a number rounded to some places.

    Args:
        value: the number.
        places: digits after the decimal point.
        threshold: the fraction from which it is rounded up; 0.5 if not given.
    """
    number = to_float(value)
    try:
        power = math.pow(10, float(places))
    except OverflowError:
        power = math.inf
    digit = power * number
    if math.isinf(digit) and math.isfinite(power):
        return digit
    if not math.isfinite(digit) or power == 0:
        return math.nan
    fraction = math.modf(digit)[0]
    rounded = math.ceil(digit) if fraction >= (threshold[0] if threshold else 0.5) else math.floor(digit)
    # Go keeps the sign of a zero.
    return rounded / power or math.copysign(0.0, digit)


def to_decimal(value: Value) -> Int64:
    """``toDecimal``: the value of octal digits; 0 if there are other characters or the value needs over 63 bits."""
    text = show(value)
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits or len(digits) > 25 or any(one not in "01234567" for one in digits):
        return Int64(0)
    number = int(digits, 8) * (-1 if text[0] == "-" else 1)
    return Int64(number if -(2**63) <= number < 2**63 else 0)


def _decimal(value: Value) -> decimal.Decimal:
    number = to_float(value)
    if not math.isfinite(number):
        raise CallError(f"Cannot create a Decimal from {show(number)}")
    return decimal.Decimal(repr(number))


def _exactly(
    operation: Callable[[decimal.Decimal, decimal.Decimal], decimal.Decimal],
) -> Callable[..., float]:
    def run(first: Value, *values: Value) -> float:
        result = _decimal(first)
        try:
            for one in values:
                result = operation(result, _decimal(one))
        except (decimal.InvalidOperation, decimal.Overflow) as error:
            raise TooLarge("number exceeds the maximum of 1000 digits") from error
        # The decimal library of sprig has no negative zero.
        return float(result) + 0.0

    return run


def _quotient(left: decimal.Decimal, right: decimal.Decimal) -> decimal.Decimal:
    if right == 0:
        raise CallError("decimal division by 0")
    return _EXACT.quantize(_EXACT.divide(left, right), _DIVISION_PLACES)


_SUM = _exactly(_EXACT.add)


def _extreme(choose: Callable[[int, int], int]) -> Callable[..., Int64]:
    def run(first: Value, *values: Value) -> Int64:
        result = to_int(first)
        for one in values:
            result = choose(result, to_int(one))
        return Int64(result)

    return run


def _float_extreme(choose: Callable[..., float]) -> Callable[..., float]:
    def run(first: Value, *values: Value) -> float:
        numbers = [to_float(one) for one in (first, *values)]
        if any(math.isnan(one) for one in numbers):
            return math.nan
        return choose(numbers, key=lambda one: (one, math.copysign(1.0, one)))

    return run


def atoi(text: str) -> int:
    """``atoi``: strconv.Atoi without its error. 0 if the text is no number, the nearest int64 if it is too large."""
    found = _DIGITS.match(text)
    if found is None:
        return 0
    digits = found[1].lstrip("0")
    number = int(digits or "0") if len(digits) < 25 else 2**64
    # Atoi returns the nearest int64 as soon as the number no longer fits, before it sees what follows.
    if found.end() < len(text) and number < 2**64:
        return 0
    return max(-(2**63), -number) if text[0] == "-" else min(2**63 - 1, number)


FUNCTIONS: Mapping[str, Function] = {
    "atoi": function("string", atoi),
    "int": function("any", to_int),
    "int64": function("any", to_int64),
    "float64": function("any", to_float),
    "toDecimal": function("any", to_decimal),
    "seq": function("...int", seq),
    "until": function("int", until),
    "untilStep": function("int, int, int", count_to),
    "add1": function("any", lambda value: add(value, 1)),
    "add": function("...any", add),
    "sub": function("any, any", lambda left, right: Int64(wrapped(to_int(left) - to_int(right)))),
    "div": function("any, any", divide),
    "mod": function("any, any", remainder),
    "mul": function("any, ...any", multiply),
    "add1f": function("any", lambda value: _SUM(value, 1)),
    "addf": function("...any", lambda *values: _SUM(0.0, *values)),
    "subf": function("any, ...any", _exactly(_EXACT.subtract)),
    "mulf": function("any, ...any", _exactly(_EXACT.multiply)),
    "divf": function("any, ...any", _exactly(_quotient)),
    "biggest": function("any, ...any", _extreme(max)),
    "max": function("any, ...any", _extreme(max)),
    "min": function("any, ...any", _extreme(min)),
    "maxf": function("any, ...any", _float_extreme(max)),
    "minf": function("any, ...any", _float_extreme(min)),
    "floor": function("any", lambda value: _whole(to_float(value), math.floor)),
    "ceil": function("any", lambda value: _whole(to_float(value), math.ceil)),
    "round": function("any, int, ...float64", round_to),
}
