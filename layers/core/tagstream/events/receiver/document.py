"""Reads members of JSON that nobody vouches for: a missing or wrongly typed member is empty, never an error.

Source: notification-controller#401, #402: receivers that insist on a payload's shape break when the sender adds a
field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence


class NotJson(ValueError):
    """The bytes are not one JSON value."""


def parse_json(body: bytes) -> object:
    """One JSON value; NaN and Infinity are refused as Go's decoder refuses them.

    Raises:
        NotJson: bytes that are no JSON, nested too deeply or holding a number beyond reason.
    """
    try:
        value: object = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotJson("body is not JSON") from error
    return value


def member(value: object, *path: str) -> object:
    """The member at a path of keys, None when any step is missing."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def text_at(value: object, *path: str) -> str:
    """The string at a path, empty when there is none."""
    found = member(value, *path)
    return found if isinstance(found, str) else ""


def list_at(value: object, *path: str) -> Sequence[object]:
    """The list at a path, empty when there is none."""
    found = member(value, *path)
    return found if isinstance(found, list) else []


def _refuse_constant(word: str) -> object:
    raise NotJson(f"{word} is not JSON")
