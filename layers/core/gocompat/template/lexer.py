"""Splits a Go template into tokens, one each time the parser asks for the next.

A mistake is a token of kind ``error``; after it there is only ``eof``.

Source: Go text/template/parse/lex.go.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from gocompat.quote import quote

SPACES = " \t\r\n"
KEYWORDS = frozenset({"block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"})
_LEFT, _RIGHT = "{{", "}}"
_TERMINATORS = ".,|:)("
_END = ""
_SIMPLE = {"=": "assign", "|": "pipe"}
_QUOTES = {'"': ("string", "unterminated quoted string"), "'": ("char constant", "unterminated character constant")}


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its kind, its offset in characters, its text, and its line, counted from 1."""

    kind: str
    position: int
    text: str
    line: int

    def __str__(self) -> str:
        if self.kind == "eof":
            return "EOF"
        if self.kind == "error":
            return self.text
        if self.kind in KEYWORDS or self.kind in ("dot", "nil"):
            return f"<{self.text}>"
        if len(self.text.encode("utf-8", "surrogateescape")) > 10:
            return f"{quote(self.text[:10])}..."
        return quote(self.text)


def is_alphanumeric(character: str) -> bool:
    """Whether a character is a letter or digit of any script, or an underscore."""
    if character == _END:
        return False
    return character == "_" or unicodedata.category(character) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd")


class Lexer:
    """Reads the tokens of one template from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._start = 0
        self._inside = False
        self._depth = 0
        self._line = 1

    def next_token(self) -> Token:
        """The next token; at the end, ``eof`` at every call."""
        return self._inside_action() if self._inside else self._in_text()

    def _emit(self, kind: str) -> Token:
        token = Token(kind, self._start, self._text[self._start : self._at], self._line)
        self._skip()
        return token

    def _skip(self) -> None:
        self._line += self._text.count("\n", self._start, self._at)
        self._start = self._at

    def _fail(self, words: str) -> Token:
        token = Token("error", self._start, words, self._line)
        self._text, self._at, self._start, self._inside = "", 0, 0, False
        return token

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _in_text(self) -> Token:
        while True:
            found = self._text.find(_LEFT, self._at)
            if found < 0:
                self._at = len(self._text)
                return self._emit("text") if self._at > self._start else self._emit("eof")
            after = found + len(_LEFT)
            trims = self._text[after : after + 1] == "-" and self._text[after + 1 : after + 2] in (*SPACES,)
            self._at = found
            if trims:
                self._at = self._start + len(self._text[self._start : found].rstrip(SPACES))
            if self._at > self._start:
                token = self._emit("text")
                self._at = found
                self._skip()
                return token
            self._at = found
            self._skip()
            if not self._text.startswith("/*", after + 2 * trims):
                return self._left_delimiter(trims)
            problem = self._comment(after + 2 * trims)
            if problem is not None:
                return problem

    def _left_delimiter(self, trims: bool) -> Token:
        self._at += len(_LEFT)
        token = self._emit("left")
        self._inside, self._depth = True, 0
        self._at += 2 * trims
        self._skip()
        return token

    def _comment(self, begin: int) -> Token | None:
        self._at = begin
        self._skip()
        end = self._text.find("*/", begin + 2)
        if end < 0:
            return self._fail("unclosed comment")
        self._at = end + 2
        closes, trims = self._at_right()
        if not closes:
            return self._fail("comment ends before closing delimiter")
        self._at += len(_RIGHT) + 2 * trims
        if trims:
            self._skip_spaces()
        self._skip()
        return None

    def _skip_spaces(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in SPACES:
            self._at += 1

    def _at_right(self) -> tuple[bool, bool]:
        here = self._text[self._at : self._at + 4]
        if len(here) == 4 and here[0] in SPACES and here[1:] == "-}}":
            return True, True
        return here.startswith(_RIGHT), False

    def _right_delimiter(self) -> Token:
        _, trims = self._at_right()
        if trims:
            self._at += 2
            self._skip()
        self._at += len(_RIGHT)
        token = self._emit("right")
        if trims:
            self._skip_spaces()
            self._skip()
        self._inside = False
        return token

    def _inside_action(self) -> Token:
        closes, _ = self._at_right()
        if closes:
            return self._right_delimiter() if self._depth == 0 else self._fail("unclosed left paren")
        character = self._peek()
        if character == _END:
            return self._fail("unclosed action")
        if character in SPACES:
            return self._space()
        if character in "()":
            return self._paren(character)
        if character in _QUOTES:
            return self._quoted(character)
        if character in _SIMPLE:
            self._at += 1
            return self._emit(_SIMPLE[character])
        return self._word(character)

    def _word(self, character: str) -> Token:
        following = self._text[self._at + 1 : self._at + 2]
        if character == ":":
            self._at += 2
            return self._emit("declare") if following == "=" else self._fail("expected :=")
        if character == "`":
            end = self._text.find("`", self._at + 1)
            if end < 0:
                return self._fail("unterminated raw quoted string")
            self._at = end + 1
            return self._emit("raw string")
        if character == "$":
            self._at += 1
            return self._field("variable")
        if character == "." and following != _END and not "0" <= following <= "9":
            self._at += 1
            return self._field("field")
        if character in "+-." or "0" <= character <= "9":
            return self._number()
        if is_alphanumeric(character):
            return self._identifier()
        if " " <= character <= "~":
            self._at += 1
            return self._emit("char")
        return self._fail(f"unrecognized character in action: {shown(character)}")

    def _space(self) -> Token:
        self._skip_spaces()
        # The last space may be part of the trim marker before the closing delimiter.
        if self._text.startswith("-}}", self._at):
            self._at -= 1
            if self._at == self._start:
                return self._right_delimiter()
        return self._emit("space")

    def _paren(self, character: str) -> Token:
        self._at += 1
        self._depth += 1 if character == "(" else -1
        if self._depth < 0:
            return self._fail("unexpected right paren")
        return self._emit(character)

    def _quoted(self, mark: str) -> Token:
        kind, problem = _QUOTES[mark]
        self._at += 1
        while True:
            character = self._peek()
            if character == "\\":
                self._at += 1
                character = self._peek()
                if character not in (_END, "\n"):
                    self._at += 1
                    continue
            if character in (_END, "\n"):
                return self._fail(problem)
            self._at += 1
            if character == mark:
                return self._emit(kind)

    def _at_terminator(self) -> bool:
        character = self._peek()
        if character == _END or character in SPACES or character in _TERMINATORS:
            return True
        return self._text.startswith(_RIGHT, self._at)

    def _field(self, kind: str) -> Token:
        if self._at_terminator():
            return self._emit("variable" if kind == "variable" else "dot")
        while is_alphanumeric(self._peek()):
            self._at += 1
        if not self._at_terminator():
            return self._fail(f"bad character {shown(self._peek())}")
        return self._emit(kind)

    def _identifier(self) -> Token:
        while is_alphanumeric(self._peek()):
            self._at += 1
        word = self._text[self._start : self._at]
        if not self._at_terminator():
            return self._fail(f"bad character {shown(self._peek())}")
        if word in KEYWORDS:
            return self._emit(word)
        return self._emit({"true": "bool", "false": "bool", "nil": "nil"}.get(word, "identifier"))

    def _number(self) -> Token:
        if not self._scan_number():
            return self._fail(f"bad number syntax: {quote(self._text[self._start : self._at])}")
        if self._peek() in ("+", "-"):
            if not self._scan_number() or self._text[self._at - 1] != "i":
                return self._fail(f"bad number syntax: {quote(self._text[self._start : self._at])}")
            return self._emit("complex")
        return self._emit("number")

    def _scan_number(self) -> bool:
        self._accept("+-")
        digits = "0123456789_"
        if self._accept("0"):
            if self._accept("xX"):
                digits = "0123456789abcdefABCDEF_"
            elif self._accept("oO"):
                digits = "01234567_"
            elif self._accept("bB"):
                digits = "01_"
        self._accept_run(digits)
        if self._accept("."):
            self._accept_run(digits)
        exponents = {11: "eE", 23: "pP"}.get(len(digits), "")
        if exponents and self._accept(exponents):
            self._accept("+-")
            self._accept_run("0123456789_")
        self._accept("i")
        if is_alphanumeric(self._peek()):
            self._at += 1
            return False
        return True

    def _accept(self, valid: str) -> bool:
        found = self._peek() != _END and self._peek() in valid
        self._at += found
        return found

    def _accept_run(self, valid: str) -> None:
        while self._accept(valid):
            pass


def shown(character: str) -> str:
    """A character as fmt's ``%#U`` prints it: the code point, and the character if it is printable."""
    code = f"U+{ord(character):04X}"
    return f"{code} '{character}'" if character.isprintable() else code
