"""sprig's functions for words: wrapping, abbreviation and conventions of case.

Source: Masterminds/goutils v1.1.1 wordutils.go and stringutils.go, huandu/xstrings v1.5.0 convert.go.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping

from gocompat.sprig.strings import SPACE, lower, title_character, upper
from gocompat.template.bounds import check_size
from gocompat.template.signature import function
from gocompat.template.values import Charged, Function, from_bytes, raw, runes

_CALL = 20
_WORDS = ("number", "alphabet")
_CHINESE = (("\u3400", "\u4d85"), ("\u4e00", "\u9fcc"), ("\U00020000", "\U0002b81d"))


def wrap(width: int, separator: str, text: str, *, long_words: bool) -> str:
    """``wrap`` and ``wrapWith``: a text broken into lines at spaces.

    Args:
        width: the most bytes of a line.
        separator: what is put between lines; a line feed if it is empty.
        text: what is broken.
        long_words: whether words longer than a line are broken too.
    """
    data, line, width = raw(text), raw(separator or "\n"), max(width, 1)
    check_size(len(data) + len(data) // width * len(line), "characters")
    pieces: list[bytes] = []
    offset = 0
    while len(data) - offset > width:
        if data[offset] == 0x20:
            offset += 1
            continue
        end = data.rfind(b" ", offset, offset + width + 1)
        if end < 0 and long_words:
            end = offset + width
            pieces.append(data[offset:end] + line)
            offset = end
            continue
        if end < 0:
            end = data.find(b" ", offset + width)
        if end < 0:
            break
        pieces.append(data[offset:end] + line)
        offset = end + 1
    return from_bytes(b"".join(pieces) + data[offset:])


def abbreviate(offset: int, width: int, text: str) -> str:
    """At most ``width`` bytes of a text from about ``offset`` on, with dots for what is left out (AbbreviateFull)."""
    data = raw(text)
    if not data or width < 4:
        return ""
    if len(data) <= width:
        return text
    offset = min(offset, len(data))
    if len(data) - offset < width - 3:
        offset = len(data) - (width - 3)
    if offset <= 4:
        return from_bytes(data[: width - 3]) + "..."
    if width < 7:
        return ""
    if offset + width - 3 < len(data):
        return "..." + abbreviate(0, width - 3, from_bytes(data[offset:]))
    return "..." + from_bytes(data[len(data) - (width - 3) :])


def abbrev(width: int, text: str) -> str:
    """``abbrev``: the beginning of a text with dots, at most ``width`` bytes."""
    return text if width < 4 else abbreviate(0, width, text)


def abbrevboth(left: int, right: int, text: str) -> str:
    """``abbrevboth``: the middle of a text with dots on both sides, at most ``right`` bytes."""
    return text if right < 4 or (left > 0 and right < 7) else abbreviate(left, right, text)


def _latin(text: str) -> Iterator[str]:
    # goutils reads each byte as a character.
    yield from raw(text).decode("latin-1")


def initials(text: str) -> str:
    """``initials``: the first byte of each word, read as a character."""
    found, gap = [], True
    for one in _latin(text):
        if one in SPACE:
            gap = True
        elif gap:
            found.append(one)
            gap = False
    return "".join(found)


def nospace(text: str) -> str:
    """``nospace``: a text without white space. If it has any, each byte is read as a character, as in goutils."""
    kept = [one for one in _latin(text) if one not in SPACE]
    return text if len(kept) == len(raw(text)) else "".join(kept)


def untitle(text: str) -> str:
    """``untitle``: a small letter at the beginning of each word."""
    shown, begins = [], True
    for one in runes(text):
        shown.append(lower(one) if begins and one not in SPACE else one)
        begins = one in SPACE
    return "".join(shown)


def swapcase(text: str) -> str:
    """``swapcase``: capitals become small letters; small letters become capitals, or title case where a word begins."""
    shown, blank = [], True
    for one in runes(text):
        category = unicodedata.category(one)
        if category in ("Lu", "Lt"):
            shown.append(lower(one))
            blank = False
        elif category == "Ll":
            shown.append(title_character(one) if blank else upper(one))
            blank = False
        else:
            shown.append(one)
            blank = one in SPACE
    return "".join(shown)


def _connects(character: str) -> bool:
    return character in "-_" or character in SPACE


def _is_upper(character: str) -> bool:
    return unicodedata.category(character) == "Lu"


def _is_alphabet(character: str) -> bool:
    # xstrings does not count Chinese characters as letters.
    return unicodedata.category(character)[0] == "L" and not any(low <= character <= high for low, high in _CHINESE)


def camelcase(text: str) -> str:
    """``camelcase``: words joined, each with a capital at its beginning (xstrings.ToPascalCase)."""
    characters = runes(text)
    start = next((at for at, one in enumerate(characters) if not _connects(one)), len(characters))
    shown = characters[:start]
    rest = characters[start:]
    if not rest:
        # If there are only connectors, xstrings writes the last one twice.
        return "".join(shown + shown[-1:])
    raised = _is_upper(rest[0])
    before = upper(rest[0])
    for one in rest[1:]:
        if _connects(one) and _connects(before):
            shown.append(before)
            before = one
            continue
        current = one
        if _connects(before):
            raised = _is_upper(one)
            current = upper(one)
        else:
            if raised and _is_upper(one):
                current = lower(one)
            else:
                raised = False
            shown.append(before)
        before = current
    return "".join([*shown, before])


def _class(character: str) -> str:
    category = unicodedata.category(character)
    if _connects(character):
        return "connector"
    if category[0] == "P":
        return "punct"
    if category == "Lu":
        return "upper"
    if _is_alphabet(character):
        return "alphabet"
    return "number" if category[0] == "N" else "other"


def _word_end(text: str, at: int) -> tuple[str, int]:
    kind = _class(text[at])
    end = at + 1
    if kind != "upper":
        while end < len(text) and (_class(text[end]) == kind or (kind == "punct" and text[end] in "-_")):
            end += 1
        return kind, end
    while end < len(text) and _is_upper(text[end]):
        end += 1
    if end - at > 1:
        # If a small letter follows, the last capital belongs to the next word.
        return kind, end - 1 if end < len(text) and _is_alphabet(text[end]) else end
    while end < len(text) and _is_alphabet(text[end]) and not _is_upper(text[end]):
        end += 1
    return kind, end


def _is_invalid(character: str) -> bool:
    # xstrings cannot tell U+FFFD from a byte that is not UTF-8.
    return character == "\ufffd" or "\udc80" <= character <= "\udcff"


def _split_words(text: str) -> list[tuple[str, str]]:
    """The words and their classes. Bytes that are not UTF-8 belong to the next character; the last ones to the last."""
    ends = [at + 1 for at, one in enumerate(text) if not _is_invalid(one)]
    if not ends:
        return [("invalid", text)] if text else []
    characters = "".join(text[end - 1] for end in ends)
    ends[-1] = len(text)
    found, at, start = [], 0, 0
    while at < len(characters):
        kind, at = _word_end(characters, at)
        found.append((kind, text[start : ends[at - 1]]))
        start = ends[at - 1]
    return found


class _Lowered:
    """The words of a text in small letters with a connector between them (xstrings' camelCaseToLowerCase)."""

    def __init__(self, text: str, connector: str) -> None:
        self._words = _split_words(text)
        self._at = 0
        self._connector = connector
        self._shown: list[str] = []

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._words):
            return "invalid", ""
        self._at += 1
        return self._words[self._at - 1]

    def _add(self, kind: str, word: str) -> None:
        if kind in ("upper", "connector"):
            small = (lower(one) if _is_upper(one) else one for one in runes(word))
            word = "".join(self._connector if _connects(one) else one for one in small)
        self._shown.append(word)

    def text(self) -> str:
        kind, word = self._next()
        while self._at < len(self._words):
            if kind != "connector":
                self._add(kind, word)
            before, last = kind, word
            kind, word = self._next()
            if before == "number":
                kind, word = self._run(kind, word)
                self._connect(kind)
            elif before == "connector":
                self._add(before, last)
            elif before != "punct":
                kind, word = self._after_word(kind, word)
        self._add(kind, word)
        return "".join(self._shown)

    def _run(self, kind: str, word: str) -> tuple[str, str]:
        while kind in _WORDS:
            self._add(kind, word)
            kind, word = self._next()
        return kind, word

    def _connect(self, kind: str) -> None:
        if kind not in ("invalid", "punct", "connector"):
            self._shown.append(self._connector)

    def _after_word(self, kind: str, word: str) -> tuple[str, str]:
        if kind != "number":
            self._connect(kind)
            return kind, word
        if self._at >= len(self._words):
            return kind, word
        number = word
        kind, word = self._next()
        if kind != "alphabet":
            self._add("number", number)
            self._connect(kind)
            return kind, word
        self._shown.append(self._connector)
        self._add("number", number)
        kind, word = self._run(kind, word)
        self._connect(kind)
        return kind, word


def lowered(text: str, connector: str) -> str:
    """``snakecase`` and ``kebabcase``: the words of a text in small letters with a connector between them."""
    return _Lowered(text, connector).text()


def _joined_by(connector: str) -> Callable[[str], Charged]:
    return lambda text: Charged(lowered(text, connector), len(text))


FUNCTIONS: Mapping[str, Function] = {
    "wrap": function("int, string", lambda width, text: wrap(width, "", text, long_words=False), _CALL),
    "wrapWith": function(
        "int, string, string", lambda width, mark, text: wrap(width, mark, text, long_words=True), _CALL
    ),
    "abbrev": function("int, string", abbrev, _CALL),
    "abbrevboth": function("int, int, string", abbrevboth, _CALL),
    "initials": function("string", initials, _CALL),
    "nospace": function("string", nospace, _CALL),
    "untitle": function("string", untitle, _CALL),
    "swapcase": function("string", swapcase, _CALL),
    "camelcase": function("string", camelcase, _CALL),
    "snakecase": function("string", _joined_by("_"), _CALL),
    "kebabcase": function("string", _joined_by("-"), _CALL),
}
