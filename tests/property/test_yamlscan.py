"""The fast scanner and libyaml's events never disagree; edits change values and nothing else."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML, YAMLError

from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.objects.yaml_events import check_yaml
from tagstream.domain.setters.exact_reader import scan_events
from tagstream.domain.setters.fast_reader import Site, Unsure, scan_document
from tagstream.domain.setters.marker import TOKEN
from tagstream.domain.setters.plan import apply_edits, plan_file

SAMPLE = (Path(__file__).parents[1] / "data/harvis/k8s-manifests/overlays/prod/frontend.yaml").read_bytes()
REFS = {NamespacedName("ns", "app"): ImageRef(name="reg/app", tag="v2.0.0", digest="sha256:" + "a" * 64)}
MARKER = '# {"$imagepolicy": "ns:app%s"}'
LINES = st.sampled_from(
    [
        "image: old " + MARKER % "",
        "tag: 1.10 " + MARKER % ":tag",
        'name: "a\\tb" ' + MARKER % ":name",
        "single: 'it''s' " + MARKER % ":tag",
        "digest: x " + MARKER % ":digest",
        "tagged: !!int 5 " + MARKER % ":tag",
        "anchored: &a old " + MARKER % ":tag",
        "pair:\n  one: &c x\n  alias: *c " + MARKER % ":tag",
        "nowhere: *z",
        "empty: " + MARKER % ":tag",
        "flow: {a: b} " + MARKER % ":tag",
        "text: |\n  image: old " + MARKER % "" + "\n  more",
        "folded: >- " + MARKER % ":tag" + "\n  old",
        "list:\n  - old " + MARKER % ":tag" + "\n  " + MARKER % ":tag" + "\n  - b",
        "nested:\n  deep:\n    image: x:1 " + MARKER % "",
        "multi: old\n  words " + MARKER % ":tag",
        "# image: old " + MARKER % "",
        MARKER % ":tag",
        "plain: value",
        "",
        "url: http://x/#y " + MARKER % ":tag",
        "more: some\n  - |\n    text " + MARKER % ":tag",
        "items:\n  - |\n    text " + MARKER % ":tag",
        "below:\n  - |\n      text\n    " + MARKER % ":tag" + "\n  - old",
        "glued: &b:x " + MARKER % ":tag",
        "verbatim: !<tag:yaml.org,2002:int> 5 " + MARKER % ":tag",
        "none: | " + MARKER % ":tag",
        "trailing: | " + MARKER % ":tag" + "\n    old  ",
        "rest: x\u2028" + MARKER % ":tag",
        "break: x\u2028 " + MARKER % ":tag",
        "deep:\n    flow: {a: old, " + MARKER % ":tag" + "\n      b: [x, y]}",
        "--- |\n  text: old " + MARKER % ":tag",
        "--- " + MARKER % ":tag",
        "... # end\n--- {a: old, " + MARKER % ":tag" + "\n  b: c}\n---",
    ]
)


def numbered(lines: list[str]) -> str:
    """Keys are made different by their number: duplicate ones are another matter."""
    return "".join(f"{at}_{line}\n" if line[:1].isalpha() else f"{line}\n" for at, line in enumerate(lines))


DOCUMENTS = st.lists(LINES, min_size=1, max_size=8).map(numbered)
BREAK = re.compile("\n|\u2028")
COMMENT = re.compile("# .*")
MODEST = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def is_valid(data: bytes) -> bool:
    try:
        check_yaml(data)
    except YAMLError:
        return False
    return True


def spans(sites: list[Site]) -> list[tuple[int, int]]:
    return [(site.start, site.end) for site in sites if site.end >= 0]


@MODEST
@given(DOCUMENTS)
def test_the_fast_scanner_finds_the_spans_that_the_events_give(text: str) -> None:
    data = text.encode()
    hits = [index for index in range(len(data)) if data.startswith(TOKEN, index)]
    if not hits or not is_valid(data):
        return
    try:
        fast = scan_document(data, 0, len(data), hits)
    except Unsure:
        return
    # libyaml breaks lines at U+2028; a file with one goes to the events as a whole.
    if "\u2028" not in text and "\n---" not in f"\n{text}":
        assert spans(fast) == spans(scan_events(text, 0))


@MODEST
@given(DOCUMENTS, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_edits_change_values_only_and_a_second_run_changes_nothing(text: str, newline: str, bom: bool) -> None:
    source = (b"\xef\xbb\xbf" if bom else b"") + text.replace("\n", newline).encode()
    plan = plan_file(b"a.yaml", source, REFS)
    new = apply_edits(source, plan.edits)
    kept, position = b"", 0
    for edit in plan.edits:
        kept, position = kept + source[position : edit.start], edit.end
    assert len(new) == len(kept + source[position:]) + sum(len(edit.new) for edit in plan.edits)
    assert plan_file(b"a.yaml", new, REFS).edits == ()
    assert plan.problem is None or plan.problem.startswith("not valid YAML")
    assert not plan.edits or is_valid(new)


@MODEST
@given(DOCUMENTS)
def test_every_line_with_a_marker_is_reported(text: str) -> None:
    lines = {number for number, line in enumerate(BREAK.split(text), 1) if TOKEN.decode() in line}
    assert {
        one.line for one in plan_file(b"a.yaml", text.encode(), REFS).markers if one.state
    } == lines or not is_valid(text.encode())


@MODEST
@given(st.integers(0, len(SAMPLE) - 1), st.binary(max_size=3))
def test_a_damaged_file_never_raises_and_is_left_alone_when_it_does_not_parse(at: int, junk: bytes) -> None:
    source = SAMPLE[:at] + junk + SAMPLE[at + 1 :]
    refs = {NamespacedName("flux-system", "harvis-frontend-prod"): ImageRef(name="a/b", tag="v3.0.0")}
    plan = plan_file(b"a.yaml", source, refs)
    assert (plan.problem is None) or plan.edits == ()
    assert not plan.edits or is_valid(apply_edits(source, plan.edits).removeprefix(b"\xef\xbb\xbf"))


def leaves(node: object, path: tuple[object, ...] = ()) -> Iterator[tuple[tuple[object, ...], object]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    else:
        yield path, node


@pytest.mark.filterwarnings("ignore::ruamel.yaml.error.ReusedAnchorWarning")
@MODEST
@given(DOCUMENTS)
def test_a_parser_that_is_not_libyaml_sees_the_same_tree_with_set_values_only(text: str) -> None:
    if "\u2028" in text:
        return
    try:
        before = dict(leaves(list(YAML(typ="safe", pure=True).load_all(text))))
    except YAMLError:
        return
    plan = plan_file(b"a.yaml", text.encode(), REFS)
    edited = apply_edits(text.encode(), plan.edits).decode()
    after = dict(leaves(list(YAML(typ="safe", pure=True).load_all(edited))))
    ref = REFS[NamespacedName("ns", "app")]
    allowed = {str(ref), ref.tag, ref.name, ref.digest}
    changed = {path for path in before if before[path] != after.get(path)}
    assert set(before) == set(after)
    assert {str(after[path]).strip() for path in changed} <= allowed


@pytest.mark.filterwarnings("ignore::ruamel.yaml.error.ReusedAnchorWarning")
@MODEST
@given(DOCUMENTS)
@example('0_glued: &b:x # {"$imagepolicy": "ns:app:tag"}\n... # end\n--- {a: old}\n---\n')
def test_a_round_trip_by_ruamel_loses_no_comment_by_an_edit(text: str) -> None:
    if "\u2028" in text:
        return
    edited = apply_edits(text.encode(), plan_file(b"a.yaml", text.encode(), REFS).edits).decode()
    try:
        before = round_trip(text)
    except YAMLError:
        return
    # ruamel itself drops comments of some documents; an edit must not have it drop another.
    assert Counter(COMMENT.findall(before)) - Counter(COMMENT.findall(round_trip(edited))) == Counter()


def round_trip(text: str) -> str:
    reader, stream = YAML(typ="rt"), io.StringIO()
    reader.dump_all(list(reader.load_all(text)), stream)
    return stream.getvalue()
