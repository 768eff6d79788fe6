"""The half of a template's execution that looks up fields and methods and calls functions.

The other half, which walks the tree, is in evaluate.py.

Source: Go text/template/exec.go (evalField, evalCall, evalArg, validateType).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gocompat.template import nodes
from gocompat.template.bounds import Meter, TooLarge, weigh
from gocompat.template.builtins import call_value, either, method_of
from gocompat.template.faults import CallError, ExecutionError
from gocompat.template.values import (
    ANY,
    NIL_INTERFACE,
    REFLECT,
    SIGNED,
    UNSIGNED,
    Charged,
    Duration,
    Function,
    GoMap,
    GoStruct,
    GoType,
    Int64,
    Uint64,
    Value,
    element,
    truth,
    type_of,
    zero_of,
)

_NILABLE = ("interface", "map", "slice", "func", "ptr")
_INTEGERS: Mapping[str, type[int]] = {"int64": Int64, "uint64": Uint64, "time.Duration": Duration}


_WORDS: Mapping[str, str] = {
    **dict.fromkeys(SIGNED, "integer"),
    **dict.fromkeys(UNSIGNED, "unsigned integer"),
    "bool": "bool",
    "float64": "float",
    "string": "string",
}


class Missing:
    """The type of MISSING."""


MISSING = Missing()
"""Stands for the last argument of a call if no value is piped into it, and for a field that does not exist."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function call.

    ``node`` is the one that errors point at, ``arguments`` are its argument nodes, ``final`` is the piped value.
    """

    name: str
    function: Function
    node: nodes.Node
    arguments: Sequence[nodes.Node]
    final: Value

    @property
    def given(self) -> int:
        """The number of arguments, including a piped one."""
        return len(self.arguments) + (self.final is not MISSING)


class Calls(ABC):
    """Looks up fields and methods and calls functions; evaluate.py supplies the abstract methods."""

    def __init__(self, functions: Mapping[str, Function], meter: Meter) -> None:
        self._functions = functions
        self._meter = meter
        # The containers that dot, and the value whose field is wanted, come from. Go's errors say interface {} for an
        # element of a []interface{} or a map[string]interface{}.
        self._dot_in: GoType | None = None
        self._found_in: GoType | None = None

    @abstractmethod
    def _fault(self, words: str) -> ExecutionError: ...

    @abstractmethod
    def _at(self, node: nodes.Node) -> None: ...

    @abstractmethod
    def _pipe(self, dot: Value, pipe: nodes.Pipe) -> Value: ...

    @abstractmethod
    def _variable(self, dot: Value, node: nodes.Variable, behind: Sequence[nodes.Node], final: Value) -> Value: ...

    @abstractmethod
    def _literal(self, dot: Value, node: nodes.Node) -> Value: ...

    def _fields(self, dot: Value, node: nodes.Field, behind: Sequence[nodes.Node], final: Value) -> Value:
        self._at(node)
        self._found_in = self._dot_in
        return self._chain(dot, dot, node, node.names, (behind, final))

    def _chained(self, dot: Value, node: nodes.Chain, behind: Sequence[nodes.Node], final: Value) -> Value:
        self._at(node)
        if isinstance(node.base, nodes.Nil):
            raise self._fault(f"indirection through explicit nil in {node}")
        base = self._argument(dot, None, node.base)
        self._found_in = None
        return self._chain(dot, base, node, node.names, (behind, final))

    def _chain(
        self,
        dot: Value,
        receiver: Value,
        node: nodes.Node,
        names: Sequence[str],
        given: tuple[Sequence[nodes.Node], Value],
    ) -> Value:
        for name in names[:-1]:
            container = type_of(receiver) if isinstance(receiver, GoMap) else None
            receiver = self._field(dot, receiver, node, name, ((), MISSING))
            self._found_in = container
        return self._field(dot, receiver, node, names[-1], given)

    def _field(
        self,
        dot: Value,
        receiver: Value,
        node: nodes.Node,
        name: str,
        given: tuple[Sequence[nodes.Node], Value],
    ) -> Value:
        if receiver is None:
            return None
        if receiver is NIL_INTERFACE:
            raise self._fault(f"nil pointer evaluating interface {{}}.{name}")
        behind, final = given
        has_arguments = bool(behind) or final is not MISSING
        if isinstance(receiver, GoStruct):
            if name in receiver.methods:
                return self._call(dot, Call(name, receiver.methods[name], node, behind, final))
            found = _member(receiver, name)
            if found is not MISSING:
                if has_arguments:
                    raise self._fault(f"{name} has arguments but cannot be invoked as function")
                return found
        if isinstance(receiver, GoMap) and receiver.go_type.key is not None and receiver.go_type.key.kind == "string":
            if has_arguments:
                raise self._fault(f"{name} is not a method but has arguments")
            if name not in receiver.entries:
                return None
            return element(receiver.entries[name], receiver.go_type.elem)
        method = method_of(receiver, name)
        if method is not None:
            return self._call(dot, Call(name, method, node, behind, final))
        raise self._fault(f"can't evaluate field {name} in type {self._seen_type(receiver)}")

    def _seen_type(self, receiver: Value) -> GoType:
        if self._found_in is not None and self._found_in.elem is ANY:
            return ANY
        return receiver.shown_type if isinstance(receiver, GoStruct) and receiver.shown_type else type_of(receiver)

    def _function(
        self, dot: Value, node: nodes.Identifier, whole: nodes.Node, behind: Sequence[nodes.Node], final: Value
    ) -> Value:
        self._at(node)
        return self._call(dot, Call(node.name, self._functions[node.name], whole, behind, final))

    def _call(self, dot: Value, call: Call) -> Value:
        function, fixed = call.function, len(call.function.parameters)
        if function.variadic:
            fixed -= 1
            if call.given < fixed:
                raise self._fault(
                    f"wrong number of args for {call.name}: want at least {fixed} got {len(call.arguments)}"
                )
        elif call.given != fixed:
            raise self._fault(f"wrong number of args for {call.name}: want {fixed} got {call.given}")
        if function.call is either:
            return self._either(dot, call)
        values = [
            self._argument(dot, function.parameters[min(index, len(function.parameters) - 1)], argument)
            for index, argument in enumerate(call.arguments)
        ]
        if call.final is not MISSING:
            last = function.parameters[min(len(values), len(function.parameters) - 1)]
            values.append(self._fitting(call.final, last))
        return self._called(call, values)

    def _called(self, call: Call, values: list[Value]) -> Value:
        try:
            self._charge(values, call.function.cost)
            if call.function.call is call_value:
                result = call_value(_callee(call, values[0]), *values)
            else:
                result = call.function.call(*values)
            if isinstance(result, Charged):
                self._charge((), result.steps)
                result = result.value
            self._charge([result])
        except (CallError, TooLarge) as error:
            self._at(call.node)
            raise self._fault(f"error calling {call.name}: {error}") from error
        return result

    def _charge(self, values: Sequence[Value], cost: int = 0) -> None:
        if not self._meter.step(cost + sum(weigh(value) for value in values)):
            raise TooLarge(f"exceeded maximum of {self._meter.steps} steps")

    def _either(self, dot: Value, call: Call) -> Value:
        """``and`` and ``or``: evaluate arguments only until the result is decided."""
        value: Value = None
        for argument in call.arguments:
            value = self._argument(dot, REFLECT, argument)
            if truth(value) == (call.name == "or"):
                return value
        return value if call.final is MISSING else call.final

    def _argument(self, dot: Value, wanted: GoType | None, node: nodes.Node) -> Value:
        self._at(node)
        if isinstance(node, nodes.Nil):
            if wanted is not None and (wanted.kind in _NILABLE or wanted is REFLECT):
                return zero_of(wanted) if wanted.kind in ("map", "slice") else None
            raise self._fault(f"cannot assign nil to {wanted}")
        if isinstance(node, nodes.Dot):
            return self._fitting(dot, wanted)
        if isinstance(node, nodes.Field):
            return self._fitting(self._fields(dot, node, (), MISSING), wanted)
        if isinstance(node, nodes.Variable):
            return self._fitting(self._variable(dot, node, (), MISSING), wanted)
        if isinstance(node, nodes.Pipe):
            return self._fitting(self._pipe(dot, node), wanted)
        if isinstance(node, nodes.Identifier):
            return self._fitting(self._function(dot, node, node, (), MISSING), wanted)
        if isinstance(node, nodes.Chain):
            return self._fitting(self._chained(dot, node, (), MISSING), wanted)
        return self._literal_argument(dot, wanted or ANY, node)

    def _literal_argument(self, dot: Value, wanted: GoType, node: nodes.Node) -> Value:
        if wanted is ANY or wanted is REFLECT:
            return self._literal(dot, node)
        kind = wanted.kind
        number = node.number if isinstance(node, nodes.Constant) else None
        if kind == "bool" and isinstance(node, nodes.Bool):
            return node.value
        if kind == "string" and isinstance(node, nodes.String):
            return node.text
        if kind in SIGNED and number is not None and number.integer is not None:
            return _INTEGERS.get(wanted.name, int)(number.integer)
        if kind in UNSIGNED and number is not None and number.unsigned is not None:
            return _INTEGERS.get(wanted.name, int)(number.unsigned)
        if kind == "float64" and number is not None and number.real is not None:
            return number.real
        word = _WORDS.get(kind)
        if word:
            raise self._fault(f"expected {word}; found {node}")
        raise self._fault(f"can't handle {node} for arg of type {wanted}")

    def _fitting(self, value: Value, wanted: GoType | None) -> Value:
        """A value as an argument of a type (validateType).

        Raises:
            ExecutionError: the value does not have that type.
        """
        if wanted is None:
            return value
        if wanted is ANY or wanted is REFLECT:
            return None if value is NIL_INTERFACE else value
        if value is None:
            if wanted.kind in _NILABLE:
                return zero_of(wanted) if wanted.kind != "interface" else None
            raise self._fault(f"invalid value; expected {wanted}")
        found = type_of(value)
        if found == wanted:
            return value
        # Old templates pass an image of .Updated to functions such as contains: there it counts as its text.
        if wanted.kind == "string" and isinstance(value, GoStruct) and value.shown_type and value.text is not None:
            return value.text
        raise self._fault(f"wrong type for value; expected {wanted}; got {found}")


def _callee(call: Call, value: Value) -> str:
    """How an error of ``call`` names its function: as written, or as reflect.Value.String for a piped value."""
    if call.arguments:
        return str(call.arguments[0])
    if value is None:
        return "<invalid Value>"
    return value if isinstance(value, str) else f"<{type_of(value)} Value>"


def _member(receiver: GoStruct, name: str) -> Value:
    for known, value in receiver.fields:
        if known == name:
            return value
    return receiver.hidden[name]() if name in receiver.hidden else MISSING
