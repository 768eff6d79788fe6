"""sprig's functions for maps. Where Go's order of keys is random, keys and values come sorted.

Source: sprig dict.go v3.3.0; dario.cat/mergo v1.0.1 for merging.
"""

from __future__ import annotations

from collections.abc import Mapping

from gocompat.sprig.cast import is_empty, to_text
from gocompat.template.faults import CallError
from gocompat.template.signature import function
from gocompat.template.values import DICT, Function, GoMap, GoSlice, Value, sorted_entries, strings, type_of


def make(*values: Value) -> GoMap:
    """``dict``: a map of keys and values in turn. A last key without a value gets "" as its value."""
    pairs = [*values, ""] if len(values) % 2 else list(values)
    return GoMap({to_text(key): value for key, value in zip(pairs[::2], pairs[1::2], strict=True)})


def put(target: GoMap, key: str, value: Value) -> GoMap:
    """``set``: sets a key in place and returns the map."""
    if target.absent:
        raise CallError("assignment to entry in nil map")
    target.entries[key] = value
    return target


def remove(target: GoMap, key: str) -> GoMap:
    """``unset``: removes a key in place and returns the map."""
    target.entries.pop(key, None)
    return target


def pluck(key: str, *maps: GoMap) -> GoSlice:
    """``pluck``: the values of a key in all maps that have it."""
    return GoSlice([one.entries[key] for one in maps if key in one.entries])


def keys(*maps: GoMap) -> GoSlice:
    """``keys``: the keys of all maps."""
    return strings([key for one in maps for key, _ in sorted_entries(one)])


def pick(source: GoMap, *names: str) -> GoMap:
    """``pick``: a map of only these keys."""
    return GoMap({name: source.entries[name] for name in names if name in source.entries})


def omit(source: GoMap, *names: str) -> GoMap:
    """``omit``: a map without these keys."""
    omitted = set(names)
    return GoMap({name: one for name, one in source.entries.items() if name not in omitted})


def dig(*parts: Value) -> Value:
    """``dig``: the value under a path of keys.

    Args:
        parts: the keys, then the default for a key that is missing, then the map.

    Raises:
        CallError: there are fewer than three arguments, or a key or map has another type; in Go's words.
    """
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
    """``merge``: fills what is missing or empty in the target from each source in turn, in place."""
    for source in sources:
        _merged(target, source, overwrite=False)
    return target


def merge_overwrite(target: GoMap, *sources: GoMap) -> GoMap:
    """``mergeOverwrite``: sets in the target what the sources have, in place. The last source wins."""
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
