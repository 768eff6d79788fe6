"""The nodes of a parsed Go template. ``str`` of a node is the text that Go shows for it in errors.

Source: Go text/template/parse/node.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from gocompat.quote import quote
from gocompat.template.numbers import Number


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a template; ``position`` counts characters from the beginning of the template."""

    position: int


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Text between actions."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Dot(Node):
    """``.``"""

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class Nil(Node):
    """``nil``"""

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True)
class Bool(Node):
    """``true`` or ``false``."""

    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A number or character: as written, and its value."""

    text: str
    number: Number

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class String(Node):
    """A string: as written, and its value."""

    quoted: str
    text: str

    def __str__(self) -> str:
        return self.quoted


@dataclass(frozen=True, slots=True)
class Identifier(Node):
    """The name of a function."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Field(Node):
    """Fields of dot: ``.A.B``."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Variable(Node):
    """A variable, perhaps with fields: ``$x.A.B``. The first name includes the dollar sign."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Fields of the result of a pipeline: ``(pipeline).A.B``."""

    base: Node
    names: tuple[str, ...]

    def __str__(self) -> str:
        return _argument(self.base) + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Command(Node):
    """An operand alone, or a function followed by its arguments."""

    arguments: tuple[Node, ...]

    def __str__(self) -> str:
        return " ".join(_argument(one) for one in self.arguments)


@dataclass(frozen=True, slots=True)
class Pipe(Node):
    """Commands joined by ``|``, and the variables that receive the result.

    ``assigns`` tells ``$x = …`` from ``$x := …``.
    """

    variables: tuple[Variable, ...]
    assigns: bool
    commands: tuple[Command, ...]

    def __str__(self) -> str:
        names = ", ".join(str(one) for one in self.variables)
        sign = (" = " if self.assigns else " := ") if self.variables else ""
        return names + sign + " | ".join(str(one) for one in self.commands)


@dataclass(frozen=True, slots=True)
class Action(Node):
    """A pipeline whose result is printed: ``{{pipeline}}``."""

    pipe: Pipe

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


@dataclass(frozen=True, slots=True)
class Block(Node):
    """Nodes that are executed one after the other."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """``{{if}}``, ``{{with}}`` or ``{{range}}``, according to ``kind``; ``otherwise`` is what follows ``{{else}}``."""

    kind: str
    pipe: Pipe
    body: Block
    otherwise: Block | None


@dataclass(frozen=True, slots=True)
class Jump(Node):
    """``{{break}}`` or ``{{continue}}``, according to ``kind``."""

    kind: str

    def __str__(self) -> str:
        return f"{{{{{self.kind}}}}}"


@dataclass(frozen=True, slots=True)
class Include(Node):
    """A call of another template: ``{{template "name" pipeline}}``."""

    name: str
    pipe: Pipe | None

    def __str__(self) -> str:
        behind = f" {self.pipe}" if self.pipe else ""
        return f"{{{{template {quote(self.name)}{behind}}}}}"


@dataclass(frozen=True, slots=True)
class End(Node):
    """What closes a block: ``{{end}}`` or ``{{else}}``, according to ``kind``."""

    kind: str

    def __str__(self) -> str:
        return f"{{{{{self.kind}}}}}"


def walk(node: Node) -> Iterator[Node]:
    """A node and all nodes within it, in the order of the template's text."""
    yield node
    for member in fields(node):
        value = getattr(node, member.name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Node):
                yield from walk(inner)


def _argument(node: Node) -> str:
    return f"({node})" if isinstance(node, Pipe) else str(node)


def is_empty(node: Node) -> bool:
    """Whether a node contains nothing but white space. Go lets a later definition replace such a template."""
    if isinstance(node, Block):
        return all(is_empty(one) for one in node.nodes)
    return isinstance(node, Text) and not node.text.strip()
