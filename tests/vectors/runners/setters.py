"""Compares setters with image-automation-controller: the same values change, and nothing else does.

PyYAML's marks tell which spans may change, not the code under test.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.plan import apply_edits, is_candidate, plan_file
from tests.vectors.runners.setters_cases import INVALID, MARKER, STYLES, UNSEEN, document, spans

FILES = ("setters/manifest.json", "setters/scalar-quoting.json", "setters_flux.json")
Case = tuple[str, Callable[[], tuple[object, object]]]
Row = tuple[str, str, str, str, str, str, str, str]
# Trees whose files Flux damages, skips or fails on. Here the marked values are set in place; docs/differences.md has
# the reasons.
BETTER: Mapping[str, list[Row]] = {
    "k8s-list": [("f.yaml", "v1", "X", "", "x", "ns:app:tag", "old", "v2.0.0")],
    "top-level-list": [("f.yaml", "", "", "", "", "ns:app:tag", "old", "v2.0.0")],
    "kyaml-internal-annotations": [("f.yaml", "v1", "X", "", "x", "ns:app:tag", "old", "v2.0.0")],
    "dotdot-name": [("a..b.yaml", "", "", "", "", "ns:app:tag", "old", "v2.0.0")],
    "doc-sep-content": [
        ("f.yaml", "apps/v1", "Deployment", "prod", "web", "ns:app", "old", "ghcr.io/org/app:v2.0.0"),
    ],
    "metadata-string": [("f.yaml", "v1", "X", "", "", "ns:app:tag", "old", "v2.0.0")],
}
# Flux skips these files altogether; tagstream reads them.
READ_HERE = frozenset({"doc-sep-content", "metadata-string", "top-level-list", "top-level-scalar"})
# In these files Flux also changes or loses documents, annotations or other values, or fails to set the marked value.
LOST_BY_FLUX = frozenset({"multi-doc", "trailing-doc-marker", "empty-annotations", "null-annotations", *BETTER})


# tagstream quotes these tags and Flux does not: some YAML 1.1 reader would not read them as strings.
QUOTED_HERE = frozenset({"12e45678", "1e1000", "2024-01-01T00", "2024-01-01T00-00-00"})


def cases(data: Path, file: str) -> Iterator[Case]:
    """Yield one case for each tree, tag or style."""
    listed = json.loads((data / file).read_text())
    if file == "setters/manifest.json":
        for row in listed["cases"]:
            yield row["name"], partial(_tree, data / "setters", row, listed["edge_policies"])
    elif file == "setters/scalar-quoting.json":
        for row in listed["rows"]:
            yield row["tag"], partial(_quoting, row)
    else:
        for name in listed["cases"]:
            yield name, partial(_case, name)
        for name in listed["num"]:
            yield name, partial(_written, name)


def _tree(folder: Path, row: dict[str, Any], edge: list[dict[str, str]]) -> tuple[object, object]:
    policies = edge if row["policies"] == "edge" else row["policies"]
    refs = {
        NamespacedName(one["Namespace"], one["Name"]): ImageRef(
            name=one["Image"], tag=one["Tag"], digest=one.get("Digest", "")
        )
        for one in policies
    }
    changes: list[tuple[str, ...]] = []
    problems, damaged, different = [], [], []
    root = folder / row["before"] / row["path"]
    after = folder / row["after"] / row["path"]
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        if path.is_symlink() or not path.is_file() or not is_candidate(path.name.encode()):
            continue
        source, name = path.read_bytes(), str(path.relative_to(root))
        plan = plan_file(name.encode(), source, refs)
        changes += [_row(one) for one in plan.changes]
        problems += [name] if plan.problem else []
        new = apply_edits(source, plan.edits)
        damaged += [] if _only_values(source, new, [one.old_value for one in plan.changes]) else [name]
        different += [] if _same(new, after / name) else [name]
    expected = BETTER.get(row["name"], [tuple(one[key] for key in COLUMNS) for one in row["changes"]])
    passed_over = [] if row["name"] in READ_HERE else row["problem_files"]
    lost = [one[0] for one in expected] if row["name"] in BETTER else row["changed_files"]
    lost = lost if row["name"] in LOST_BY_FLUX else []
    return (sorted(changes), problems, damaged, different), (sorted(expected), passed_over, [], lost)


COLUMNS = ("File", "APIVersion", "Kind", "Namespace", "Name", "Setter", "Old", "New")


def _row(change: Any) -> Row:
    one = change.object
    names = (one.api_version, one.kind, one.namespace, one.name)
    return (change.file, *names, change.setter, change.old_value, change.new_value)


def _same(new: bytes, flux: Path) -> bool:
    """Tell whether a file has the same values as Flux's file."""
    return new == flux.read_bytes() or _values(new) == _values(flux.read_bytes())


def _values(source: bytes) -> object:
    return [(type(one).__name__, getattr(one, "value", None)) for one in yaml.parse(source, Loader=yaml.CSafeLoader)]


def _only_values(source: bytes, new: bytes, olds: list[str]) -> bool:
    """Check with PyYAML that only the reported values changed, and that restoring them restores the whole file."""
    if source == new:
        return not olds
    if source.startswith(codecs.BOM_UTF8):
        return new.startswith(codecs.BOM_UTF8) and _only_values(source[3:], new[3:], olds)
    pairs = list(zip(_scalars(source), _scalars(new), strict=True))
    changed = [(one, other) for one, other in pairs if (one.value, one.tag) != (other.value, other.tag)]
    text, back = source.decode(), new.decode()
    for one, other in reversed(changed):
        span = text[one.start_mark.index : one.end_mark.index]
        back = back[: other.start_mark.index] + span + back[other.end_mark.index :]
    return back == text and sorted(one.value for one, _ in changed) == sorted(olds)


def _scalars(source: bytes) -> list[Any]:
    return [one for one in yaml.parse(source.decode(), Loader=yaml.CSafeLoader) if isinstance(one, yaml.ScalarEvent)]


def _case(name: str) -> tuple[object, object]:
    """Compare a file's bytes, whether it is reported, whether every marker is reported, and the number of changes."""
    before, after = document(name)
    plan = plan_file(b"a.yaml", before, {NamespacedName("ns", "p"): ImageRef(name="reg/new", tag="9.9.9")})
    found = (apply_edits(before, plan.edits), plan.problem is not None, bool(plan.markers), len(plan.changes))
    return found, (after, name in INVALID, name not in UNSEEN, spans(name))


def _quoting(row: dict[str, Any]) -> tuple[object, object]:
    """Compare with Flux's text for a plain string.

    Over a number Flux keeps the number's YAML tag; tagstream writes the same string as elsewhere.
    """
    expected = f'"{row["tag"]}"' if row["tag"] in QUOTED_HERE else row["from_plain_string"]
    return [_over(old, row["tag"]) for old in ("old", "7")], [expected, expected]


def _written(name: str) -> tuple[object, object]:
    """Write a tag over a value of a style (``style|tag``), and check that every reader gets that tag as a string."""
    style, _, tag = name.partition("|")
    old = STYLES[style]
    new = _over(old, tag)
    quote = old[0] if old[0] in "\"'" else ""
    readers = [yaml.safe_load, _ruamel((1, 1)), _ruamel((1, 2))]
    # If the old value already equals the tag as text, it is left alone, as in Flux.
    expected = [yaml.safe_load(old) if old == tag else tag] * len(readers)
    return ([read(new) for read in readers], new[:1] if quote else ""), (expected, quote)


def _ruamel(version: tuple[int, int]) -> Callable[[str], object]:
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    found: Callable[[str], object] = reader.load
    return found


def _over(old: str, tag: str) -> str:
    """Return the text that replaces the old value."""
    source = f'k: {old} {MARKER[:-2]}:tag"}}\n'
    plan = plan_file(b"a.yaml", source.encode(), {NamespacedName("ns", "p"): ImageRef(name="reg/new", tag=tag)})
    new = apply_edits(source.encode(), plan.edits).decode()
    head, tail = "k: ", f' {MARKER[:-2]}:tag"}}\n'
    assert new.startswith(head) and new.endswith(tail), new
    return new[len(head) : -len(tail)]
