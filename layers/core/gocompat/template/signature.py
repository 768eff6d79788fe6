"""Makes the Function values of sprig's tables from Go's parameter types written as text."""

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
    """A function that templates can call.

    Args:
        parameters: type names separated by commas; the last one may be ``...T`` for any number of arguments.
        call: takes the arguments in order.
        cost: the steps that a call costs, in addition to those for the size of its arguments and result.
    """
    names = [one.strip() for one in parameters.split(",") if one.strip()]
    variadic = bool(names) and names[-1].startswith("...")
    return Function(tuple(_TYPES[one.removeprefix("...")] for one in names), call, variadic, cost)
