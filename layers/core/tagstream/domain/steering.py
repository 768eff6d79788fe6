"""Escapes characters that steer a terminal or a page: control characters, and those that change the direction of text.

Names, messages and manifests come from registries, Git servers and other people. Printed as they are, such characters
could hide or fake what a person reads.

Source: Unicode general categories Cc, Cf, Zl and Zp.
"""

from __future__ import annotations

import re

# A line break and a tab are part of what is printed.
STEERING = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)


def harmless(text: str) -> str:
    """Return the text with each such character as YAML and Python spell it: ``\\u202e``, ``\\U000e0001``."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(STEERING, lambda found: _code(ord(found[0])), text)


def harmless_json(text: str) -> str:
    """Return JSON text with each such character as JSON spells it: beyond U+FFFF that is a surrogate pair."""
    return re.sub(STEERING, lambda found: "".join(_code(unit) for unit in _utf_16(found[0])), text)


def _code(value: int) -> str:
    return f"\\u{value:04x}" if value < 0x10000 else f"\\U{value:08x}"


def _utf_16(character: str) -> list[int]:
    data = character.encode("utf-16-be")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
