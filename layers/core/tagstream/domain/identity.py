"""Which Kubernetes object a place in a YAML document belongs to.

In: a document and an offset in it. Out: apiVersion, kind, namespace and name, each empty when there is none.

Source: kyaml yaml.RNode.GetMeta as used by image-automation-controller internal/update/result.go; items of a
``kind: List`` are objects of their own, as kyaml's reader unwraps them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_SCALAR = rb"(?:\"([^\"\\\n]*)\"|'([^'\n]*)'|([^\s\"'\[\]{}&*!|>%@`#,][^\n#]*?))[ \t]*(?:[ \t]#[^\n]*)?\r?$"
_TOP = re.compile(rb"^(apiVersion|kind):[ \t]+" + _SCALAR, re.MULTILINE)
_METADATA = re.compile(
    rb"^metadata:[ \t]*(?:#[^\n]*)?\r?\n((?:[ \t]*(?:#[^\n]*)?\r?\n|[ ]+[^\n]*(?:\n|\Z))*)", re.MULTILINE
)
_CHILD = re.compile(rb"^([ ]+)(name|namespace):[ \t]+" + _SCALAR, re.MULTILINE)
_INDENT = re.compile(rb"^([ ]+)[^\s#]", re.MULTILINE)
_ODD = re.compile(rb"^(?:[\"'?{\[&!-]|<<|kind:[ \t]*[\"']?(?:\w*List)\b)", re.MULTILINE)

# What nearly every object looks like: the three keys first, plain words, and none of them once more further down.
_PLAIN = rb"([A-Za-z][^\s\"'\[\]{}&*!|>%@`#,:]*)"
_USUAL = re.compile(
    rb"(?:\#[^\n]*+\n)*+apiVersion: "
    + _PLAIN
    + rb"\nkind: (\w++)(?<!List)\nmetadata:\n  name: "
    + _PLAIN
    + rb"\n(?:  namespace: "
    + _PLAIN
    + rb"\n)?+(?:  (?!name)[^\n]*+\n)*+(?![ \t\r\n#])"
    rb"(?:(?:[ #]|(?!apiVersion|kind|metadata|<<)[^\"'?{\[&!\n-])[^\n]*+\n|\n)*+\Z"
)


@dataclass(frozen=True, slots=True, order=True)
class ObjectIdentifier:
    """An object by its own words; sorted as Go sorts the struct (apiVersion, kind, name, namespace)."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


def identify(document: bytes, offset: int) -> ObjectIdentifier:
    """The object around an offset.

    Args:
        document: one valid YAML document.
        offset: in bytes, inside the document.
    """
    usual = _USUAL.match(document)
    if usual:
        version, kind, name, namespace = usual.groups(b"")
        return ObjectIdentifier(version.decode(), kind.decode(), name.decode(), namespace.decode())
    if _ODD.search(document):
        return _identify_by_nodes(document, offset)
    top = {found[1].decode(): _text(found) for found in _TOP.finditer(document)}
    metadata = _METADATA.search(document)
    inner = _metadata(metadata[1]) if metadata else {}
    if metadata is None and b"\nmetadata:" in b"\n" + document:
        return _identify_by_nodes(document, offset)
    return ObjectIdentifier(
        api_version=top.get("apiVersion", ""),
        kind=top.get("kind", ""),
        name=inner.get("name", ""),
        namespace=inner.get("namespace", ""),
    )


def _metadata(block: bytes) -> dict[str, str]:
    """The direct members of ``metadata``: those as little indented as its first."""
    first = _INDENT.search(block)
    if first is None:
        return {}
    return {found[2].decode(): _text(found, 3) for found in _CHILD.finditer(block) if found[1] == first[1]}


def _text(found: re.Match[bytes], group: int = 2) -> str:
    raw = next((found[one] for one in (group, group + 1, group + 2) if found[one] is not None), b"")
    return raw.decode(errors="replace")


def _identify_by_nodes(document: bytes, offset: int) -> ObjectIdentifier:
    import yaml

    text = document.decode()
    index = len(document[:offset].decode(errors="ignore"))
    try:
        node: Any = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        # Anchors of another document, a second document behind `...`: the object has no name that can be told.
        return ObjectIdentifier()
    root = _members(node)
    if _word(root.get("kind")) == "List" and "items" in root:
        for item in getattr(root["items"], "value", []):
            if item.start_mark.index <= index < item.end_mark.index:
                return _identifier(_members(item))
    return _identifier(root)


def _identifier(members: dict[str, Any]) -> ObjectIdentifier:
    metadata = _members(members.get("metadata"))
    return ObjectIdentifier(
        api_version=_word(members.get("apiVersion")),
        kind=_word(members.get("kind")),
        name=_word(metadata.get("name")),
        namespace=_word(metadata.get("namespace")),
    )


def _members(node: Any) -> dict[str, Any]:
    """A mapping node's members; of duplicate keys the first stays, as kyaml looks fields up."""
    if type(node).__name__ != "MappingNode":
        return {}
    found: dict[str, Any] = {}
    for key, value in node.value:
        if isinstance(getattr(key, "value", None), str):
            found.setdefault(key.value, value)
    return found


def _word(node: Any) -> str:
    value = getattr(node, "value", "")
    return value if isinstance(value, str) else ""
