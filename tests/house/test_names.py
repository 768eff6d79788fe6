"""Names say what a thing is, and nothing of where it was written is left in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.source_files import ROOT, product_files, shown, test_files, tracked_files, tree_of

# Words that say nothing about what is inside.
EMPTY = frozenset({"util", "utils", "helper", "helpers", "manager", "misc", "common"})
PRODUCTS = frozenset({"SecretsManager"})
# Written in halves, so that this file passes its own test.
HOSTS = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "deb." + "debian",
    "npm" + "js.org",
    "crates" + ".io",
    "maven" + ".org",
)
PLACES = ("/wo" + "rk/", "/tm" + "p/try", r"(?<![\w/])sha" + "red/(?:refer|proto|sample|vector)")
PEOPLE = (r"\bC" + r"EO\b", "Cla" + "ude", "Anth" + "ropic", r"\bA" + r"I assistant")
TRACES = re.compile("|".join((*HOSTS, *PLACES, *PEOPLE)))
TEXTS = [path for path in tracked_files() if not path.is_relative_to(ROOT / "tests/vectors/data")]


def words_of(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


@pytest.mark.parametrize("path", [*product_files(), *test_files()], ids=shown)
def test_no_file_and_no_definition_has_an_empty_name(path: Path) -> None:
    named = {node.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    empty = {name for name in {path.stem, *named} - PRODUCTS if not name.startswith("test_") and words_of(name) & EMPTY}
    assert empty == set()


@pytest.mark.parametrize("path", TEXTS, ids=shown)
def test_a_file_keeps_no_trace_of_where_it_was_made(path: Path) -> None:
    text = path.read_bytes().decode(errors="replace")
    assert sorted({found.group() for found in TRACES.finditer(text)}) == []


@pytest.mark.parametrize("trace", ["see /wo" + "rk/main", "the C" + "EO says", "https://pypi" + ".org/simple"])
def test_a_planted_trace_is_found(trace: str) -> None:
    assert TRACES.search(trace)


@pytest.mark.parametrize("path", [path for path in test_files() if path.name.startswith("test_")], ids=shown)
def test_a_test_is_named_by_a_sentence(path: Path) -> None:
    names = [node.name for node in tree_of(path).body if isinstance(node, ast.FunctionDef)]
    short = [name for name in names if name.startswith("test_") and name.count("_") < 3]
    assert short == []


@pytest.mark.parametrize("path", [*product_files(), *test_files()], ids=shown)
def test_no_file_is_left_half_done(path: Path) -> None:
    marks = re.findall(r"#\s*(TO" + "DO|FIX" + "ME|X" + r"XX)\b", path.read_text())
    assert marks == []


@pytest.mark.parametrize("path", test_files(), ids=shown)
def test_no_test_patches_our_code_or_the_path(path: Path) -> None:
    text = path.read_text()
    found = [word for word in ("mock" + ".patch", "sys.path" + ".insert", "sys.path" + ".append") if word in text]
    assert found == []
