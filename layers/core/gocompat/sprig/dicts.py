"""sprig's functions of dictionaries.

In: maps of text to anything. Out: values. Keys and values come sorted where Go's order is random.

Source: sprig dict.go v3.3.0; dario.cat/mergo v1.0.1 for merging.
"""

from __future__ import annotations

from collections.abc import Mapping

from gocompat.sprig.cast import is_empty, to_text
from gocompat.template.faults import CallError
from gocompat.template.signature import function
from gocompat.template.values import DICT, Function, GoMap, GoSlice, Value, sorted_entries, strings, type_of


def make(*values: Value) -> GoMap:
    """``dict``: keys and values in turn, a missing last value is empty text."""
    pairs = [*values, ""] if len(values) % 2 else list(values)
    return GoMap({to_text(key): value for key, value in zip(pairs[::2], pairs[1::2], strict=True)})


def put(target: GoMap, key: str, value: Value) -> GoMap:
    """``set``: in place."""
    if target.absent:
        raise CallError("assignment to entry in nil map")
    target.entries[key] = value
    return target


def remove(target: GoMap, key: str) -> GoMap:
    """``unset``: in place."""
    target.entries.pop(key, None)
    return target


def pluck(key: str, *maps: GoMap) -> GoSlice:
    """The values of a key in many maps."""
    return GoSlice([one.entries[key] for one in maps if key in one.entries])


def keys(*maps: GoMap) -> GoSlice:
    """``keys``"""
    return strings([key for one in maps for key, _ in sorted_entries(one)])


def pick(source: GoMap, *names: str) -> GoMap:
    """Only some keys."""
    return GoMap({name: source.entries[name] for name in names if name in source.entries})


def omit(source: GoMap, *names: str) -> GoMap:
    """Without some keys."""
    omitted = set(names)
    return GoMap({name: one for name, one in source.entries.items() if name not in omitted})


def dig(*parts: Value) -> Value:
    """A value down a path of keys, or the default before the map."""
    if len(parts) < 3:
        raise CallError("dig needs at least three arguments")
    current = parts[-1]
    if not isinstance(current, GoMap) or current.go_type != DICT:
        raise CallError(_conversion(current, "map[string]interface {}"))
    for key in parts[:-2]:
        if not isinstance(key, str):
            raise CallError(_conversion(key, "string"))
    for key in parts[:-2]:
        if not isinstance(current, GoMap) or current.go_type != DICT:
            raise CallError(_conversion(current, "map[string]interface {}"))
        if key not in current.entries:
            return parts[-2]
        current = current.entries[key]
    return current


def _conversion(value: Value, wanted: str) -> str:
    found = "nil" if value is None else str(type_of(value))
    return f"interface conversion: interface {{}} is {found}, not {wanted}"


def merge(target: GoMap, *sources: GoMap) -> GoMap:
    """What the target lacks or has empty, from the sources in turn; in place."""
    for source in sources:
        _merged(target, source, overwrite=False)
    return target


def merge_overwrite(target: GoMap, *sources: GoMap) -> GoMap:
    """What the sources have that is not empty, the last one wins; in place."""
    for source in sources:
        _merged(target, source, overwrite=True)
    return target


def _merged(target: GoMap, source: GoMap, *, overwrite: bool) -> None:
    target.absent = False
    for key, value in source.entries.items():
        known = target.entries.get(key)
        if isinstance(known, GoMap) and isinstance(value, GoMap):
            if known is not value:
                _merged(known, value, overwrite=overwrite)
        elif key not in target.entries or overwrite or is_empty(known):
            target.entries[key] = value


FUNCTIONS: Mapping[str, Function] = {
    "dict": function("...any", make),
    "get": function("dict, string", lambda source, key: source.entries.get(key, "")),
    "set": function("dict, string, any", put),
    "unset": function("dict, string", remove),
    "hasKey": function("dict, string", lambda source, key: key in source.entries),
    "pluck": function("string, ...dict", pluck),
    "keys": function("...dict", keys),
    "pick": function("dict, ...string", pick),
    "omit": function("dict, ...string", omit),
    "merge": function("dict, ...dict", merge),
    "mustMerge": function("dict, ...dict", merge),
    "mergeOverwrite": function("dict, ...dict", merge_overwrite),
    "mustMergeOverwrite": function("dict, ...dict", merge_overwrite),
    "values": function("dict", lambda source: GoSlice([one for _, one in sorted_entries(source)])),
    "dig": function("...any", dig),
}
