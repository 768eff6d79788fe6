"""Reads documents of images, which anybody may have written, as JSON objects; it never raises."""

from __future__ import annotations

import json
from collections.abc import Mapping


def json_object(content: bytes) -> Mapping[str, object]:
    """The members of a JSON object; none if the content is anything else, or is nested too deeply."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
