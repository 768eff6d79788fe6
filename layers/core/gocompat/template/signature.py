"""Signatures of the functions that templates call.

In: Go's parameter types as text. Out: Function.
"""

from __future__ import annotations

from collections.abc import Callable

from gocompat.template.values import ANY, BOOL, DICT, FLOAT64, INT, STRING, Function, GoType, Value, named

TIME = named("time.Time", "struct")
_TYPES: dict[str, GoType] = {
    "any": ANY,
    "bool": BOOL,
    "dict": DICT,
    "float64": FLOAT64,
    "int": INT,
    "string": STRING,
    "time": TIME,
}


def function(parameters: str, call: Callable[..., Value], cost: int = 0) -> Function:
    """A function by its parameters.

    Args:
        parameters: type names with commas between; ``...T`` last for any number.
        call: takes them in order.
        cost: steps a call counts for, beside those for the size of what it is given and returns.
    """
    names = [one.strip() for one in parameters.split(",") if one.strip()]
    variadic = bool(names) and names[-1].startswith("...")
    return Function(tuple(_TYPES[one.removeprefix("...")] for one in names), call, variadic, cost)
