"""Go's ``filepath.Match`` for one label of a host name, as the keys of a docker config use it.

The time is bounded by the length of the pattern times the length of the text. The separator ``/`` has no special role.

Source: Go path/filepath.Match; vectors registry/dockerconfig_match.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STAR: Final = None


class BadPattern(ValueError):
    """Go refuses the pattern; the message is ``syntax error in pattern``."""

    def __init__(self) -> None:
        super().__init__("syntax error in pattern")


@dataclass(frozen=True, slots=True)
class CharacterClass:
    """The characters that may stand in one place: those of the ranges, or if ``negated`` all others."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def admits(self, character: str) -> bool:
        """Whether the character may stand here."""
        return any(low <= character <= high for low, high in self.ranges) != self.negated


ANY: Final = CharacterClass((), True)
Atom = CharacterClass | None


def glob_match(pattern: str, text: str) -> bool:
    """Whether a pattern matches the whole text.

    Args:
        pattern: with ``*``, ``?``, ``[a-z]``, ``[^a-z]`` and ``\\`` before a character that stands for itself.
        text: one label of a host name.

    Raises:
        BadPattern: a class is empty or not closed, or the pattern ends with a backslash.
    """
    return _matches(_compile(pattern), text)


def _matches(atoms: tuple[Atom, ...], text: str) -> bool:
    at = here = 0
    star = resume = -1
    while here < len(text):
        atom = atoms[at] if at < len(atoms) else ANY
        if at < len(atoms) and atom is STAR:
            star, resume = at, here
            at += 1
        elif at < len(atoms) and atom is not None and atom.admits(text[here]):
            at, here = at + 1, here + 1
        elif star >= 0:
            # Let the last star take one more character. Earlier stars never have to be tried again.
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return all(atom is STAR for atom in atoms[at:])


def _compile(pattern: str) -> tuple[Atom, ...]:
    atoms: list[Atom] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "[":
            found, at = _class(pattern, at + 1)
            atoms.append(found)
            continue
        if character == "*":
            atoms.append(STAR)
        elif character == "?":
            atoms.append(ANY)
        else:
            literal, at = _character(pattern, at)
            atoms.append(CharacterClass(((literal, literal),), False))
            continue
        at += 1
    return tuple(atoms)


def _class(pattern: str, at: int) -> tuple[CharacterClass, int]:
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[str, str]] = []
    while not (ranges and pattern.startswith("]", at)):
        if at >= len(pattern) or pattern[at] in "-]":
            raise BadPattern
        low, at = _character(pattern, at)
        high = low
        if pattern.startswith("-", at):
            at += 1
            if at >= len(pattern) or pattern[at] in "-]":
                raise BadPattern
            high, at = _character(pattern, at)
        ranges.append((low, high))
    return CharacterClass(tuple(ranges), negated), at + 1


def _character(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at] == "\\":
        at += 1
        if at >= len(pattern):
            raise BadPattern
    return pattern[at], at + 1
