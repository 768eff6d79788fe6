"""Compiles, type-checks and evaluates the CEL expressions of a Receiver as cel-go does in Flux.

The library, Google's own C++ extension, is imported with the first expression: Receivers without filters never load it.

Source: fluxcd/pkg runtime/cel/expression.go; docs/decisions/0012.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_MESSAGE_LIMIT = 500
_NOT_JSON = ("optional_type", "timestamp", "duration", "type<")


class InvalidExpression(ValueError):
    """An expression does not parse, does not type-check or has another type than asked for."""


class ExpressionFailed(ValueError):
    """An expression could not be evaluated on this input."""


def check_expression(expression: str, variables: tuple[str, ...], *, boolean: bool) -> None:
    """Refuse what does not compile.

    Args:
        expression: CEL, with the extensions strings, encoders and optional types.
        variables: names of the JSON objects it may use.
        boolean: True when it must be of type bool.

    Raises:
        InvalidExpression: with Flux's texts around the compiler's own.
    """
    _compiled(expression, variables, boolean)


def evaluate(expression: str, documents: Mapping[str, Mapping[str, object]], *, boolean: bool) -> object:
    """The value of an expression.

    Args:
        expression: CEL.
        documents: JSON objects by variable name; all numbers are seen as doubles, as in a protobuf Struct.
        boolean: True when it must be of type bool.

    Raises:
        InvalidExpression: it does not compile.
        ExpressionFailed: evaluation ended in an error, e.g. a missing member.
    """
    program = _compiled(expression, tuple(documents), boolean)
    try:
        value = program.eval(data={name: _struct(document) for name, document in documents.items()})
        if value.type().name() == "ERROR":
            raise ExpressionFailed(_message("failed to evaluate the CEL expression", expression, value.value()))
        plain: object = value.plain_value()
    except (RuntimeError, TypeError, OverflowError, SystemError) as error:
        raise ExpressionFailed(_message("failed to evaluate the CEL expression", expression, error)) from error
    return plain


@functools.lru_cache(maxsize=256)
def _compiled(expression: str, variables: tuple[str, ...], boolean: bool) -> Any:
    from cel_expr_python import cel  # type: ignore[import-untyped]
    from cel_expr_python.ext import ext_encoders, ext_optional, ext_strings  # type: ignore[import-untyped]

    document = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    extensions = [ext_strings.ExtStrings(), ext_encoders.ExtEncoders(), ext_optional.ExtOptional(), _sets(cel)]
    environment = cel.NewEnv(variables=dict.fromkeys(variables, document), extensions=extensions)
    try:
        program = environment.compile(expression)
    except (RuntimeError, TypeError) as error:
        raise InvalidExpression(_message("failed to parse the CEL expression", expression, error)) from error
    found = program.return_type().name().lower()
    if boolean and found != "bool":
        raise InvalidExpression(f"CEL expression output type mismatch: expected bool, got {found}")
    # The library cannot take times back, nor hand out an optional value: inside a map that ends the process.
    if any(kind in found for kind in _NOT_JSON):
        raise InvalidExpression(f"CEL expression output type mismatch: expected a JSON value, got {found}")
    return program


def _sets(cel: Any) -> Any:
    # cel-go's ext.Sets, which Flux enables and the library does not bring.
    def contains(whole: Sequence[object], part: Sequence[object]) -> bool:
        return all(intersects([one], whole) for one in part)

    def intersects(one: Sequence[object], other: Sequence[object]) -> bool:
        # Python holds true and 1 for equal, CEL does not.
        return any(a == b and isinstance(a, bool) == isinstance(b, bool) for a in one for b in other)

    def equivalent(one: Sequence[object], other: Sequence[object]) -> bool:
        return contains(one, other) and contains(other, one)

    def declared(name: str, meaning: Callable[[Sequence[object], Sequence[object]], bool]) -> Any:
        lists = [cel.Type.List(cel.Type.DYN)] * 2

        def bound(one: Sequence[Any], other: Sequence[Any]) -> bool:
            return meaning(_plain(one), _plain(other))

        overload = cel.Overload(id=f"list_sets_{name}_list", return_type=cel.Type.BOOL, parameters=lists, impl=bound)
        return cel.FunctionDecl(f"sets.{name}", [overload])

    meanings = {"contains": contains, "intersects": intersects, "equivalent": equivalent}
    return cel.CelExtension("tagstream.sets", [declared(name, meaning) for name, meaning in meanings.items()])


def _plain(values: Sequence[Any]) -> list[object]:
    return [one.plain_value() if hasattr(one, "plain_value") else one for one in values]


def _struct(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _struct(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_struct(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _message(what: str, expression: str, error: object) -> str:
    text = str(error).removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")
    return f"{what} '{expression}': {text}"[:_MESSAGE_LIMIT]
