"""What the text of a regular expression says: names of groups, what only Go refuses, what every match contains.

It splits a pattern into tokens. It does not decide whether the pattern is valid; RE2 does.

Source: Go regexp/syntax/parse.go; vectors goregexp.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "escape", "class", "open", "close", "repeat", "either", "other"]
_REPEAT = re.compile(r"[*+?]|\{[0-9]+(?:,[0-9]*)?\}", re.ASCII)
_OPENING = re.compile(r"\(\?P?<([^>]*)>|\(\?[A-Za-z-]*:|\(\?[A-Za-z-]*\)|\(")
_POSIX = re.compile(r"\[:\^?[a-z]+:\]", re.ASCII)
_CODE = re.compile(r"\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[^}]*\}|..)|[0-7]{1,3}|.)?", re.DOTALL)
Operator = Literal["letter", "sequence", "choice", "other"]
INVALID_BYTE = re.compile("[\udc80-\udcff]")
"""A byte that is not UTF-8, as this package writes it in a text."""
_PLAIN_GROUPS = ("(", "(?:")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a pattern and its position.

    ``meaning`` is the character of a ``text`` token, or the name of the group that an ``open`` token opens.
    """

    kind: Kind
    at: int
    text: str
    meaning: str = ""


def tokens(pattern: str) -> Iterator[Token]:
    """The tokens of a pattern in order. For an invalid pattern they are a best effort."""
    at = 0
    while at < len(pattern):
        if pattern.startswith("\\Q", at):
            end = pattern.find("\\E", at + 2)
            stop = len(pattern) if end < 0 else end
            yield from (Token("text", index, pattern[index], pattern[index]) for index in range(at + 2, stop))
            at = stop + 2
            continue
        token = _token(pattern, at)
        yield token
        at += len(token.text)


def _token(pattern: str, at: int) -> Token:
    character = pattern[at]
    if character == "\\":
        text = _CODE.match(pattern, at)[0]  # type: ignore[index]
        if len(text) == 2 and text.isascii() and not text[1].isalnum() and text[1] != "_":
            return Token("text", at, text, text[1])
        return Token("escape", at, text)
    if character == "[":
        return Token("class", at, pattern[at : _class_end(pattern, at)])
    if character == "(":
        found = _OPENING.match(pattern, at)
        assert found is not None
        return Token("open", at, found[0], found[1] or "")
    repeat = _REPEAT.match(pattern, at)
    if repeat:
        return Token("repeat", at, repeat[0])
    kind: Kind = "close" if character == ")" else "either" if character == "|" else "other"
    return Token(kind, at, character) if character in ")|^$." else Token("text", at, character, character)


def _class_end(pattern: str, at: int) -> int:
    """The position after the bracket that closes a class. A first ``]`` is a member: ``[]a]``, ``[^]a]``."""
    at += 2 if pattern.startswith("[^", at) else 1
    first = True
    while at < len(pattern):
        if pattern[at] == "]" and not first:
            return at + 1
        posix = _POSIX.match(pattern, at)
        code = _CODE.match(pattern, at)
        at = posix.end() if posix else code.end() if code else at + 1
        first = False
    return len(pattern)


def group_names(pattern: str) -> tuple[str, ...]:
    """The name of each group of a valid pattern, group 0 first; "" for a group without a name. Names may repeat."""
    opened = (token for token in tokens(pattern) if token.kind == "open")
    return ("", *(token.meaning for token in opened if token.text == "(" or token.meaning))


def first_refused(pattern: str) -> Token | None:
    """The first token that Go refuses and RE2 accepts, or refuses in other words.

    It contains a byte that is not UTF-8, or it is ``\\C``, or it opens a group whose name is not ASCII.
    """
    for token in tokens(pattern):
        if not token.text.isascii() and INVALID_BYTE.search(token.text):
            return token
        if token.text == "\\C" or (token.kind == "class" and "\\C" in token.text.replace("\\\\", "")):
            return token
        if token.kind == "open" and not token.meaning.isascii():
            return token
    return None


@dataclass(slots=True)
class _Level:
    """An open group, or the whole pattern, while it is read.

    The height of a tree is kept with its operator: as in Go, a sequence inside a sequence is one sequence, and so is a
    choice inside a choice.
    """

    captures: bool = False
    branches: int = 0
    tallest_branch: int = 0
    pieces: int = 0
    tallest: int = 0
    last: int = 0
    last_operator: Operator = "other"
    run: int = 0

    def add(self, height: int, operator: Operator) -> None:
        """Read a piece. Letters that follow each other are one piece."""
        if operator == "letter" and self.last_operator == "letter":
            self.run += 1
            return
        self._settle()
        self.pieces += 1
        self.last, self.last_operator, self.run = height, operator, 1

    def repeat(self) -> None:
        """Read a repetition, which is of the last letter only if letters came before it."""
        if self.last_operator == "letter" and self.run > 1:
            self._settle()
            self.pieces += 1
        self.last, self.last_operator = self.last + 1, "other"

    def end_branch(self) -> None:
        """Read ``|``, or the end."""
        self._settle()
        height, operator = self.last, self.last_operator
        if self.pieces != 1:
            height, operator = (1 + self.tallest, "sequence") if self.pieces else (1, "other")
        self.tallest_branch = max(self.tallest_branch, height - (operator == "choice"))
        self.last, self.last_operator = height, operator
        self.branches, self.pieces, self.tallest = self.branches + 1, 0, 0

    def end(self) -> tuple[int, Operator]:
        """Read the end of the group: its height and its operator."""
        self.end_branch()
        height, operator = self.last, self.last_operator
        if self.branches > 1:
            height, operator = 1 + self.tallest_branch, "choice"
        return (height + 1, "other") if self.captures else (height, operator)

    def _settle(self) -> None:
        if self.pieces:
            self.tallest = max(self.tallest, self.last - (self.last_operator == "sequence"))


def nesting(pattern: str) -> int:
    """The height of the tree that Go makes of a valid pattern (regexp/syntax, ``calcHeight``)."""
    levels = [_Level()]
    for token in tokens(pattern):
        if token.kind == "open":
            if not token.text.endswith(")"):
                levels.append(_Level(captures=token.text == "(" or bool(token.meaning)))
        elif token.kind == "close":
            height, operator = levels.pop().end()
            levels[-1].add(height, operator)
        elif token.kind == "either":
            levels[-1].end_branch()
            levels[-1].last_operator = "other"
        elif token.kind == "repeat":
            levels[-1].repeat()
        else:
            levels[-1].add(1, "letter" if token.kind == "text" else "other")
    return levels[0].end()[0]


@dataclass(frozen=True, slots=True)
class RequiredText:
    """A text that every match of a pattern contains; ``at_end`` if the searched text must also end with it."""

    text: str = ""
    at_end: bool = False

    def within(self, texts: Iterable[str]) -> Iterable[str]:
        """Those of the texts that have it. No other text can match."""
        text = self.text
        if self.at_end:
            # A text without the end comes back as it is. That takes half as long as endswith, which parses arguments.
            return [one for one in texts if one.removesuffix(text) != one]
        return [one for one in texts if text in one] if text else texts


def required_text(pattern: str) -> RequiredText:
    """The longest text that every match of a valid pattern contains; "" if that is not obvious from the pattern.

    A text that does not contain it cannot match, so that most texts need no regular expression at all.
    """
    runs, run, depth = [RequiredText()], "", 0
    pieces = list(tokens(pattern))
    for index, token in enumerate(pieces):
        if token.kind == "either" and depth == 0:
            return RequiredText()
        if token.kind == "open":
            if token.text not in _PLAIN_GROUPS and not token.meaning:
                # After a flag such as (?i), text stands for more than itself.
                return RequiredText()
            depth += 1
        elif token.kind == "close":
            depth -= 1
        elif token.kind == "text" and depth == 0:
            run += token.meaning
            continue
        elif token.kind == "repeat" and depth == 0 and token.text != "+":
            run = run[:-1]
        closes = token.kind == "other" and token.text == "$" and depth == 0 and index == len(pieces) - 1
        runs.append(RequiredText(run, closes and run != ""))
        run = ""
    found = max((*runs, RequiredText(run)), key=lambda one: (len(one.text), one.at_end))
    return found if found.text.isascii() else RequiredText()
