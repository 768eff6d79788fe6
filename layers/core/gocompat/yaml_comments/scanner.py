"""The tokens of a YAML text with the comments between them, as go-yaml's scanner queues both.

The text must be valid YAML, and the caller knows where its scalars are. What is left between them is blanks, comments
and indicators, which this module reads. go-yaml decides while it scans what a comment is: a line comment behind a
token, the head of what follows, or the foot of what came before. It looks two tokens ahead, so that comments are queued
before the tokens around them are parsed; the order of that queue is kept here.

Source: go.yaml.in/yaml/v3 scannerc.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

MAX_PEEK = 512
"""go-yaml gives up looking for a comment after so many blanks."""
MAX_KEY_LENGTH = 1024
_ANCHOR = re.compile(r"[&*][0-9A-Za-z_-]*")
_FLOW_TAG = re.compile(r"!(?:<[^>]*>|[^\s,\[\]{}]*)")
_BLOCK_TAG = re.compile(r"!(?:<[^>]*>|\S*)")
_INDICATOR = re.compile(r"(?:---|\.\.\.)(?=[ \t\n]|\Z)")
_END = "\0"


class Kind(Enum):
    """What a token is."""

    STREAM_START = auto()
    STREAM_END = auto()
    DIRECTIVE = auto()
    DOCUMENT_START = auto()
    DOCUMENT_END = auto()
    BLOCK_SEQUENCE_START = auto()
    BLOCK_MAPPING_START = auto()
    BLOCK_END = auto()
    FLOW_SEQUENCE_START = auto()
    FLOW_SEQUENCE_END = auto()
    FLOW_MAPPING_START = auto()
    FLOW_MAPPING_END = auto()
    BLOCK_ENTRY = auto()
    FLOW_ENTRY = auto()
    KEY = auto()
    VALUE = auto()
    ALIAS = auto()
    ANCHOR = auto()
    TAG = auto()
    SCALAR = auto()


_FLOW = {
    "[": Kind.FLOW_SEQUENCE_START,
    "{": Kind.FLOW_MAPPING_START,
    "]": Kind.FLOW_SEQUENCE_END,
    "}": Kind.FLOW_MAPPING_END,
    ",": Kind.FLOW_ENTRY,
}
_PROPERTIES = {"*": Kind.ALIAS, "&": Kind.ANCHOR, "!": Kind.TAG}


class Token(NamedTuple):
    """A token and where it begins, in characters."""

    kind: Kind
    start: int


class Mark(NamedTuple):
    """A place in the text: characters from its beginning, lines from 0, and a column."""

    place: int = 0
    line: int = 0
    column: int = 0


_BEGINNING = Mark()


class Line(NamedTuple):
    """One line of a comment and where its ``#`` is; an empty line has no text."""

    text: str
    start: int


@dataclass(slots=True)
class Comment:
    """A comment in the queue. It is given out with the first token that begins at ``token_mark`` or behind it."""

    token_mark: int = 0
    scan_mark: int = 0
    end_mark: int = 0
    start_mark: Mark = _BEGINNING
    head: Sequence[Line] = ()
    line: Sequence[Line] = ()
    foot: Sequence[Line] = ()


class ScalarToken(NamedTuple):
    """Where the token of a scalar ends, and whether it is a plain one or a block scalar."""

    end: int
    is_plain: bool = False
    is_block: bool = False


@dataclass(slots=True)
class _SimpleKey:
    """Where a key may have begun that only its colon makes known; ``number`` is of its token."""

    possible: bool = False
    number: int = 0
    mark: Mark = _BEGINNING


@dataclass(slots=True)
class Scanner:
    """Reads tokens into ``tokens`` and comments into ``comments``; ``head`` is the first token that is not parsed yet.

    Every line break of ``text`` has to be ``\\n``. ``scalars`` has the scalars that have a token, by its first
    character.
    """

    text: str
    scalars: Mapping[int, ScalarToken]
    tokens: list[Token] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    head: int = 0
    pos: int = 0
    line: int = 0
    column: int = 0
    newlines: int = 0
    indent: int = -1
    indents: list[int] = field(default_factory=list)
    flow_level: int = 0
    simple_key_allowed: bool = True
    simple_keys: list[_SimpleKey] = field(default_factory=lambda: [_SimpleKey()])
    keys_by_token: dict[int, int] = field(default_factory=dict)

    def peek(self) -> Token:
        """The first token that is not parsed yet. Two more are read behind it, with the comments among them."""
        while self.head >= len(self.tokens) - 2 or self._may_be_key(self.head):
            self._fetch()
        return self.tokens[self.head]

    def _may_be_key(self, number: int) -> bool:
        at = self.keys_by_token.get(number)
        return at is not None and self._is_valid(self.simple_keys[at])

    def _at(self, offset: int = 0) -> str:
        at = self.pos + offset
        return self.text[at] if at < len(self.text) else _END

    def _mark(self) -> Mark:
        return Mark(self.pos, self.line, self.column)

    def _advance(self, end: int) -> None:
        """Go to a place, and count the line breaks on the way and those behind the last character that is no blank."""
        passed = self.text[self.pos : end]
        breaks = passed.count("\n")
        self.line += breaks
        self.column = len(passed) - passed.rfind("\n") - 1 if breaks else self.column + len(passed)
        content = passed.rstrip(" \t\n")
        self.newlines = passed.count("\n", len(content)) + (0 if content else self.newlines)
        self.pos = end

    def _fetch(self) -> None:
        """Read the next token, and the comments before it and behind it on its line."""
        if not self.tokens:
            self.tokens.append(Token(Kind.STREAM_START, 0))
            return
        before = self.pos
        self._to_next_token()
        self._unroll(self.column, before)
        scalar = self.scalars.get(self.pos)
        if self.pos >= len(self.text):
            self._fetch_end()
        elif scalar is None and self.column == 0 and (self._at() == "%" or _INDICATOR.match(self.text, self.pos)):
            self._fetch_document_indicator()
        else:
            self._fetch_content(scalar)

    def _fetch_end(self) -> None:
        if self.column:
            self.column = 0
            self.line += 1
        self._unroll(-1, self.pos)
        self._remove_key()
        self.simple_key_allowed = False
        self.tokens.append(Token(Kind.STREAM_END, self.pos))

    def _fetch_document_indicator(self) -> None:
        self._unroll(-1, self.pos)
        self._remove_key()
        self.simple_key_allowed = False
        start, first = self.pos, self._at()
        if first == "%":
            end = self.text.find("\n", start)
            self._advance(len(self.text) if end < 0 else end + 1)
            self.tokens.append(Token(Kind.DIRECTIVE, start))
            return
        self._advance(start + 3)
        self.tokens.append(Token(Kind.DOCUMENT_START if first == "-" else Kind.DOCUMENT_END, start))

    def _fetch_content(self, scalar: ScalarToken | None) -> None:
        first, owner = self._at(), self.pos
        if first == ("," if self.flow_level else ":"):
            # A comment behind the indicator belongs to the token before it.
            owner = self.tokens[-1].start
        if scalar is not None:
            self._fetch_scalar(scalar)
        elif first in _FLOW:
            self._fetch_flow(_FLOW[first])
        elif first in _PROPERTIES:
            self._fetch_property(_PROPERTIES[first])
        elif first == "-":
            self._roll(self.column, len(self.tokens), Kind.BLOCK_SEQUENCE_START, self.pos)
            self._fetch_indicator(Kind.BLOCK_ENTRY)
        elif first == "?":
            self._roll(self.column, len(self.tokens), Kind.BLOCK_MAPPING_START, self.pos)
            self._fetch_indicator(Kind.KEY)
        else:
            self._fetch_value()
        if self.tokens[-1].kind is not Kind.BLOCK_ENTRY:
            self._scan_line_comment(owner)

    def _fetch_indicator(self, kind: Kind) -> None:
        self._remove_key()
        self.simple_key_allowed = kind is Kind.BLOCK_ENTRY or self.flow_level == 0
        self.tokens.append(Token(kind, self.pos))
        self._advance(self.pos + 1)

    def _fetch_flow(self, kind: Kind) -> None:
        start = self.pos
        if kind in (Kind.FLOW_SEQUENCE_START, Kind.FLOW_MAPPING_START):
            self._save_key()
            self.simple_keys.append(_SimpleKey(number=len(self.tokens), mark=self._mark()))
            self.flow_level += 1
        else:
            self._remove_key()
        if kind in (Kind.FLOW_SEQUENCE_END, Kind.FLOW_MAPPING_END) and self.flow_level > 0:
            self.flow_level -= 1
            self.keys_by_token.pop(self.simple_keys.pop().number, None)
        self.simple_key_allowed = kind not in (Kind.FLOW_SEQUENCE_END, Kind.FLOW_MAPPING_END)
        self._advance(start + 1)
        self.tokens.append(Token(kind, start))

    def _fetch_property(self, kind: Kind) -> None:
        self._save_key()
        self.simple_key_allowed = False
        pattern = (_FLOW_TAG if self.flow_level else _BLOCK_TAG) if kind is Kind.TAG else _ANCHOR
        found = pattern.match(self.text, self.pos)
        self.tokens.append(Token(kind, self.pos))
        self._advance(found.end() if found else self.pos + 1)

    def _fetch_scalar(self, scalar: ScalarToken) -> None:
        start = self.pos
        if scalar.is_block:
            self._remove_key()
            self.simple_key_allowed = True
            self._scan_block_scalar(scalar.end)
        else:
            self._save_key()
            self.simple_key_allowed = False
            self._advance(scalar.end)
        if scalar.is_plain:
            self._skip_blanks(" \t\n")
            # A new line may begin with a key.
            self.simple_key_allowed = self.newlines > 0
        self.tokens.append(Token(Kind.SCALAR, start))

    def _scan_block_scalar(self, end: int) -> None:
        start = self.pos
        header = self.text.find("\n", start, end)
        mark = self.text.find("#", start, end if header < 0 else header)
        if mark >= 0:
            self._advance(mark)
            self._scan_line_comment(start)
        self._advance(max(end, self.pos))
        if self.column == 0:
            # The spaces before what ends the scalar are taken for indentation.
            self._skip_blanks(" ")

    def _fetch_value(self) -> None:
        key = self.simple_keys[-1]
        if self._is_valid(key):
            self.tokens.insert(key.number, Token(Kind.KEY, key.mark.place))
            self._roll(key.mark.column, key.number, Kind.BLOCK_MAPPING_START, key.mark.place)
            key.possible = False
            self.keys_by_token.pop(key.number, None)
            self.simple_key_allowed = False
        else:
            self._roll(self.column, len(self.tokens), Kind.BLOCK_MAPPING_START, self.pos)
            self.simple_key_allowed = self.flow_level == 0
        self.tokens.append(Token(Kind.VALUE, self.pos))
        self._advance(self.pos + 1)

    def _is_valid(self, key: _SimpleKey) -> bool:
        if key.possible and (key.mark.line < self.line or key.mark.place + MAX_KEY_LENGTH < self.pos):
            key.possible = False
        return key.possible

    def _save_key(self) -> None:
        if not self.simple_key_allowed:
            return
        self._remove_key()
        self.simple_keys[-1] = _SimpleKey(True, len(self.tokens), self._mark())
        self.keys_by_token[len(self.tokens)] = len(self.simple_keys) - 1

    def _remove_key(self) -> None:
        key = self.simple_keys[-1]
        if key.possible:
            key.possible = False
            self.keys_by_token.pop(key.number, None)

    def _roll(self, column: int, number: int, kind: Kind, start: int) -> None:
        """Begin a block collection if the column is further in than the one around it."""
        if self.flow_level == 0 and self.indent < column:
            self.indents.append(self.indent)
            self.indent = column
            self.tokens.insert(number, Token(kind, start))

    def _unroll(self, column: int, scan_mark: int) -> None:
        """End the block collections that are further in than a column.

        An end stands before the comments that are indented like the collection, if nothing else is between them.
        """
        if self.flow_level > 0:
            return
        block_mark = scan_mark - 1
        while self.indent > column:
            stop = block_mark
            for comment in reversed(self.comments):
                if comment.end_mark < stop:
                    break
                if comment.start_mark.column == self.indent + 1:
                    block_mark = comment.start_mark.place
                stop = comment.scan_mark
            self.tokens.append(Token(Kind.BLOCK_END, block_mark))
            self.indent = self.indents.pop()

    def _skip_blanks(self, blanks: str) -> None:
        end = self.pos
        while end < len(self.text) and self.text[end] in blanks:
            end += 1
        self._advance(end)

    def _to_next_token(self) -> None:
        before = self._mark()
        while True:
            self._skip_blanks(" \t")
            self._turn_into_head()
            if self._at() == "#":
                self._scan_comments(before.place, before.line)
            if self._at() != "\n":
                return
            self._advance(self.pos + 1)
            if self.flow_level == 0:
                self.simple_key_allowed = True

    def _turn_into_head(self) -> None:
        """A line comment behind the dash of a list's first item is the head of the item."""
        if not self.comments or len(self.tokens) < 2 or self._at() == "\n":
            return
        comment = self.comments[-1]
        kinds = self.tokens[-2].kind, self.tokens[-1].kind
        if kinds == (Kind.BLOCK_SEQUENCE_START, Kind.BLOCK_ENTRY) and comment.line:
            comment.head, comment.line = comment.line, ()
            if comment.start_mark.line == self.line - 1:
                comment.token_mark = self.pos

    def _scan_line_comment(self, owner: int) -> None:
        """Queue the comment that follows on the same line, if there is one, for the token that begins at ``owner``."""
        if self.newlines > 0:
            return
        blanks = 0
        while blanks < MAX_PEEK and self._at(blanks) in " \t":
            blanks += 1
        if blanks < MAX_PEEK and self._at(blanks) == "#":
            self._advance(self.pos + blanks)
            start = self._mark()
            self.comments.append(Comment(token_mark=owner, start_mark=start, line=[self._read_comment()]))

    def _read_comment(self) -> Line:
        start = self.pos
        end = self.text.find("\n", start)
        self._advance(len(self.text) if end < 0 else end)
        return Line(self.text[start : self.pos], start)

    def _scan_comments(self, scan_mark: int, scan_line: int) -> None:
        """Queue comments that stand before the next token: as heads of it, or feet of what came before."""
        CommentLines(self, scan_mark, scan_line).scan()


class CommentLines:
    """Comments and empty lines from the scanner's place on to the next token.

    go-yaml counts columns from 1 here, and does not count the line break behind a comment that it has just read. Both
    decide which comments are feet, and so they are kept.
    """

    def __init__(self, scanner: Scanner, scan_mark: int, scan_line: int) -> None:
        self.scanner, self.scan_mark = scanner, scan_mark
        tokens = scanner.tokens
        is_entry = tokens[-1].kind is Kind.FLOW_ENTRY and len(tokens) > 1
        self.token = tokens[-2] if is_entry else tokens[-1]
        self.token_mark = self.token.start
        self.start = _BEGINNING
        self.next_indent = max(scanner.indent, 0)
        self.recent_empty, self.first_empty = False, scanner.newlines <= 1
        self.line, self.column = scanner.line, scanner.column
        self.lines: list[Line] = []
        self.foot_line = -1
        if scan_line > 0:
            self.foot_line = scanner.line - scanner.newlines + 1
            if scanner.newlines == 0 and scanner.column > 1:
                self.foot_line += 1

    def scan(self) -> None:
        """Read up to the next token, and queue what was found."""
        scanner, peek = self.scanner, 0
        while peek < MAX_PEEK:
            self.column += 1
            character = scanner._at(peek)
            closes_flow = scanner.flow_level > 0 and character in "]}"
            if character in " \t":
                peek += 1
                continue
            if closes_flow or character in "\n\0":
                self._end_line(peek, character, closes_flow)
                if character != "\n":
                    break
                self.first_empty, self.recent_empty = False, True
                self.column = 0
                self.line += 1
                peek += 1
                continue
            if self.column - 1 < self.next_indent and self.column != self.start.column:
                # It is indented otherwise than the comment before it, which ends what came before.
                self._foot(peek)
            if character != "#":
                break
            if not self.lines:
                self.start = Mark(scanner.pos + peek, self.line, self.column)
            self.recent_empty = False
            scanner._advance(scanner.pos + peek)
            self.lines.append(scanner._read_comment())
            self.column, self.line = 0, scanner.line
            self.next_indent = max(scanner.indent, 0)
            # The line break is passed over.
            peek = 1
        if self.lines:
            end = scanner.pos + peek - 1
            self._queue(Comment(self.start.place, self.scan_mark, end, self.start, head=self.lines))

    def _end_line(self, peek: int, character: str, closes_flow: bool) -> None:
        """A line without a comment, or the end of a flow collection."""
        if not closes_flow and self.recent_empty:
            return
        is_below = self.start.line == self.foot_line and self.token.kind is not Kind.VALUE
        is_dedented = self.start.column - 1 < self.next_indent
        if closes_flow or (self.first_empty and (is_below or is_dedented)):
            if is_dedented and self.lines:
                self.token_mark = self.start.place
            self._foot(peek)
        elif self.lines and character != "\0":
            self.lines.append(Line("", -1))

    def _foot(self, peek: int) -> None:
        if not self.lines:
            return
        end = self.scanner.pos + peek
        self._queue(Comment(self.token_mark, self.scan_mark, end, self.start, foot=self.lines))
        self.scan_mark = self.token_mark = end
        self.lines = []

    def _queue(self, comment: Comment) -> None:
        self.scanner.comments.append(comment)
