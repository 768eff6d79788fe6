"""What can be read off a pattern's text: its groups' names, what Go refuses, and what every match must contain.

In: a pattern. Out: tokens, and what follows from them.

Source: Go regexp/syntax/parse.go; vectors goregexp.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "escape", "class", "open", "close", "repeat", "either", "other"]
_REPEAT = re.compile(r"[*+?]|\{[0-9]+(?:,[0-9]*)?\}", re.ASCII)
_OPENING = re.compile(r"\(\?P?<([^>]*)>|\(\?[A-Za-z-]*:|\(\?[A-Za-z-]*\)|\(")
_POSIX = re.compile(r"\[:\^?[a-z]+:\]", re.ASCII)
_CODE = re.compile(r"\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[^}]*\}|..)|[0-7]{1,3}|.)?", re.DOTALL)
_PLAIN_GROUPS = ("(", "(?:")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a pattern and where it stands. ``meaning`` is a text's character or an opening group's name."""

    kind: Kind
    at: int
    text: str
    meaning: str = ""


def tokens(pattern: str) -> Iterator[Token]:
    """The pieces of a pattern in order; of one that is not valid, pieces as far as they make sense."""
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
    """Behind a class's bracket. One right after the opening is a member: ``[]a]`` and ``[^]a]``."""
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
    """A name, or an empty text, for each group of a valid pattern; group 0 first. Names may repeat."""
    opened = (token for token in tokens(pattern) if token.kind == "open")
    return ("", *(token.meaning for token in opened if token.text == "(" or token.meaning))


def first_refused(pattern: str) -> Token | None:
    """The first piece that RE2 takes and Go does not: ``\\C``, and a group's name beyond ASCII."""
    for token in tokens(pattern):
        if token.text == "\\C" or (token.kind == "class" and "\\C" in token.text.replace("\\\\", "")):
            return token
        if token.kind == "open" and not token.meaning.isascii():
            return token
    return None


def required_text(pattern: str) -> str:
    """The longest text that is in everything a valid pattern matches; empty when that is not plain to see.

    Looking for it first spares most of the work: a text that does not hold it needs no regular expression.
    """
    runs, run, depth = [""], "", 0
    for token in tokens(pattern):
        if token.kind == "either" and depth == 0:
            return ""
        if token.kind == "open":
            if token.text not in _PLAIN_GROUPS and not token.meaning:
                # Flags change what text means.
                return ""
            depth += 1
        elif token.kind == "close":
            depth -= 1
        elif token.kind == "text" and depth == 0:
            run += token.meaning
            continue
        elif token.kind == "repeat" and depth == 0 and token.text != "+":
            run = run[:-1]
        runs.append(run)
        run = ""
    found = max((*runs, run), key=len)
    return found if found.isascii() else ""
