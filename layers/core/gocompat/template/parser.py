"""Parses a Go template into a tree for itself and one for each template that it defines.

Source: Go text/template/parse/parse.go; vectors gotemplate.json (``stage`` parse).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gocompat.quote import quote
from gocompat.template import nodes
from gocompat.template.lexer import Lexer, Token
from gocompat.template.numbers import InvalidLiteral, parse_number, unquote

MAX_DEPTH = 40
"""Levels of nested blocks and parentheses. Go is limited only by its stack."""

_OPERANDS = frozenset(
    {"bool", "char constant", "complex", "dot", "field", "identifier", "number", "nil", "raw string", "string",
     "variable", "("}
)  # fmt: skip
_STRINGS = ("string", "raw string")
_CONSTANTS = (nodes.Bool, nodes.Dot, nodes.Nil, nodes.Constant, nodes.String)


class InvalidTemplate(ValueError):
    """The template cannot be parsed; the message is Go's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A parsed template: ``templates`` has it and all that it defines by name; ``name`` is the one to execute."""

    name: str
    text: str
    templates: dict[str, nodes.Block] = field(default_factory=dict)


@dataclass(slots=True)
class _Scope:
    """What each definition has of its own: its variables, and how many ranges it is in."""

    variables: list[str] = field(default_factory=lambda: ["$"])
    ranges: int = 0


def parse(name: str, text: str, functions: Collection[str], refused: Mapping[str, str] = MappingProxyType({})) -> Tree:
    """Parse a template (template.Parse).

    Args:
        name: the template's name, which errors show.
        text: the template, with ``{{`` and ``}}``.
        functions: the names of the functions that may be called.
        refused: functions that Go would know and that are left out on purpose: why, by name.

    Raises:
        InvalidTemplate: ``template: NAME:LINE: …``, in Go's words unless a refused function is called.
    """
    return _Parser(Tree(name=name, text=text), functions, refused).tree()


class _Parser:
    def __init__(self, tree: Tree, functions: Collection[str], refused: Mapping[str, str]) -> None:
        self._tree = tree
        self._functions = functions
        self._refused = refused
        self._lexer = Lexer(tree.text)
        # As in Go, up to three tokens are kept, and errors name the line of the first.
        self._tokens = [Token("eof", 0, "", 0)] * 3
        self._peeked = 0
        self._action_line = 0
        self._scope = _Scope()
        self._depth = 0

    def tree(self) -> Tree:
        first = self._peek().position
        body: list[nodes.Node] = []
        while self._peek().kind != "eof":
            if self._peek().kind == "left" and self._defines():
                continue
            node = self._text_or_action()
            if isinstance(node, nodes.End):
                raise self._fault(f"unexpected {node}")
            body.append(node)
        self._add(self._tree.name, nodes.Block(first, tuple(body)))
        return self._tree

    def _next(self) -> Token:
        if self._peeked > 0:
            self._peeked -= 1
        else:
            self._tokens[0] = self._lexer.next_token()
        return self._tokens[self._peeked]

    def _back(self) -> None:
        self._peeked += 1

    def _peek(self) -> Token:
        if self._peeked > 0:
            return self._tokens[self._peeked - 1]
        self._peeked = 1
        self._tokens[0] = self._lexer.next_token()
        return self._tokens[0]

    def _next_word(self) -> Token:
        while (token := self._next()).kind == "space":
            pass
        return token

    def _peek_word(self) -> Token:
        token = self._next_word()
        self._back()
        return token

    def _fault(self, words: str) -> InvalidTemplate:
        return InvalidTemplate(f"template: {self._tree.name}:{self._tokens[0].line}: {words}")

    def _expect(self, kinds: Collection[str], context: str) -> Token:
        token = self._next_word()
        if token.kind not in kinds:
            raise self._unexpected(token, context)
        return token

    def _unexpected(self, token: Token, context: str) -> InvalidTemplate:
        if token.kind != "error":
            return self._fault(f"unexpected {token} in {context}")
        extra = ""
        if self._action_line not in (0, token.line):
            extra = f" in action started at {self._tree.name}:{self._action_line}"
            if token.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        return self._fault(f"{token}{extra}")

    def _defines(self) -> bool:
        delimiter = self._next()
        if self._next_word().kind != "define":
            self._back()
            self._tokens[1] = delimiter
            self._peeked = 2
            return False
        name = self._name(self._next_word(), "define clause")
        self._expect(("right",), "define clause")
        self._definition(name, "define clause")
        return True

    def _definition(self, name: str, context: str) -> None:
        outer, self._scope = self._scope, _Scope()
        # Go gives each definition a parser of its own, which is in no action yet.
        self._action_line = 0
        opening = self._tokens[0]
        body, end = self._list()
        if end.kind != "end":
            if context == "block clause":
                # This error comes from the parser around the block, which has read no further than its beginning.
                self._tokens[0] = opening
            raise self._fault(f"unexpected {end} in {context}")
        self._add(name, body)
        self._scope = outer

    def _add(self, name: str, body: nodes.Block) -> None:
        known = self._tree.templates.get(name)
        if known is None or nodes.is_empty(known):
            self._tree.templates[name] = body
        elif not nodes.is_empty(body):
            raise self._fault(f"template: multiple definition of template {quote(name)}")

    def _list(self) -> tuple[nodes.Block, nodes.End]:
        first = self._peek_word().position
        found: list[nodes.Node] = []
        self._deeper()
        while self._peek_word().kind != "eof":
            node = self._text_or_action()
            if isinstance(node, nodes.End):
                self._depth -= 1
                return nodes.Block(first, tuple(found)), node
            found.append(node)
        raise self._fault("unexpected EOF")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fault("max expression depth exceeded")

    def _text_or_action(self) -> nodes.Node:
        token = self._next_word()
        if token.kind == "text":
            return nodes.Text(token.position, token.text)
        if token.kind != "left":
            raise self._unexpected(token, "input")
        self._action_line = token.line
        node = self._action()
        self._action_line = 0
        return node

    def _action(self) -> nodes.Node:
        token = self._next_word()
        if token.kind in ("if", "range", "with"):
            return self._control(token.kind)
        if token.kind in ("break", "continue"):
            return self._jump(token)
        if token.kind in ("block", "template"):
            return self._include(token.kind)
        if token.kind == "else":
            return self._else()
        if token.kind == "end":
            return nodes.End(self._expect(("right",), "end").position, "end")
        self._back()
        position = self._peek().position
        return nodes.Action(position, self._pipeline("command", "right"))

    def _jump(self, token: Token) -> nodes.Node:
        behind = self._next_word()
        if behind.kind != "right":
            raise self._unexpected(behind, f"{{{{{token.kind}}}}}")
        if self._scope.ranges == 0:
            raise self._fault(f"{{{{{token.kind}}}}} outside {{{{range}}}}")
        return nodes.Jump(token.position, token.kind)

    def _else(self) -> nodes.End:
        behind = self._peek_word()
        if behind.kind not in ("if", "with"):
            behind = self._expect(("right",), "else")
        return nodes.End(behind.position, "else")

    def _control(self, kind: str) -> nodes.Branch:
        outer = len(self._scope.variables)
        pipe = self._pipeline(kind, "right")
        self._scope.ranges += kind == "range"
        body, end = self._list()
        self._scope.ranges -= kind == "range"
        otherwise = self._otherwise(kind, end) if end.kind == "else" else None
        del self._scope.variables[outer:]
        return nodes.Branch(pipe.position, kind, pipe, body, otherwise)

    def _otherwise(self, kind: str, end: nodes.End) -> nodes.Block:
        if kind != "range" and self._peek().kind == kind:
            self._next()
            self._deeper()
            chained = nodes.Block(end.position, (self._control(kind),))
            self._depth -= 1
            return chained
        otherwise, last = self._list()
        if last.kind != "end":
            raise self._fault(f"expected end; found {last}")
        return otherwise

    def _include(self, kind: str) -> nodes.Include:
        context = f"{kind} clause"
        token = self._next_word()
        name = self._name(token, context)
        pipe = None
        if kind == "block":
            pipe = self._pipeline(context, "right")
            self._definition(name, context)
        elif self._next_word().kind != "right":
            self._back()
            pipe = self._pipeline(context, "right")
        return nodes.Include(token.position, name, pipe)

    def _name(self, token: Token, context: str) -> str:
        if token.kind not in _STRINGS:
            raise self._unexpected(token, context)
        return self._unquoted(token)

    def _unquoted(self, token: Token) -> str:
        try:
            return unquote(token.text)
        except InvalidLiteral as error:
            raise self._fault(str(error)) from error

    def _pipeline(self, context: str, end: str) -> nodes.Pipe:
        position = self._peek_word().position
        variables, assigns = self._declarations(context)
        commands: list[nodes.Command] = []
        while True:
            token = self._next_word()
            if token.kind == end:
                break
            if token.kind not in _OPERANDS:
                raise self._unexpected(token, context)
            self._back()
            commands.append(self._command())
        if not commands:
            raise self._fault(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.arguments[0], _CONSTANTS):
                raise self._fault(f"non executable command in pipeline stage {stage}")
        return nodes.Pipe(position, variables, assigns, tuple(commands))

    def _declarations(self, context: str) -> tuple[tuple[nodes.Variable, ...], bool]:
        found: list[nodes.Variable] = []
        while (variable := self._peek_word()).kind == "variable":
            self._next()
            after = self._peek()
            following = self._peek_word()
            if following.kind in ("assign", "declare"):
                self._declare(variable, found)
                return tuple(found), following.kind == "assign"
            if not (following.kind == "char" and following.text == ","):
                self._put_back(variable, after)
                break
            self._declare(variable, found)
            if context != "range" or len(found) >= 2:
                raise self._fault(f"too many declarations in {context}")
            if self._peek_word().kind not in ("variable", "right", ")"):
                raise self._fault("range can only initialize variables")
        return tuple(found), False

    def _declare(self, variable: Token, found: list[nodes.Variable]) -> None:
        self._next_word()
        found.append(nodes.Variable(variable.position, (variable.text,)))
        self._scope.variables.append(variable.text)

    def _put_back(self, variable: Token, after: Token) -> None:
        self._tokens[1] = variable
        self._peeked = 2
        if after.kind == "space":
            self._tokens[1:] = [after, variable]
            self._peeked = 3

    def _command(self) -> nodes.Command:
        position = self._peek_word().position
        arguments: list[nodes.Node] = []
        while True:
            self._peek_word()
            operand = self._operand()
            if operand is not None:
                arguments.append(operand)
            token = self._next()
            if token.kind == "space":
                continue
            if token.kind in ("right", ")"):
                self._back()
            elif token.kind != "pipe":
                raise self._unexpected(token, "operand")
            break
        if not arguments:
            raise self._fault("empty command")
        return nodes.Command(position, tuple(arguments))

    def _operand(self) -> nodes.Node | None:
        term = self._term()
        if term is None or self._peek().kind != "field":
            return term
        position = self._peek().position
        names: list[str] = []
        while self._peek().kind == "field":
            names.append(self._next().text[1:])
        if isinstance(term, nodes.Field):
            return nodes.Field(position, (*term.names, *names))
        if isinstance(term, nodes.Variable):
            return nodes.Variable(position, (*term.names, *names))
        if isinstance(term, _CONSTANTS):
            raise self._fault(f"unexpected . after term {quote(str(term))}")
        return nodes.Chain(position, term, tuple(names))

    def _term(self) -> nodes.Node | None:
        token = self._next_word()
        if token.kind in ("char constant", "complex", "number"):
            return self._constant(token)
        if token.kind in _STRINGS:
            return nodes.String(token.position, token.text, self._unquoted(token))
        if token.kind == "(":
            self._deeper()
            pipe = self._pipeline("parenthesized pipeline", ")")
            self._depth -= 1
            return pipe
        return self._name_or_nothing(token)

    def _constant(self, token: Token) -> nodes.Constant:
        try:
            return nodes.Constant(token.position, token.text, parse_number(token.text, token.kind))
        except InvalidLiteral as error:
            raise self._fault(str(error)) from error

    def _name_or_nothing(self, token: Token) -> nodes.Node | None:
        kind = token.kind
        if kind == "identifier":
            if token.text in self._refused:
                raise self._fault(f"function {quote(token.text)} is refused: {self._refused[token.text]}")
            if token.text not in self._functions:
                raise self._fault(f"function {quote(token.text)} not defined")
            return nodes.Identifier(token.position, token.text)
        if kind == "variable":
            if token.text not in self._scope.variables:
                raise self._fault(f"undefined variable {quote(token.text)}")
            return nodes.Variable(token.position, (token.text,))
        if kind == "field":
            return nodes.Field(token.position, (token.text[1:],))
        if kind == "bool":
            return nodes.Bool(token.position, token.text == "true")
        if kind in ("dot", "nil"):
            return nodes.Dot(token.position) if kind == "dot" else nodes.Nil(token.position)
        self._back()
        return None
