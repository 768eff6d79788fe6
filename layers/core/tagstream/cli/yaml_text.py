"""Objects as YAML and JSON, printed as kubectl and Flux print them.

In: JSON-like documents. Out: text.

Source: sigs.k8s.io/yaml (sorted keys, lists not indented, literal blocks); kubectl's JSON printer (four spaces).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def as_json(value: object) -> str:
    """Indented by four, in the order given."""
    return json.dumps(value, indent=4, ensure_ascii=False)


def as_yaml(value: object) -> str:
    """Keys sorted, texts of several lines as literal blocks."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Without anchors: what is the same twice is written twice."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: Any, data: str) -> Any:
        style = "|" if "\n" in data and not data[0].isspace() else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    dumped: str = yaml.dump(
        plain(value), Dumper=Dumper, default_flow_style=False, allow_unicode=True, sort_keys=True, width=2**31 - 1
    )
    return dumped


def plain(value: object) -> object:
    """Mappings and sequences as dicts and lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(one) for one in value]
    return value
