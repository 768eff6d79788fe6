"""Marked values change in place, in their own style; what cannot be honoured is reported with its line."""

from __future__ import annotations

import pytest

from tagstream.domain.identity import ObjectIdentifier
from tagstream.domain.model import ImageRef, NamespacedName
from tagstream.domain.setters import Edit, OverlappingEdits, apply_edits, has_marker, is_candidate, plan_file

DIGEST = "sha256:" + "a" * 64
REFS = {
    NamespacedName("ns", "app"): ImageRef(name="ghcr.io/org/app", tag="v2.0.0"),
    NamespacedName("ns", "dig"): ImageRef(name="redis", tag="1.10", digest=DIGEST),
}


def marked(value: str, setter: str) -> bytes:
    return f'{value} # {{"$imagepolicy": "{setter}"}}\n'.encode()


def edited(source: bytes) -> bytes:
    return apply_edits(source, plan_file(b"a.yaml", source, REFS).edits)


@pytest.mark.parametrize(
    ("value", "setter", "expected"),
    [
        ("k: old", "ns:app", "k: ghcr.io/org/app:v2.0.0"),
        ('k: "old"', "ns:app:tag", 'k: "v2.0.0"'),
        ("k: 'old'", "ns:app:name", "k: 'ghcr.io/org/app'"),
        ("k: 5", "ns:app:tag", "k: v2.0.0"),
        ("k: ~", "ns:app:tag", "k: v2.0.0"),
        ("k: !!int 5", "ns:app:tag", "k: v2.0.0"),
        ("k: old", "ns:dig:tag", 'k: "1.10"'),
        ("k: old", "ns:dig:digest", f"k: {DIGEST}"),
        ("k: old", "ns:dig", f"k: redis:1.10@{DIGEST}"),
        ("k: old", "ns:dig:tag@digest", f"k: 1.10@{DIGEST}"),
        ("k: old", "ns:dig:name@digest", f"k: redis@{DIGEST}"),
        ("k: old", "ns:dig:registry", "k: index.docker.io"),
        ("k: old", "ns:dig:repository", "k: library/redis"),
        ("- old", "ns:app:tag", "- v2.0.0"),
        ("k: &a old", "ns:app:tag", "k: &a v2.0.0"),
    ],
)
def test_a_value_is_replaced_in_its_own_style(value: str, setter: str, expected: str) -> None:
    assert edited(marked(value, setter)) == marked(expected, setter)


@pytest.mark.parametrize(
    ("source", "state"),
    [
        (marked("k: old", "ns:nope"), "unknown policy"),
        (marked("k: old", "other:app"), "other namespace"),
        (marked("k: old", "ns:app:nope"), "unknown suffix"),
        (marked("k: old", "ns:app:digest"), "no digest"),
        (marked("k: v2.0.0", "ns:app:tag"), "equal"),
        (marked("k:", "ns:app:tag"), "no settable value"),
        (marked("k: {a: b}", "ns:app:tag"), "no settable value"),
        (b'k: old # see {"$imagepolicy": "ns:app"}\n', "malformed marker"),
        (b'k: [ # {"$imagepolicy": "ns:app"}\n', "unparsable file"),
        (b'k: \xff # {"$imagepolicy": "ns:app"}\n', "unparsable file"),
    ],
)
def test_a_marker_that_cannot_be_honoured_is_reported_and_changes_nothing(source: bytes, state: str) -> None:
    plan = plan_file(b"a.yaml", source, REFS)
    assert ([(one.line, one.state) for one in plan.markers], edited(source)) == ([(1, state)], source)


def test_line_ends_byte_order_mark_and_everything_else_stay() -> None:
    source = (
        b"\xef\xbb\xbf# head\r\n\r\na:   1   \r\n"
        + marked("    k: old", "ns:app:tag").replace(b"    ", b"")
        + b"\r\n..."
    )
    assert edited(source) == source.replace(b"old", b"v2.0.0")


def test_a_change_names_file_object_values_setter_and_line() -> None:
    head = b"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: prod\n"
    (change,) = plan_file(b"d/a.yaml", b"---\nx: 1\n---\n" + head + marked("image: old", "ns:app"), REFS).changes
    assert change.object == ObjectIdentifier("apps/v1", "Deployment", "web", "prod")
    assert (change.file, change.old_value, change.new_value, change.setter, change.line) == (
        "d/a.yaml",
        "old",
        "ghcr.io/org/app:v2.0.0",
        "ns:app",
        9,
    )


def test_items_of_a_list_are_objects_of_their_own() -> None:
    items = b"apiVersion: v1\nkind: List\nitems:\n- kind: A\n  metadata: {name: one}\n  image: x\n- kind: B\n"
    source = items + b"  metadata: {name: two}\n" + marked("  image: old", "ns:app")
    assert [one.object.name for one in plan_file(b"a.yaml", source, REFS).changes] == ["two"]


@pytest.mark.parametrize(
    ("path", "opened"),
    [(b"a.yaml", True), (b"d/.yml", True), (b"Kustomization", True), (b"a.YAML", False), (b"kustomization", False)],
)
def test_files_are_opened_by_fluxs_names(path: bytes, opened: bool) -> None:
    assert is_candidate(path) is opened


def test_a_file_without_the_token_is_not_looked_at() -> None:
    source = b"k: [ # {'$imagepolicy': 'ns:app'}\n"
    assert (has_marker(source), plan_file(b"a.yaml", source, REFS).problem) == (False, None)


def test_no_edits_give_the_same_object_and_overlapping_ones_are_refused() -> None:
    source = b"abc"
    assert apply_edits(source, ()) is source
    with pytest.raises(OverlappingEdits):
        apply_edits(source, (Edit(start=0, end=2, new=b""), Edit(start=1, end=3, new=b"")))
