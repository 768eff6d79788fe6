"""Every module says what it is for; every public function says what it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source_files import product_files, shown, tree_of

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
MODULES = [path for path in product_files() if path.name != "__init__.py" and not path.name.endswith("_table.py")]
TABLES = [path for path in product_files() if path.name.endswith("_table.py")]


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Public classes, functions and methods of public classes without a docstring."""
    public = [node for node in tree.body if isinstance(node, DEFINITIONS) and not node.name.startswith("_")]
    members = [member for node in public if isinstance(node, ast.ClassDef) for member in node.body]
    for node in (*public, *members):
        if isinstance(node, DEFINITIONS) and not node.name.startswith("_") and ast.get_docstring(node) is None:
            yield f"{node.name}:{node.lineno}"


@pytest.mark.parametrize("path", [*MODULES, *TABLES], ids=shown)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))


@pytest.mark.parametrize("path", [*MODULES, *TABLES], ids=shown)
def test_everything_public_has_a_docstring(path: Path) -> None:
    assert list(undocumented(tree_of(path))) == []


def test_a_missing_docstring_is_found() -> None:
    source = "class A:\n    'a'\n    def b(self): ...\n    def _c(self): ...\ndef d(): ...\n"
    assert list(undocumented(ast.parse(source))) == ["d:5", "b:3"]
