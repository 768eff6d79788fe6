"""sprig's functions for text. Lengths and positions count bytes, as in Go.

Source: sprig strings.go and functions.go v3.3.0.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from gocompat.quote import quote
from gocompat.sprig.cast import to_text, to_texts
from gocompat.template.bounds import check_size
from gocompat.template.faults import CallError
from gocompat.template.printf import show
from gocompat.template.signature import function
from gocompat.template.values import STRING_MAP, Function, GoMap, GoSlice, Value, from_bytes, raw, runes, strings

SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f"
    "\u205f\u3000"
)
"""The characters that Go's unicode.IsSpace counts as white space."""
_INVALID = "\ufffd" + "".join(map(chr, range(0xDC80, 0xDD00)))


def upper(text: str) -> str:
    """``upper``: capital letters, each letter replaced by one character (strings.ToUpper)."""
    # For some Greek letters only the title case is a single character.
    return "".join(_one(title_character(one), one.upper()) for one in runes(text))


def lower(text: str) -> str:
    """``lower``: small letters, each letter replaced by one character (strings.ToLower)."""
    return "".join("i" if one == "İ" else _one(one, one.lower()) for one in runes(text))


def title_character(character: str) -> str:
    """The title case of a character (unicode.ToTitle)."""
    return _one(character, character.title())


def _one(character: str, changed: str) -> str:
    return changed if len(changed) == 1 else character


def title(text: str) -> str:
    """``title``: a capital at the beginning of each word (strings.Title)."""
    shown, before = [], " "
    for one in runes(text):
        shown.append(title_character(one) if _separates(before) else one)
        before = one
    return "".join(shown)


def _separates(character: str) -> bool:
    if character < "\x80":
        return not (character.isalnum() or character == "_")
    if unicodedata.category(character)[0] == "L" or unicodedata.category(character) == "Nd":
        return False
    return character in SPACE


def repeat(count: int, text: str) -> str:
    """``repeat``: a text several times in a row.

    Raises:
        TooLarge: the result would have more than a million characters.
    """
    if count < 0:
        raise CallError("strings: negative Repeat count")
    check_size(count * len(text), "characters")
    return text * count


def trunc(count: int, text: str) -> str:
    """``trunc``: the first ``count`` bytes, or the last ones if it is negative."""
    data = raw(text)
    if count < 0 and len(data) + count > 0:
        return from_bytes(data[count:])
    if 0 <= count < len(data):
        return from_bytes(data[:count])
    return text


def substr(start: int, end: int, text: str) -> str:
    """``substr``: the bytes from ``start`` to ``end``; a negative end means the end of the text."""
    data = raw(text)
    if start < 0:
        return from_bytes(data[: _bound(end, len(data))])
    if end < 0 or end > len(data):
        if start > len(data):
            raise CallError(f"runtime error: slice bounds out of range [{start}:{len(data)}]")
        return from_bytes(data[start:])
    if start > end:
        raise CallError(f"runtime error: slice bounds out of range [{start}:{end}]")
    return from_bytes(data[start:end])


def _bound(end: int, size: int) -> int:
    if end < 0 or end > size:
        shown = f"[:{end}]" if end < 0 else f"[:{end}] with length {size}"
        raise CallError(f"runtime error: slice bounds out of range {shown}")
    return end


def quote_all(*values: Value) -> str:
    """``quote``: each value but nil in double quotes, separated by spaces."""
    return " ".join(quote(to_text(one)) for one in values if one is not None)


def squote(*values: Value) -> str:
    """``squote``: each value but nil in single quotes, separated by spaces."""
    return " ".join(f"'{show(one)}'" for one in values if one is not None)


def cat(*values: Value) -> str:
    """``cat``: each value but nil as text, separated by spaces."""
    return " ".join(show(one) for one in values if one is not None)


def indent(spaces: int, text: str) -> str:
    """``indent``: a text with spaces before every line."""
    if spaces < 0:
        raise CallError("strings: negative Repeat count")
    check_size(spaces * (text.count("\n") + 1) + len(text), "characters")
    pad = " " * spaces
    return pad + text.replace("\n", "\n" + pad)


def replace(old: str, new: str, text: str) -> str:
    """``replace``: replaces every occurrence; an empty ``old`` occurs around every character."""
    check_size(len(text) + (text.count(old) if old else len(text) + 1) * len(new), "characters")
    return from_bytes(raw(text).replace(raw(old), raw(new))) if old else text.replace(old, new)


def join(separator: str, value: Value) -> str:
    """``join``: the elements of a list but nil as text, with a separator between them."""
    parts = to_texts(value)
    check_size(len(separator) * (len(parts) - 1) + sum(map(len, parts)), "characters")
    return separator.join(parts)


def split(separator: str, text: str, limit: int = -1) -> list[str]:
    """The parts between separators (strings.SplitN).

    Args:
        separator: "" splits into characters.
        text: what is split.
        limit: the most parts to return; all if it is negative.
    """
    if limit == 0:
        return []
    if separator:
        return [from_bytes(one) for one in raw(text).split(raw(separator), limit - 1 if limit > 0 else -1)]
    if 0 < limit < len(text):
        return [*text[: limit - 1], text[limit - 1 :]]
    return list(text)


def _numbered(parts: list[str]) -> GoMap:
    return GoMap({f"_{index}": part for index, part in enumerate(parts)}, STRING_MAP)


def split_list(separator: str, text: str) -> GoSlice:
    """``splitList``: the parts between separators, as a list."""
    return strings(split(separator, text))


def trim_all(cutset: str, text: str) -> str:
    """``trimAll``: a text without the characters of a set at both ends (strings.Trim)."""
    # Go takes bytes that are not UTF-8 for the same character, U+FFFD.
    return text.strip(cutset + _INVALID if "\ufffd" in runes(cutset) else cutset) if cutset else text


FUNCTIONS: Mapping[str, Function] = {
    "hello": function("", lambda: "Hello!"),
    "trunc": function("int, string", trunc),
    "trim": function("string", lambda text: text.strip(SPACE)),
    "upper": function("string", upper),
    "lower": function("string", lower),
    "title": function("string", title),
    "substr": function("int, int, string", substr),
    "repeat": function("int, string", repeat),
    "trimall": function("string, string", trim_all),
    "trimAll": function("string, string", trim_all),
    "trimSuffix": function("string, string", lambda end, text: from_bytes(raw(text).removesuffix(raw(end)))),
    "trimPrefix": function("string, string", lambda start, text: from_bytes(raw(text).removeprefix(raw(start)))),
    "contains": function("string, string", lambda part, text: raw(part) in raw(text)),
    "hasPrefix": function("string, string", lambda start, text: raw(text).startswith(raw(start))),
    "hasSuffix": function("string, string", lambda end, text: raw(text).endswith(raw(end))),
    "quote": function("...any", quote_all),
    "squote": function("...any", squote),
    "cat": function("...any", cat),
    "indent": function("int, string", indent),
    "nindent": function("int, string", lambda spaces, text: "\n" + indent(spaces, text)),
    "replace": function("string, string, string", replace),
    "plural": function("string, string, int", lambda one, many, count: one if count == 1 else many),
    "toString": function("any", to_text),
    "toStrings": function("any", lambda value: strings(to_texts(value))),
    "join": function("string, any", join),
    "split": function("string, string", lambda separator, text: _numbered(split(separator, text))),
    "splitn": function("string, int, string", lambda separator, limit, text: _numbered(split(separator, text, limit))),
    "splitList": function("string, string", split_list),
}
