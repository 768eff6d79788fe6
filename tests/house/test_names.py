"""Names say what a thing is, and nothing of where it was written is left in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable
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


def _found(paths: Iterable[Path], look: Callable[[Path], Collection[str]]) -> dict[str, Collection[str]]:
    """What is wrong, by file. A test for each file and rule would take longer than all rules together."""
    return {shown(path): wrong for path in paths if (wrong := look(path))}


def _definitions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef | ast.FunctionDef)}


def test_no_file_and_no_definition_has_an_empty_name() -> None:
    def empty(path: Path) -> set[str]:
        names = {path.stem, *_definitions(path)} - PRODUCTS
        return {name for name in names if not name.startswith("test_") and words_of(name) & EMPTY}

    assert _found([*product_files(), *test_files()], empty) == {}


def test_a_file_keeps_no_trace_of_where_it_was_made() -> None:
    def traces(path: Path) -> list[str]:
        return sorted({found.group() for found in TRACES.finditer(path.read_bytes().decode(errors="replace"))})

    assert _found(TEXTS, traces) == {}


@pytest.mark.parametrize("trace", ["see /wo" + "rk/main", "the C" + "EO says", "https://pypi" + ".org/simple"])
def test_a_planted_trace_is_found(trace: str) -> None:
    assert TRACES.search(trace)


def test_a_test_is_named_by_a_sentence() -> None:
    def short(path: Path) -> list[str]:
        names = [node.name for node in tree_of(path).body if isinstance(node, ast.FunctionDef)]
        return [name for name in names if name.startswith("test_") and name.count("_") < 3]

    assert _found([path for path in test_files() if path.name.startswith("test_")], short) == {}


def test_no_file_is_left_half_done() -> None:
    marks = re.compile(r"#\s*(TO" + "DO|FIX" + "ME|X" + r"XX)\b")
    assert _found([*product_files(), *test_files()], lambda path: marks.findall(path.read_text())) == {}


def test_no_test_patches_our_code_or_the_path() -> None:
    words = ("mock" + ".patch", "sys.path" + ".insert", "sys.path" + ".append")
    assert _found(test_files(), lambda path: [word for word in words if word in path.read_text()]) == {}
