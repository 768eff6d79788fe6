"""Executes a parsed Go template.

It has no access to anything but the functions and the data that the caller passes, and its run is bounded.

Source: Go text/template/exec.go; vectors gotemplate.json and templates.json (``stage`` exec).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gocompat.template import nodes
from gocompat.template.bounds import Meter, TooLarge, count_elements, weigh
from gocompat.template.calls import MISSING, Calls
from gocompat.template.faults import ExecutionError
from gocompat.template.parser import Tree
from gocompat.template.printf import show, sprintf
from gocompat.template.values import (
    NIL_INTERFACE,
    SIGNED,
    UNSIGNED,
    Function,
    GoMap,
    GoSlice,
    GoType,
    Value,
    element,
    raw,
    sorted_entries,
    truth,
    type_of,
)

MAX_DEPTH = 60
"""Levels of templates that call each other and of nested expressions. Go allows 100,000 levels of templates."""


class _Break(Exception):
    """Leaves a range at ``{{break}}``."""


class _Continue(Exception):
    """Goes on with the next element of a range at ``{{continue}}``."""


def execute(tree: Tree, functions: Mapping[str, Function], data: Value, meter: Meter) -> str:
    """Execute a template (Template.Execute).

    Args:
        tree: the parsed template.
        functions: the functions by name, as ``gocompat.sprig.functions.load`` returns them.
        data: the value of dot.
        meter: counts steps and output, and has their bounds.

    Raises:
        ExecutionError: ``template: NAME:LINE:COLUMN: executing "NAME" at <…>: …``, in Go's words, or because a bound is
            exceeded.
    """
    return _Execution(tree, functions, meter).run(data)


class _Execution(Calls):
    def __init__(self, tree: Tree, functions: Mapping[str, Function], meter: Meter) -> None:
        super().__init__(functions, meter)
        self._tree = tree
        self._out: list[str] = []
        self._name = tree.name
        self._node: nodes.Node | None = None
        self._variables: list[list[Value]] = []
        self._depth = 0

    def run(self, data: Value) -> str:
        self._variables = [["$", data, None]]
        root = self._tree.templates.get(self._tree.name)
        if root is None:
            raise ExecutionError(f'template: {self._name}: "{self._name}" is an incomplete or empty template')
        try:
            self._walk_all(data, root)
        except RecursionError:
            raise self._fault(f"exceeded maximum template depth ({MAX_DEPTH})") from None
        return "".join(self._out)

    def _fault(self, words: str) -> ExecutionError:
        node = self._node or nodes.Text(0, "")
        before = self._tree.text[: node.position]
        line = before.count("\n") + 1
        column = len(raw(before.rpartition("\n")[2]))
        place = f"{self._tree.name}:{line}:{column}"
        shown = sprintf("%q", [self._name])
        return ExecutionError(f"template: {place}: executing {shown} at <{node}>: {words}")

    def _at(self, node: nodes.Node) -> None:
        self._node = node
        if not self._meter.step():
            raise self._fault(f"exceeded maximum of {self._meter.steps} steps")

    def _write(self, text: str) -> None:
        if not self._meter.write(len(text)):
            raise self._fault(f"exceeded maximum output of {self._meter.size} characters")
        self._out.append(text)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault(f"exceeded maximum template depth ({MAX_DEPTH})")

    # Blocks.

    def _walk_element(self, dot: Value, block: nodes.Block, container: GoType | None) -> None:
        """Execute a block with a dot of its own, which may be an element of a container."""
        before, self._dot_in = self._dot_in, container
        try:
            self._walk_all(dot, block)
        finally:
            self._dot_in = before

    def _walk_all(self, dot: Value, block: nodes.Block) -> None:
        for node in block.nodes:
            self._at(node)
            self._walk(dot, node)

    def _walk(self, dot: Value, node: nodes.Node) -> None:
        if isinstance(node, nodes.Text):
            self._write(node.text)
        elif isinstance(node, nodes.Action):
            value = self._pipe(dot, node.pipe)
            if not node.pipe.variables:
                self._print(node, value)
        elif isinstance(node, nodes.Branch):
            self._deeper()
            mark = len(self._variables)
            if node.kind == "range":
                self._range(dot, node)
            else:
                self._choose(dot, node)
            del self._variables[mark:]
            self._depth -= 1
        elif isinstance(node, nodes.Include):
            self._include(dot, node)
        elif isinstance(node, nodes.Jump):
            raise _Break if node.kind == "break" else _Continue

    def _print(self, node: nodes.Action, value: Value) -> None:
        self._node = node
        if isinstance(value, Function):
            raise self._fault(f"can't print {node} of type {value.go_type}")
        try:
            enough = self._meter.step(weigh(value))
        except TooLarge as error:
            raise self._fault(str(error)) from error
        if not enough:
            raise self._fault(f"exceeded maximum of {self._meter.steps} steps")
        self._write("<no value>" if value is None else show(value))

    def _choose(self, dot: Value, node: nodes.Branch) -> None:
        value = self._pipe(dot, node.pipe)
        if truth(value) and node.kind == "with":
            self._walk_element(value, node.body, None)
        elif truth(value):
            self._walk_all(dot, node.body)
        elif node.otherwise is not None:
            self._walk_all(dot, node.otherwise)

    def _range(self, dot: Value, node: nodes.Branch) -> None:
        depth = self._depth
        try:
            self._turns(dot, node)
        except _Break:
            # As in Go, a break in the else of a range ends that range, not the one around it.
            self._depth = depth

    def _turns(self, dot: Value, node: nodes.Branch) -> None:
        value = self._pipe(dot, node.pipe)
        if not self._meter.step(count_elements(value)):
            raise self._fault(f"exceeded maximum of {self._meter.steps} steps")
        entries = self._entries(value, node)
        container = type_of(value) if isinstance(value, GoSlice | GoMap) else None
        mark, depth = len(self._variables), self._depth
        ran = False
        for index, elem in entries:
            ran = True
            self._at(node.pipe)
            self._bind(node.pipe, index, elem, container)
            try:
                self._walk_element(elem, node.body, container)
            except _Continue:
                pass
            finally:
                del self._variables[mark:]
                self._depth = depth
        if not ran and node.otherwise is not None:
            self._walk_all(dot, node.otherwise)

    def _entries(self, value: Value, node: nodes.Branch) -> Iterable[tuple[Value, Value]]:
        if value is None or value is NIL_INTERFACE:
            return []
        kind = type_of(value).kind
        if isinstance(value, GoSlice):
            elem = value.go_type.elem
            return [(index, element(one, elem)) for index, one in enumerate(value.items)]
        if isinstance(value, GoMap):
            elem = value.go_type.elem
            return [(key, element(one, elem)) for key, one in sorted_entries(value)]
        if kind in SIGNED or kind in UNSIGNED:
            if len(node.pipe.variables) > 1:
                raise self._fault(f"can't use {show(value)} to iterate over more than one variable")
            make = type(value)
            counted = range(max(0, int(value)))
            return zip((None for _ in counted), map(make, counted), strict=True)
        raise self._fault(f"range can't iterate over {show(value)}")

    def _bind(self, pipe: nodes.Pipe, index: Value, elem: Value, container: GoType | None) -> None:
        names = pipe.variables
        if not names:
            return
        if pipe.assigns:
            if len(names) > 1:
                self._assign(names[0].names[0], index)
            self._assign(names[-1].names[0], elem, container)
            return
        self._variables[-1][1:] = elem, container
        if len(names) > 1:
            self._variables[-2][1] = index

    def _include(self, dot: Value, node: nodes.Include) -> None:
        block = self._tree.templates.get(node.name)
        if block is None:
            raise self._fault(f"template {sprintf('%q', [node.name])} not defined")
        self._deeper()
        inner = self._pipe(dot, node.pipe) if node.pipe else None
        name, variables = self._name, self._variables
        self._name, self._variables = node.name, [["$", inner, None]]
        self._walk_element(inner, block, None)
        self._name, self._variables = name, variables
        self._depth -= 1

    # Pipelines.

    def _assign(self, name: str, value: Value, container: GoType | None = None) -> None:
        for variable in reversed(self._variables):
            if variable[0] == name:
                variable[1:] = value, container
                return
        raise self._fault(f"undefined variable: {name}")

    def _pipe(self, dot: Value, pipe: nodes.Pipe) -> Value:
        self._at(pipe)
        self._deeper()
        value: Value = MISSING
        for command in pipe.commands:
            value = self._command(dot, command, value)
            if value is NIL_INTERFACE:
                value = None
        for variable in pipe.variables:
            if pipe.assigns:
                self._assign(variable.names[0], value)
            else:
                # A range sets its variables at each turn, so each needs a place of its own.
                self._variables.append([variable.names[0], value, None])
        self._depth -= 1
        return value

    def _command(self, dot: Value, command: nodes.Command, final: Value) -> Value:
        first, behind = command.arguments[0], command.arguments[1:]
        if isinstance(first, nodes.Field):
            return self._fields(dot, first, behind, final)
        if isinstance(first, nodes.Chain):
            return self._chained(dot, first, behind, final)
        if isinstance(first, nodes.Identifier):
            return self._function(dot, first, command, behind, final)
        if isinstance(first, nodes.Pipe):
            self._not_a_function(first, behind, final)
            return self._pipe(dot, first)
        if isinstance(first, nodes.Variable):
            return self._variable(dot, first, behind, final)
        self._at(first)
        self._not_a_function(first, behind, final)
        if isinstance(first, nodes.Nil):
            raise self._fault("nil is not a command")
        return self._literal(dot, first)

    def _not_a_function(self, first: nodes.Node, behind: Sequence[nodes.Node], final: Value) -> None:
        if behind or final is not MISSING:
            raise self._fault(f"can't give argument to non-function {first}")

    def _literal(self, dot: Value, node: nodes.Node) -> Value:
        if isinstance(node, nodes.Bool):
            return node.value
        if isinstance(node, nodes.Dot):
            return dot
        if isinstance(node, nodes.String):
            return node.text
        if isinstance(node, nodes.Constant):
            return self._constant(node)
        raise self._fault(f"can't evaluate command {sprintf('%q', [str(node)])}")

    def _constant(self, node: nodes.Constant) -> Value:
        self._at(node)
        number, text = node.number, node.text
        if number.pair is not None:
            return number.pair
        hexadecimal = len(text) > 2 and text[:2] in ("0x", "0X") and not any(one in text for one in "pP")
        if number.real is not None and not hexadecimal and text[0] != "'" and any(one in text for one in ".eEpP"):
            return number.real
        if number.integer is not None:
            return number.integer
        raise self._fault(f"{text} overflows int")

    def _variable(self, dot: Value, node: nodes.Variable, behind: Sequence[nodes.Node], final: Value) -> Value:
        self._at(node)
        found = next((one for one in reversed(self._variables) if one[0] == node.names[0]), None)
        if found is None:
            raise self._fault(f"undefined variable: {node.names[0]}")
        value, self._found_in = found[1:]
        if len(node.names) == 1:
            self._not_a_function(node, behind, final)
            return value
        return self._chain(dot, value, node, node.names[1:], (behind, final))
