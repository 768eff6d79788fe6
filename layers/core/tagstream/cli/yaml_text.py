"""Prints objects as YAML and JSON, in the layout of kubectl and Flux.

Source: sigs.k8s.io/yaml (sorted keys, lists not indented, literal blocks); kubectl's JSON printer (four spaces).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tagstream.domain.setters.quoting import is_read_as_string
from tagstream.domain.steering import harmless, harmless_json

_WIDTH = 2**31 - 1


def as_json(value: object) -> str:
    """Return JSON text with an indentation of four spaces; the members keep their order.

    Characters that steer a terminal are escaped; a program reads the same strings.
    """
    return harmless_json(json.dumps(value, indent=4, ensure_ascii=False))


def as_yaml(value: object) -> str:
    """Return YAML text with sorted keys; strings of several lines become literal blocks.

    Every string is written so that kubectl reads the same string back: ``y``, ``1e3`` and ``2026-01-02`` are quoted.
    Characters that steer a terminal are escaped.

    Args:
        value: JSON-like: mappings, sequences, strings, numbers, booleans and None.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import SafeRepresenter

    class Representer(SafeRepresenter):
        """Writes no anchors and aliases (kubectl writes none), and strings in the style that ``_style`` chooses."""

        def ignore_aliases(self, data: object) -> bool:
            return True

        def represent_str(self, data: str) -> Any:
            return self.represent_scalar("tag:yaml.org,2002:str", data, style=_style(data))

    Representer.add_representer(str, Representer.represent_str)
    writer = YAML(typ="safe", pure=True)
    writer.Representer = Representer
    writer.default_flow_style = False
    writer.width = _WIDTH
    stream = io.StringIO()
    writer.dump(plain(value), stream)
    # A string with such a character has double quotes, so the escape means the character.
    return harmless(stream.getvalue())


def _style(text: str) -> str | None:
    """Choose how to write a string: double quotes, a literal block, or None, which lets the emitter choose."""
    if not is_read_as_string(text) or not text.replace("\n", "").replace("\t", "").isprintable():
        return '"'
    if "\n" in text:
        # A YAML reader takes the indentation of a block from its first line, so that line must not begin with a blank.
        return '"' if text[0].isspace() else "|"
    return None


def plain(value: object) -> object:
    """Return the value with every mapping as a dict that is sorted by key, and every sequence as a list."""
    if isinstance(value, Mapping):
        members = {str(key): plain(one) for key, one in value.items()}
        return dict(sorted(members.items()))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(one) for one in value]
    return value
