"""The words that a simple pattern can match, when these are few: ``^(latest|main)$`` matches two.

Only literals, alternations, groups and ``?`` are read; for any other pattern the answer is that nobody knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MOST = 32
_GROUP = re.compile(r"\((?:\?:|\?P?<\w+>)?")
_LITERAL = re.compile(r"\\([^0-9A-Za-z])|([0-9A-Za-z_\-@:/ ])|\[\\?([^\]\\^])\]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A text that a pattern matches, and whether it has to stand at the tag's begin and end."""

    text: str
    at_begin: bool = False
    at_end: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether no other tag than this text matches."""
        return self.at_begin and self.at_end


class _Unknown(Exception):
    """The pattern has something that is not read here, or too many words."""


def finite_words(pattern: str) -> tuple[Word, ...] | None:
    """The words of a pattern; None when they are not few, or when the pattern is not a simple one."""
    try:
        words, end = _alternatives(pattern, 0)
    except (_Unknown, RecursionError):
        # Each level of a nested pattern takes three calls; RE2 accepts more levels than Python accepts calls.
        return None
    return tuple(dict.fromkeys(words)) if end == len(pattern) and pattern else None


def _alternatives(pattern: str, at: int) -> tuple[list[Word], int]:
    found: list[Word] = []
    while True:
        words, at = _sequence(pattern, at)
        found += words
        if pattern[at : at + 1] != "|":
            return found, at
        at += 1


def _sequence(pattern: str, at: int) -> tuple[list[Word], int]:
    words = [Word(text="")]
    while at < len(pattern) and pattern[at] not in "|)":
        parts, at = _atom(pattern, at)
        if pattern[at : at + 1] == "?":
            parts, at = [*parts, Word(text="")], at + 1
        if pattern[at : at + 1] in ("*", "+", "{", "?"):
            raise _Unknown
        words = [_joined(one, other) for one in words for other in parts]
        if len(words) > _MOST:
            raise _Unknown
    return words, at


def _atom(pattern: str, at: int) -> tuple[list[Word], int]:
    if pattern[at] == "^" or pattern.startswith("\\A", at):
        return [Word(text="", at_begin=True)], at + (1 if pattern[at] == "^" else 2)
    if pattern[at] == "$" or pattern.startswith("\\z", at):
        return [Word(text="", at_end=True)], at + (1 if pattern[at] == "$" else 2)
    group = _GROUP.match(pattern, at)
    if group:
        words, end = _alternatives(pattern, group.end())
        if pattern[end : end + 1] != ")":
            raise _Unknown
        return words, end + 1
    literal = _LITERAL.match(pattern, at)
    if literal is None:
        raise _Unknown
    return [Word(text=literal[1] or literal[2] or literal[3])], literal.end()


def _joined(one: Word, other: Word) -> Word:
    if (one.at_end and other.text) or (other.at_begin and one.text):
        # Nothing can match this; it is not worth reading.
        raise _Unknown
    return Word(text=one.text + other.text, at_begin=one.at_begin or other.at_begin, at_end=one.at_end or other.at_end)
