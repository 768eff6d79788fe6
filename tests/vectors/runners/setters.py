"""Setters against image-automation-controller: the same values change, and nothing beside them.

In: setters/manifest.json with its folders, scalar-quoting.json, setters_flux.json. Out: the changes of a tree, and
whether every byte outside the changed values stayed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tagstream.domain.model import ImageRef, NamespacedName
from tagstream.domain.quoting import render
from tagstream.domain.setters import FilePlan, apply_edits, has_marker, is_candidate, plan_file

FILES = ("setters/manifest.json", "setters/scalar-quoting.json", "setters_flux.json")
Case = tuple[str, Callable[[], tuple[object, object]]]
# Trees in which Flux damages, passes over or stumbles; here the marked values change in place. The reasons are the
# rows of docs/differences.md.
BETTER: Mapping[str, list[tuple[str, str, str]]] = {
    "k8s-list": [("f.yaml", "ns:app:tag", "v2.0.0")],
    "top-level-list": [("f.yaml", "ns:app:tag", "v2.0.0")],
    "kyaml-internal-annotations": [("f.yaml", "ns:app:tag", "v2.0.0")],
    "dotdot-name": [("a..b.yaml", "ns:app:tag", "v2.0.0")],
    # A separator with content, and a metadata that is no mapping, are valid YAML: Flux passes the whole file over.
    "doc-sep-content": [("f.yaml", "ns:app", "ghcr.io/org/app:v2.0.0")],
    "metadata-string": [("f.yaml", "ns:app:tag", "v2.0.0")],
    # A key spelled with JSON escapes is no marker here: the screen for the plain spelling would not see it either.
    "unicode-escape-key": [("f.yaml", "ns:app:tag", "v2.0.0")],
}
OLD_BY_STYLE = {"plain": b"old", "dq": b'"old"', "sq": b"'old'", "double": b'"old"', "single": b"'old'"}


def cases(data: Path, file: str) -> Iterator[Case]:
    """One case per tree, tag or style."""
    document = json.loads((data / file).read_text())
    if file == "setters/manifest.json":
        for row in document["cases"]:
            yield row["name"], lambda row=row: _tree(data / "setters", row, document["edge_policies"])
    elif file == "setters/scalar-quoting.json":
        for row in document["rows"]:
            yield row["tag"], lambda row=row: _quoting(row)
    else:
        for name in document["num"]:
            yield name, lambda name=name: _round_trip(name)


def _tree(folder: Path, row: dict[str, Any], edge: list[dict[str, str]]) -> tuple[object, object]:
    policies = edge if row["policies"] == "edge" else row["policies"]
    refs = {
        NamespacedName(one["Namespace"], one["Name"]): ImageRef(
            name=one["Image"], tag=one["Tag"], digest=one.get("Digest", "")
        )
        for one in policies
    }
    changes: list[tuple[str, ...]] = []
    untouched = True
    root = folder / row["before"] / row["path"]
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        if path.is_symlink() or not path.is_file() or not is_candidate(path.name.encode()):
            continue
        source = path.read_bytes()
        plan = plan_file(str(path.relative_to(root)).encode(), source, refs) if has_marker(source) else FilePlan()
        untouched = untouched and _only_values(source, plan)
        changes += [(one.file, one.setter, one.new_value) for one in plan.changes]
    expected = BETTER.get(row["name"]) or [(one["File"], one["Setter"], one["New"]) for one in row["changes"]]
    return (sorted(changes), untouched), (sorted(tuple(one) for one in expected), True)


def _only_values(source: bytes, plan: FilePlan) -> bool:
    """The edits cover values only, and what comes out still parses."""
    new = apply_edits(source, plan.edits)
    position, shift = 0, 0
    for edit in plan.edits:
        if source[position : edit.start] != new[position + shift : edit.start + shift]:
            return False
        position, shift = edit.end, shift + len(edit.new) - (edit.end - edit.start)
    if plan.edits:
        list(yaml.parse(new, Loader=yaml.CSafeLoader))
    return source[position:] == new[position + shift :]


def _quoting(row: dict[str, Any]) -> tuple[object, object]:
    """Flux's text for a plain string, and never a tag that contradicts the value."""
    written = render(b"old", row["tag"]).decode()
    if written != row["from_plain_string"]:
        # Quoting where Flux does not is allowed as long as the value is the same.
        return yaml.safe_load(written), row["tag"]
    return written, row["from_plain_string"]


def _round_trip(name: str) -> tuple[object, object]:
    """``style|tag``: written in that style the tag is read back as that very string."""
    style, _, tag = name.partition("|")
    written = render(OLD_BY_STYLE.get(style, b"old"), tag)
    return yaml.safe_load(b"k: " + written + b"\n"), {"k": tag}
