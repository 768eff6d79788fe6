"""Which comments of a YAML text go-yaml gives to which scalar.

It gives a scalar a head comment, from the lines above it, and a line comment, from its own line. This module follows
go-yaml's parser through the tokens and keeps only what it does with comments.

Source: go.yaml.in/yaml/v3 parserc.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gocompat.yaml_comments.scanner import Comment, Kind, Line, ScalarToken, Scanner, Token

_Part = Sequence[Line]
_State = Callable[[], None]
_DOCUMENT_ENDS = frozenset({Kind.DIRECTIVE, Kind.DOCUMENT_START, Kind.DOCUMENT_END, Kind.STREAM_END})
_ENTRY_ENDS = frozenset({Kind.BLOCK_ENTRY, Kind.BLOCK_END})
_PAIR_ENDS = frozenset({Kind.KEY, Kind.VALUE, Kind.BLOCK_END})
_INDENTLESS_ENDS = _PAIR_ENDS | {Kind.BLOCK_ENTRY}
_FLOW_MAPPING_ENDS = frozenset({Kind.FLOW_ENTRY, Kind.FLOW_MAPPING_END})
_FLOW_SEQUENCE_ENDS = frozenset({Kind.FLOW_ENTRY, Kind.FLOW_SEQUENCE_END})


class ScalarComments(NamedTuple):
    """The lines of the comments above a scalar and on its line; an empty line among them has no text."""

    head: Sequence[Line]
    line: Sequence[Line]


def scalar_comments(text: str, scalars: Mapping[int, ScalarToken]) -> dict[int, ScalarComments]:
    """The comments of each scalar and alias that has one, by the first character of its token.

    Args:
        text: valid YAML, with ``\\n`` for every line break and no byte order mark.
        scalars: where the scalars are that are written out, quotes and block indicators included, but without anchors
            and tags.
    """
    reader = _Parser(Scanner(text, scalars))
    reader.run()
    return reader.found


@dataclass(slots=True)
class _Parser:
    """go-yaml's parser without its events. ``states`` holds what is to be parsed next, the innermost last."""

    scanner: Scanner
    found: dict[int, ScalarComments] = field(default_factory=dict)
    states: list[_State] = field(default_factory=list)
    head: list[_Part] = field(default_factory=list)
    line: list[_Part] = field(default_factory=list)
    given: int = 0

    def run(self) -> None:
        self._skip()
        self.states.append(self._document)
        while self.states:
            self.states.pop()()

    def _peek(self) -> Token:
        """The next token. Comments that stand before it are taken from the queue."""
        token = self.scanner.peek()
        comments = self.scanner.comments
        while self.given < len(comments) and token.start >= comments[self.given].token_mark:
            comment = comments[self.given]
            if comment.head:
                if token.kind is Kind.BLOCK_END:
                    break
                self.head.append(comment.head)
            if comment.line:
                self.line.append(comment.line)
            # go-yaml empties the comment, and looks at its marks again when it ends block collections.
            comments[self.given] = Comment()
            self.given += 1
        return token

    def _skip(self) -> None:
        self._peek()
        self.scanner.head += 1

    def _after_skip(self) -> Kind:
        self._skip()
        return self._peek().kind

    def _give(self, token: Token | None = None) -> None:
        """Give the comments that were collected to a scalar, or to something that has no use for them here."""
        if token is not None and (self.head or self.line):
            self.found[token.start] = ScalarComments(_joined(self.head), _joined(self.line))
        self.head, self.line = [], []

    def _document(self) -> None:
        kind = self._peek().kind
        while kind is Kind.DOCUMENT_END:
            kind = self._after_skip()
        if kind is Kind.STREAM_END:
            return
        self.states += [self._document, self._document_end]
        if kind not in (Kind.DIRECTIVE, Kind.DOCUMENT_START):
            self._keep_below_empty_line()
            self.states.append(self._block_node)
            return
        while kind is Kind.DIRECTIVE:
            kind = self._after_skip()
        self._skip()
        if self._peek().kind not in _DOCUMENT_ENDS:
            self.states.append(self._block_node)

    def _document_end(self) -> None:
        # A document that is no valid YAML is passed over.
        while self._peek().kind not in _DOCUMENT_ENDS:
            self._skip()
        if self._peek().kind is Kind.DOCUMENT_END:
            self._skip()
        self._give()

    def _keep_below_empty_line(self) -> None:
        """What stands above the last empty line of the first comment belongs to the document."""
        lines = _joined(self.head)
        last = next((at for at in range(len(lines) - 1, 0, -1) if not lines[at].text), None)
        if last is not None:
            self.head = [lines[last + 1 :]] if lines[last + 1 :] else []

    def _block_node(self) -> None:
        self._node(is_block=True)

    def _flow_node(self) -> None:
        self._node(is_block=False)

    def _indentless_node(self) -> None:
        self._node(is_block=True, may_be_indentless=True)

    def _node(self, *, is_block: bool, may_be_indentless: bool = False) -> None:
        token = self._peek()
        if token.kind is Kind.ALIAS:
            self._give(token)
            self._skip()
            return
        while token.kind in (Kind.ANCHOR, Kind.TAG):
            self._skip()
            token = self._peek()
        kind = token.kind
        if may_be_indentless and kind is Kind.BLOCK_ENTRY:
            self.states.append(self._indentless_entry)
        elif kind is Kind.SCALAR:
            self._give(token)
            self._skip()
        elif kind in (Kind.FLOW_SEQUENCE_START, Kind.FLOW_MAPPING_START):
            self._give()
            self._skip()
            is_sequence = kind is Kind.FLOW_SEQUENCE_START
            self.states.append(self._first_flow_item if is_sequence else self._first_flow_key)
        elif is_block and kind in (Kind.BLOCK_SEQUENCE_START, Kind.BLOCK_MAPPING_START):
            self._skip()
            self.states.append(self._block_entry if kind is Kind.BLOCK_SEQUENCE_START else self._block_key)

    def _skip_dash(self) -> Kind:
        """Skip the dash of an item. A comment above an item that is a block collection is the collection's."""
        above = len(self.head)
        self._skip()
        kind = self._peek().kind
        if above and kind in (Kind.BLOCK_SEQUENCE_START, Kind.BLOCK_MAPPING_START):
            self.head = self.head[above:]
        return kind

    def _block_entry(self) -> None:
        if self._peek().kind is Kind.BLOCK_ENTRY:
            self.states.append(self._block_entry)
            if self._skip_dash() not in _ENTRY_ENDS:
                self.states.append(self._block_node)
            return
        self._skip()

    def _indentless_entry(self) -> None:
        if self._peek().kind is Kind.BLOCK_ENTRY:
            self.states.append(self._indentless_entry)
            if self._skip_dash() not in _INDENTLESS_ENDS:
                self.states.append(self._block_node)

    def _block_key(self) -> None:
        if self._peek().kind is Kind.KEY:
            self.states += [self._block_key, self._block_value]
            if self._after_skip() not in _PAIR_ENDS:
                self.states.append(self._indentless_node)
            return
        self._give()
        self._skip()

    def _block_value(self) -> None:
        if self._peek().kind is Kind.VALUE and self._after_skip() not in _PAIR_ENDS:
            self.states.append(self._indentless_node)

    def _flow_entry(self, is_first: bool, end: Kind) -> Kind:
        """What an entry of a flow collection begins with; ``end`` if there is none, and then the collection is over."""
        kind = self._peek().kind
        if not is_first and kind is Kind.FLOW_ENTRY:
            kind = self._after_skip()
        elif not is_first or kind is Kind.STREAM_END:
            kind = end
        if kind is end:
            self._give()
            self._skip()
        return kind

    def _first_flow_item(self) -> None:
        self._flow_item(is_first=True)

    def _next_flow_item(self) -> None:
        self._flow_item(is_first=False)

    def _flow_item(self, *, is_first: bool) -> None:
        kind = self._flow_entry(is_first, Kind.FLOW_SEQUENCE_END)
        if kind is Kind.FLOW_SEQUENCE_END:
            return
        self.states.append(self._next_flow_item)
        if kind is not Kind.KEY:
            self.states.append(self._flow_node)
            return
        # A pair in a list is a mapping of one.
        self._skip()
        self.states.append(self._pair_value)
        if self._peek().kind not in _FLOW_SEQUENCE_ENDS | {Kind.VALUE}:
            self.states.append(self._flow_node)

    def _pair_value(self) -> None:
        if self._peek().kind is Kind.VALUE and self._after_skip() not in _FLOW_SEQUENCE_ENDS:
            self.states.append(self._flow_node)

    def _first_flow_key(self) -> None:
        self._flow_key(is_first=True)

    def _next_flow_key(self) -> None:
        self._flow_key(is_first=False)

    def _flow_key(self, *, is_first: bool) -> None:
        kind = self._flow_entry(is_first, Kind.FLOW_MAPPING_END)
        if kind is Kind.FLOW_MAPPING_END:
            return
        self.states.append(self._next_flow_key)
        if kind is not Kind.KEY:
            # A key without a value.
            self.states.append(self._flow_node)
            return
        self.states.append(self._flow_value)
        if self._after_skip() not in _FLOW_MAPPING_ENDS | {Kind.VALUE}:
            self.states.append(self._flow_node)

    def _flow_value(self) -> None:
        if self._peek().kind is Kind.VALUE and self._after_skip() not in _FLOW_MAPPING_ENDS:
            self.states.append(self._flow_node)


def _joined(parts: Sequence[_Part]) -> list[Line]:
    return [line for part in parts for line in part]
