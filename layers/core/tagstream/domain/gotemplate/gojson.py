"""JSON as Go's encoding/json reads and writes it.

In: values of templates, or text. Out: text, or values.

Source: Go encoding/json encode.go (1.24), decode.go.
"""

from __future__ import annotations

import json
import math
from typing import Any

from tagstream.domain.gotemplate.faults import CallError
from tagstream.domain.gotemplate.printf_scalars import shortest
from tagstream.domain.gotemplate.values import GoMap, GoSlice, GoStruct, Value, raw, sort_key, type_of

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_HTML = "<>&"
MAX_DEPTH = 100


def encode(value: Value, *, escape_html: bool = True, indent: str = "") -> str:
    """json.Marshal or MarshalIndent.

    Raises:
        CallError: ``json: unsupported type: …`` or ``json: unsupported value: …``.
    """
    return _encoded(value, escape_html, indent, "\n")


def _encoded(value: Value, html: bool, indent: str, line: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value, html)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, GoStruct):
        return _struct(value, html, indent, line)
    inner = line + indent if indent else ""
    if isinstance(value, GoMap):
        return _map(value, html, indent, line)
    if isinstance(value, GoSlice):
        if value.absent:
            return "null"
        return _wrapped([_encoded(one, html, indent, inner or line) for one in value.items], "[]", inner, line)
    raise CallError(f"json: unsupported type: {type_of(value)}")


def _wrapped(parts: list[str], marks: str, inner: str, line: str) -> str:
    if not parts:
        return marks
    if not inner:
        return marks[0] + ",".join(parts) + marks[1]
    return marks[0] + inner + f",{inner}".join(parts) + line + marks[1]


def _map(value: GoMap, html: bool, indent: str, line: str) -> str:
    key = value.go_type.key
    if key is None or key.kind != "string":
        raise CallError(f"json: unsupported type: {value.go_type}")
    if value.absent:
        return "null"
    entries = sorted(value.entries.items(), key=lambda entry: sort_key(entry[0]))
    return _members([(str(name), one) for name, one in entries], html, indent, line)


def _members(entries: list[tuple[str, Value]], html: bool, indent: str, line: str) -> str:
    inner = line + indent if indent else ""
    colon = ": " if indent else ":"
    parts = [quoted(name, html) + colon + _encoded(one, html, indent, inner or line) for name, one in entries]
    return _wrapped(parts, "{}", inner, line)


def _struct(value: GoStruct, html: bool, indent: str, line: str) -> str:
    # Only structs without own MarshalJSON come this way, and those whose text is their JSON.
    if value.text is not None and not value.fields:
        return quoted(value.text, html)
    return _members(list(value.fields), html, indent, line)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise CallError(f"json: unsupported value: {shortest(value)}")
    shown = shortest(value, -6, 21)
    if "e-0" in shown:
        shown = shown.replace("e-0", "e-")
    return shown


def quoted(text: str, html: bool) -> str:
    """A JSON string; with ``html`` the characters of markup are escaped, as Marshal does."""
    return '"' + "".join(_character(one, html) for one in text) + '"'


def _character(character: str, html: bool) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if "\udc80" <= character <= "\udcff":
        return "\\ufffd"
    if character < " " or (html and character in _HTML) or character in "\u2028\u2029":
        return f"\\u{ord(character):04x}"
    return character


def decode(text: str) -> Value:
    """json.Unmarshal into an interface{}: objects, lists, float64, text.

    Raises:
        CallError: not JSON.
    """
    if raw(text) != text.encode("utf-8", "replace"):
        text = raw(text).decode("utf-8", "replace")
    try:
        return _value(json.loads(text, parse_int=float, parse_constant=_refuse), 0)
    except json.JSONDecodeError as error:
        raise CallError(_syntax(text, error)) from None
    except RecursionError:
        raise CallError("exceeded max depth") from None


def _refuse(name: str) -> Value:
    raise CallError(f"invalid character '{name[0]}' looking for beginning of value")


def _syntax(text: str, error: json.JSONDecodeError) -> str:
    at = error.pos
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    if at >= len(text) or error.msg.startswith("Unterminated"):
        return "unexpected end of JSON input"
    literal = _broken_literal(text[at:])
    if literal:
        return literal
    if error.msg.startswith("Extra data"):
        return f"invalid character {_shown(text[at])} after top-level value"
    where = {
        "Expecting value": "looking for beginning of value",
        "Expecting property name": "looking for beginning of object key string",
        "Expecting ':'": "after object key",
        "Expecting ','": "after object key:value pair" if _in_object(text[:at]) else "after array element",
        "Invalid control": "in string literal",
        "Invalid \\escape": "in string escape code",
    }
    words = next((one for begin, one in where.items() if error.msg.startswith(begin)), "looking for beginning of value")
    return f"invalid character {_shown(text[at])} {words}"


def _broken_literal(rest: str) -> str:
    word = next((one for one in ("null", "true", "false") if rest[:1] == one[0]), "")
    for index, expected in enumerate(word):
        if rest[index : index + 1] != expected:
            if index >= len(rest):
                return "unexpected end of JSON input"
            return f"invalid character {_shown(rest[index])} in literal {word} (expecting '{expected}')"
    return ""


def _shown(character: str) -> str:
    return {"'": "'\\''", '"': "'\"'"}.get(character, f"'{quoted(character, False)[1:-1]}'")


def _in_object(before: str) -> bool:
    depth: list[str] = []
    inside = False
    for index, one in enumerate(before):
        if one == '"' and before[index - 1 : index] != "\\":
            inside = not inside
        elif not inside and one in "{[":
            depth.append(one)
        elif not inside and one in "}]" and depth:
            depth.pop()
    return bool(depth) and depth[-1] == "{"


def _value(parsed: Any, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise CallError("exceeded max depth")
    if isinstance(parsed, dict):
        return GoMap({key: _value(one, depth + 1) for key, one in parsed.items()})
    if isinstance(parsed, list):
        return GoSlice([_value(one, depth + 1) for one in parsed])
    if isinstance(parsed, float) and not math.isfinite(parsed):
        raise CallError("json: cannot unmarshal number into Go value of type float64")
    return parsed
