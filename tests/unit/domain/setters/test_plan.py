"""Marked values change in place, in their own style; what cannot be honoured is reported with its line."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.identity import ObjectIdentifier
from tagstream.domain.setters.plan import Edit, OverlappingEdits, apply_edits, has_marker, is_candidate, plan_file

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
        (marked("k: old", "other:app"), "unknown policy"),
        (marked("k: old", "team:app"), "other namespace"),
        (marked("k: old", "ns:new"), "nothing selected"),
        (marked("k: old", ":app"), "unknown policy"),
        (marked("k: old", "ns"), "unknown policy"),
        (marked("k: &a", "ns:app:tag"), "no settable value"),
        (marked("k: !!str", "ns:app:tag"), "no settable value"),
        (marked("---", "ns:app:tag") + b"k: old\n", "no settable value"),
        (marked("--- {k: old}", "ns:app:tag"), "no settable value"),
        (marked("k: x\u2028", "ns:app:tag").replace(b"\xe2\x80\xa8 ", b"\xe2\x80\xa8"), "no settable value"),
        (b'k: old # {"$imagepolicy": 5, "$imagepolicy": "ns:app"}\n', "malformed marker"),
        (b'k: old # {"$imagepolicy": "ns:\\ud800"}\n', "unknown policy"),
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
    known = {*REFS, NamespacedName("team", "app"), NamespacedName("ns", "new")}
    plan = plan_file(b"a.yaml", source, REFS, known, "ns")
    ((_, found),) = [(one.reason.encode(), one.state) for one in plan.markers]
    assert found == state
    assert edited(source) == source


def test_a_marker_is_told_with_its_line_whatever_ends_the_lines() -> None:
    for newline in ("\n", "\r\n", "\r", "\u2028"):
        source = newline.join(["a: 1", marked("k: old", "ns:nope").decode().rstrip(), "b: 2", ""]).encode()
        assert [one.line for one in plan_file(b"a.yaml", source, REFS).markers] == [2]


def test_a_key_that_lacks_its_double_quotes_is_reported_beside_real_markers() -> None:
    source = b"k: old # {'$imagepolicy': 'ns:app'}\n" + marked("l: old", "ns:app:tag")
    found = [(one.line, one.state) for one in plan_file(b"a.yaml", source, REFS).markers]
    assert found == [(1, "malformed marker"), (2, "applied")]
    assert edited(source).count(b"old") == 1


MARK = '# {"$imagepolicy": "ns:app:tag"}'


@pytest.mark.parametrize(
    "source",
    [
        f"--- |\n  image: old {MARK}\n",
        f"--- >-\n  image: old {MARK}\n",
        f"--- 'a\n  image: old {MARK}\n  '\n",
        f"a: 1\n--- |\n  image: old {MARK}\n---\nb: 2\n",
    ],
)
def test_text_that_begins_on_a_separator_line_is_no_place_for_markers(source: str) -> None:
    plan = plan_file(b"a.yaml", source.encode(), REFS)
    assert plan.edits == ()
    assert [one.state for one in plan.markers] == ["malformed marker"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"a:\n  b:\n    c: | {MARK}\n  d: 1\n", f"a:\n  b:\n    c: v2.0.0 {MARK}\n  d: 1\n"),
        (f"a:\n    c: |{MARK}\n", f"a:\n    c: v2.0.0 {MARK}\n"),
        (f"k: &a:x {MARK}\nb: *a\n", f"k: &a v2.0.0 {MARK}\nb: *a\n"),
        (f"a:\n    c: |+ {MARK}\n\n\n", f"a:\n    c: v2.0.0 {MARK}\n\n\n"),
        (f"c: |- {MARK}\n  old  \nd: 1\n", f"c: |- {MARK}\n  v2.0.0\nd: 1\n"),
        (f"c: >+ {MARK}\r\n    old\r\n    text\r\n\r\n", f"c: >- {MARK}\r\n    v2.0.0\r\n\r\n"),
        (f"c: | {MARK}\r  old\rd: 1\r", f"c: |- {MARK}\r  v2.0.0\rd: 1\r"),
        (f"a: some\n  - |\n    text {MARK}\n", f"a: v2.0.0 {MARK}\n"),
        (f"a:\n  - -c\n  - |\n    x\nb: old {MARK}\n", f"a:\n  - -c\n  - |\n    x\nb: v2.0.0 {MARK}\n"),
        (f"a:\n- |\n    x\n  {MARK}\n- old\n", f"a:\n- |\n    x\n  {MARK}\n- v2.0.0\n"),
        (f"a:\n- b: |2\n       x\n\n{MARK}\n- old\n", f"a:\n- b: |2\n       x\n\n{MARK}\n- v2.0.0\n"),
        (f"c: | {MARK}\n  old\n    \n\nd: 1\n", f"c: |- {MARK}\n  v2.0.0\n\nd: 1\n"),
        (f"c: | {MARK}\n  old\n  \n \nd: 1\n", f"c: |- {MARK}\n  v2.0.0\n  \n \nd: 1\n"),
        (f"c: | {MARK}\n  old\x85# x\n", f"c: |- {MARK}\n  v2.0.0\x85# x\n"),
        (f"k: !<tag:yaml.org,2002:int> 5 {MARK}\n", f"k: v2.0.0 {MARK}\n"),
        (f"k: !!binary aGk= {MARK}\n", f"k: v2.0.0 {MARK}\n"),
        (f"k: !!int\n  5 {MARK}\n", f"k: \n  v2.0.0 {MARK}\n"),
        (f"k: &a !!int 5 {MARK}\nb: *a\n", f"k: &a v2.0.0 {MARK}\nb: *a\n"),
        (f"k: &a !!int {MARK}\n  7\n", f"k: &a {MARK}\n  v2.0.0\n"),
        (f"k: !own old {MARK}\n", f"k: !own v2.0.0 {MARK}\n"),
        (f"a: 1\rk: old {MARK}\rb: 2", f"a: 1\rk: v2.0.0 {MARK}\rb: 2"),
        (f"--- [old, {MARK}\n  b]\n", f"--- [v2.0.0, {MARK}\n  b]\n"),
        (
            f"%TAG !e! tag:example.com,2000:\n---\na: !e!x [\n  old, {MARK}\n  c]\n",
            f"%TAG !e! tag:example.com,2000:\n---\na: !e!x [\n  v2.0.0, {MARK}\n  c]\n",
        ),
        (
            'k: old # {"\\u0024image\\u0070olicy": "ns:app:tag"}\nl: old ' + MARK,
            'k: v2.0.0 # {"\\u0024image\\u0070olicy": "ns:app:tag"}\nl: v2.0.0 ' + MARK,
        ),
    ],
)
def test_rare_forms_of_values_are_set_with_nothing_beside_them_changed(before: str, after: str) -> None:
    assert edited(before.encode()).decode() == after
    assert edited(after.encode()).decode() == after


@pytest.mark.parametrize(
    ("line", "markers"),
    [
        ("a: b # " + "$imagePolicy " * 200_000, 2),
        ("kind: a" + " " * 1_000_000 + "b", 1),
        ("é: 'é" + '"$imagepolicy" ' * 200_000 + "'", 200_001),
    ],
)
def test_a_line_of_megabytes_comes_to_an_end(line: str, markers: int) -> None:
    """Looked through anew for every word on it, each of these would take minutes to hours."""
    plan = plan_file(b"a.yaml", f"{line}\nimage: old {MARK}\n".encode(), REFS)
    assert len(plan.edits) == 1
    assert len(plan.markers) == markers


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
    assert change.file == "d/a.yaml"
    assert change.old_value == "old"
    assert change.new_value == "ghcr.io/org/app:v2.0.0"
    assert change.setter == "ns:app"
    assert change.line == 9


@pytest.mark.parametrize(
    ("field", "renamed"),
    [
        ("apiVersion: v1", ObjectIdentifier("v2.0.0", "Job", "old", "n")),
        ("kind: Job", ObjectIdentifier("v1", "v2.0.0", "old", "n")),
        ("name: old", ObjectIdentifier("v1", "Job", "v2.0.0", "n")),
        ("namespace: n", ObjectIdentifier("v1", "Job", "old", "v2.0.0")),
    ],
)
def test_an_object_has_its_new_words_from_the_value_on_that_sets_them(field: str, renamed: ObjectIdentifier) -> None:
    mark = marked("", "ns:app:tag").decode().strip()
    head = "apiVersion: v1\nkind: Job\nmetadata:\n  name: old\n  namespace: n\n".replace(field, f"{field} {mark}")
    source = f"before: old {mark}\n{head}after: x {mark}\n"
    before = ObjectIdentifier("v1", "Job", "old", "n")
    expected = [before, renamed, renamed]
    assert [one.object for one in plan_file(b"a.yaml", source.encode(), REFS).changes] == expected
    item = "- " + source.replace("\n", "\n  ").rstrip(" ")
    listed = f"kind: List\nitems:\n{item}{item}"
    assert [one.object for one in plan_file(b"a.yaml", listed.encode(), REFS).changes] == [*expected, *expected]
    twice = f"{source}---\n{source}"
    assert [one.object for one in plan_file(b"a.yaml", twice.encode(), REFS).changes] == [*expected, *expected]


def test_items_of_a_list_are_objects_of_their_own() -> None:
    items = b"apiVersion: v1\nkind: List\nitems:\n- kind: A\n  metadata: {name: one}\n  image: x\n- kind: B\n"
    source = items + b"  metadata: {name: two}\n" + marked("  image: old", "ns:app")
    assert [one.object.name for one in plan_file(b"a.yaml", source, REFS).changes] == ["two"]
    both = source.replace(b"image: x\n", marked("image: x", "ns:app"))
    assert [one.object.name for one in plan_file(b"a.yaml", both, REFS).changes] == ["one", "two"]
    resources = both.replace(b"kind: List", b"kind: ResourceList")
    assert [one.object.name for one in plan_file(b"a.yaml", resources, REFS).changes] == ["one", "two"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("kind: A\nkind: B\nmetadata: {name: x}\nmetadata: {name: y, namespace: z}\n", ("", "A", "x", "")),
        ("kind: A\nmetadata:\n  name: a#b\n", ("", "A", "a#b", "")),
        ("kind: A\nmetadata:\n  name:\n    x\n", ("", "A", "x", "")),
        ("kind:\n  A\nmetadata:\n  name: 'it''s'\n", ("", "A", "it's", "")),
        ("a: &x 1\nb: &x 2\nc: [*x]\n'kind': A\nmetadata:\n  name: x\n", ("", "A", "x", "")),
        ("kind: É\nmetadata: {name: ü}\n", ("", "É", "ü", "")),
        ("kind: A\nmetadata: {labels: {name: no}, name: x}\n", ("", "A", "x", "")),
        ("kind: A\nmetadata: x\n", ("", "A", "", "")),
        ("kind: A\n  - b\nmetadata:\n  name: x\n   y\n  namespace: z\n", ("", "A - b", "x y", "z")),
        ("apiVersion: v1\nkind: A\nmetadata:\n  name: x\n    y\n", ("v1", "A", "x y", "")),
        ("kind: List\nitems: {name: {kind: B}}\n", ("", "List", "", "")),
        ("apiVersion: v1\nkind: A\nmetadata:\n  name: x\n  &b namespace: z\n", ("v1", "A", "x", "z")),
        ("kind : A\nmetadata :\n  name : x\n", ("", "A", "x", "")),
        ("apiVersion: v1\u2028kind: A\u2028metadata:\u2028  name: x\u2028", ("v1", "A", "x", "")),
        ("kind: A\x85metadata:\x85  name: x\x85", ("", "A", "x", "")),
        ("kind: A\nmore: b\rmetadata:\n  name: x\n", ("", "A", "x", "")),
        ("- 1\n- kind: A\n  x: y\n", None),
        ("kind: null\nmetadata:\n  name: ~\n  namespace: 'null'\n", ("", "", "", "null")),
        ("apiVersion: v1\nkind: NULL\nmetadata:\n  name: Null\n", ("v1", "", "", "")),
        ("kind: &a null\nmetadata:\n  name: !!str null\n  namespace: !!null x\n", ("", "", "null", "")),
    ],
)
def test_an_object_is_named_by_its_own_first_words(head: str, expected: tuple[str, ...] | None) -> None:
    place = f"- old {MARK}\n" if expected is None else f"image: old {MARK}\n"
    (change,) = plan_file(b"a.yaml", f"%YAML 1.1\n---\n{head}{place}".encode(), REFS).changes
    assert change.object == ObjectIdentifier(*(expected or ()))


@pytest.mark.parametrize(
    ("path", "opened"),
    [(b"a.yaml", True), (b"d/.yml", True), (b"Kustomization", True), (b"a.YAML", False), (b"kustomization", False)],
)
def test_files_are_opened_by_fluxs_names(path: bytes, opened: bool) -> None:
    assert is_candidate(path) is opened


def test_a_file_without_the_token_is_not_looked_at() -> None:
    source = b"k: [ # {'$imagepolicy': 'ns:app'}\n"
    assert has_marker(source) is False
    assert plan_file(b"a.yaml", source, REFS).problem is None


def test_no_edits_give_the_same_object_and_overlapping_ones_are_refused() -> None:
    source = b"abc"
    assert apply_edits(source, ()) is source
    with pytest.raises(OverlappingEdits):
        apply_edits(source, (Edit(start=0, end=2, new=b""), Edit(start=1, end=3, new=b"")))


def test_a_marker_line_behind_a_block_scalar_is_told_from_the_scalars_text() -> None:
    source = f"k:\n  - >\n      text\n    {MARK}\n  - old\nb: |\n  {MARK}\n".encode()
    found = plan_file(b"a.yaml", source, REFS)
    assert [(one.line, one.state) for one in found.markers] == [(4, "applied"), (7, "malformed marker")]
    assert [(one.line, one.old_value) for one in found.changes] == [(4, "old")]


@pytest.mark.parametrize(
    ("source", "old"),
    [
        # Of a scalar with two comments, the one on its line counts.
        ('r:\n# {"$imagepolicy": "ns:app"}\n- |- # {"$imagepolicy": "ns:app:tag"}\n  old\n', "old"),
        ("r:\n# MARK\n- | # why\n  old\n", None),
        ("r:\n# MARK\n- |\n  old\n# end\n", "old\n"),
        ("r:\n# MARK\n- |\n- b: 1 # why\n", ""),
        # A comment above a list in a list is the inner list's.
        ("r:\n# MARK\n- - old\n", None),
        ("r:\n- # MARK\n  - - old\n", None),
        ("r:\n- # MARK\n  - old\n", "old"),
        # Blank lines do not part a comment from the first item; behind another item they end it.
        ("r:\n\n# MARK\n\n- old\n", "old"),
        ("r:\n- a\n\n# MARK\n- old\n", "old"),
        ("r:\n- a\n# MARK\n\n- old\n", None),
        ("r:\n# MARK\n-\n\n  old\n", "old"),
        # A comment that is indented like a nested item is that item's.
        ("r:\n- - a\n  # MARK\n- old\n", None),
        ("r:\n- k: v\n  # MARK\n- old\n", None),
        ("r:\n- k: v\n# MARK\n- old\n", "old"),
        ("r:\n- a\n  # MARK\n- old\n", "old"),
        # An empty item gives its comment to the next one.
        ("r:\n- # MARK\n- old\n", "old"),
        ("r:\n# MARK\n-\n-\n  old\n", "old"),
        ("r:\n# MARK\n- # MARK\n  -\n    old\n", "old"),
        # Of two comment lines above a value none counts, wherever the second one stands.
        ("r:\n  # MARK\n-\n  # MARK\n  old\n", None),
        ("r:\n-\n  # MARK\n\n  old\n", None),
        # A comment below a deeper value is no part of the next item's comment.
        ("r:\n-\n  a\n  # MARK\n- old\n", "old"),
        # In flow collections, comments belong to keys, commas and brackets as they do in go-yaml.
        ("r: {k: # MARK\n  old}\n", "old"),
        ("r: [[ # MARK\n  old]]\n", None),
        ("r: [\n  # MARK\n  old]\n", "old"),
        ("r: {k: # why\n  old # MARK\n}\n", None),
        ("r: [[old # MARK\n  , # MARK\n  a]]\n", None),
        # Comments behind a tag or an anchor are comments of the value.
        ("k: &a # MARK\n  old\n", "old"),
        ("k: !!str # MARK\n  old\n", "old"),
        ("k: !!str # why\n  old # MARK\n", None),
        # A line of a text is no comment above another one.
        ("r:\n- k: |-\n    # x\n- # MARK\n  old\n", "old"),
        # What is inside of a key is not set.
        ("? q: old # MARK\n", None),
        ("? - old # MARK\n", None),
    ],
)
def test_a_comment_line_belongs_to_what_flux_says(source: str, old: str | None) -> None:
    source = source.replace("# MARK", '# {"$imagepolicy": "ns:app:tag"}')
    plan = plan_file(b"a.yaml", source.encode(), REFS)
    assert [(one.old_value, one.setter) for one in plan.changes] == ([(old, "ns:app:tag")] if old is not None else [])


def test_tabs_before_comment_lines_below_a_comment_are_read_as_go_yaml_reads_them() -> None:
    source = f"a:\n  # one\n\t# two\n \t # three\n  b: old {MARK}\n".encode()
    assert edited(source) == source.replace(b"old", b"v2.0.0")
    alone = plan_file(b"a.yaml", f"a: 1\n\t# two\nb: old {MARK}\n".encode(), REFS)
    assert alone.problem == "not valid YAML: found a tab character that violates indentation at line 2, column 1"


def test_a_file_whose_second_document_is_not_valid_is_left_as_it_is() -> None:
    plan = plan_file(b"a.yaml", f"image: old {MARK}\n---\na: [\n".encode(), REFS)
    assert plan.changes == ()
    assert plan.problem is not None and plan.problem.startswith("not valid YAML")


def test_aliases_and_odd_blank_lines_around_a_value_stay_as_they_are() -> None:
    source = (
        b"image:\n"
        b'  repository: ghcr.io/org/app # {"$imagepolicy": "ns:app:name"}\n'
        b'  tag: &t "1.0.0"   # {"$imagepolicy": "ns:app:tag"}\n'
        b"sidecar:\n  tag: *t\n"
        b'env: |\n\n\n\n      {\n\n\n      "a":   1\n      }\n\n\n'
        b"base: &x0\n  tag: *t\n"
    )
    assert edited(source) == source.replace(b"1.0.0", b"v2.0.0")
