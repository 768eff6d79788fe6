"""JSON of template values as Go's encoding/json writes and parses it.

Source: Go encoding/json encode.go (1.24), decode.go.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from gocompat.json_syntax import find_mistake
from gocompat.template.faults import CallError
from gocompat.template.printf_scalars import shortest
from gocompat.template.values import GoMap, GoSlice, GoStruct, Value, raw, sort_key, type_of

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_HTML = "<>&"
MAX_DEPTH = 100
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def encode(value: Value, *, escape_html: bool = True, indent: str = "") -> str:
    """A value as JSON (json.Marshal).

    Args:
        value: a value of values.py. Keys of maps come sorted.
        escape_html: whether ``<``, ``>`` and ``&`` are escaped, as Marshal does by default.
        indent: what one level is indented by (json.MarshalIndent); "" puts everything on one line.

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
    if isinstance(value.json, CallError):
        raise value.json
    if value.json is not None:
        return _encoded(value.json, html, indent, line)
    return _members(list(value.fields), html, indent, line)


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise CallError(f"json: unsupported value: {shortest(value)}")
    shown = shortest(value, -6, 21)
    if "e-0" in shown:
        shown = shown.replace("e-0", "e-")
    return shown


def quoted(text: str, html: bool) -> str:
    """Text as a JSON string. With ``html``, ``<``, ``>`` and ``&`` are escaped."""
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
    """The value of a JSON text (json.Unmarshal into an ``interface{}``). Every number is a float64.

    Raises:
        CallError: the text is not JSON, or a number does not fit into a float64; the words are Go's.
    """
    value, problems = decode_known(text)
    if problems:
        raise CallError(problems[0])
    return value


def decode_known(text: str) -> tuple[Value, list[str]]:
    """As ``decode``, but with nil for each number that does not fit, and Go's errors about these numbers.

    Raises:
        CallError: the text is not JSON; the words are Go's.
    """
    data, problems = raw(text), list[str]()

    def number(digits: str) -> float | None:
        found = float(digits)
        if math.isfinite(found):
            return found
        problems.append(f"json: cannot unmarshal number {digits} into Go value of type float64")
        return None

    try:
        parsed = json.loads(
            data.decode("utf-8", "replace"), parse_int=number, parse_float=number, parse_constant=_refuse
        )
        return _value(parsed, 0), problems
    except json.JSONDecodeError as error:
        raise CallError(find_mistake(data) or str(error)) from None
    except RecursionError:
        raise CallError("exceeded max depth") from None


def _refuse(name: str) -> Value:
    words = "in numeric literal" if name[0] == "-" else "looking for beginning of value"
    raise CallError(f"invalid character '{name.lstrip('-')[0]}' {words}")


def _value(parsed: Any, depth: int) -> Value:
    if depth > MAX_DEPTH:
        raise CallError("exceeded max depth")
    if isinstance(parsed, dict):
        return GoMap({_whole(key): _value(one, depth + 1) for key, one in parsed.items()})
    if isinstance(parsed, list):
        return GoSlice([_value(one, depth + 1) for one in parsed])
    return _whole(parsed) if isinstance(parsed, str) else parsed


def _whole(text: str) -> str:
    """Text in which U+FFFD replaces each lone surrogate."""
    return _HALF_PAIR.sub("\ufffd", text)
