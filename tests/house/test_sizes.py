"""Budgets: what fits on a screen stays readable."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.house.source_files import (
    ROOT,
    FunctionNode,
    functions_of,
    product_files,
    shown,
    test_files,
    tree_of,
)
from tests.house.template_file import template

# About 400 lines are the rule; a module that reads better whole may have up to these.
MODULE_LINES = 600
APP_LINES = 40
FUNCTION_LINES = 50
NESTING = 3
PARAMETERS = 6
TEMPLATE_RESOURCES = 50
LINE_LENGTH = 120
RECIPE_LINES = 5
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
CODE = [path for path in (*product_files(), *test_files()) if not path.name.endswith("_table.py")]
PRODUCT = [path for path in product_files() if not path.name.endswith("_table.py")]


def length_of(function: FunctionNode) -> int:
    """Lines of a function, its docstring not counted."""
    first = function.body[0]
    doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return function.end_lineno - function.lineno + 1 - (first.end_lineno - first.lineno + 1 if doc else 0)  # type: ignore[operator]


def nesting_of(node: ast.AST, depth: int = 0) -> int:
    """Deepest block inside a node; elif is no deeper than its if, a nested function starts anew."""
    deepest = depth
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
                continue
            elif_ = name == "orelse" and isinstance(node, ast.If) and isinstance(child, ast.If) and len(value) == 1
            step = isinstance(child, BLOCKS) and not elif_
            deepest = max(deepest, nesting_of(child, depth + step))
    return deepest


def parameters_of(function: FunctionNode) -> int:
    """Parameters without self and cls."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])


def _over(paths: Iterable[Path], measure: Callable[[FunctionNode], int], limit: int) -> list[str]:
    """Every function above a limit. A test for each file would take longer than all limits together."""
    return [
        f"{shown(path)}:{function.lineno} {function.name} has {found}"
        for path in paths
        for function in functions_of(tree_of(path))
        if (found := measure(function)) > limit
    ]


def test_a_module_has_at_most_600_lines() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in CODE}
    assert {path: lines for path, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_a_function_has_at_most_50_lines() -> None:
    assert _over(CODE, length_of, FUNCTION_LINES) == []


def test_blocks_nest_at_most_three_deep() -> None:
    assert _over(CODE, nesting_of, NESTING) == []


def test_a_function_takes_at_most_six_parameters() -> None:
    assert _over(PRODUCT, parameters_of, PARAMETERS) == []


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/app.py")), ids=shown)
def test_a_handler_file_only_wires(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= APP_LINES


def test_the_measures_see_what_they_are_for() -> None:
    body = ("    if a:", "        for b in a:", "            pass", "    elif b:", "        pass")
    source = "\n".join(("def f(self, a, *, b):", "    '''doc", "    doc'''", *body))
    function = next(functions_of(ast.parse(source)))
    assert length_of(function) == 6
    assert nesting_of(function) == 2
    assert parameters_of(function) == 2


def test_the_template_has_at_most_50_resources() -> None:
    assert len(template()["Resources"]) <= TEMPLATE_RESOURCES


def test_the_template_has_one_property_a_line() -> None:
    lines = (ROOT / "template.yaml").read_text().splitlines()
    assert [line for line in lines if len(line) > LINE_LENGTH] == []
    # A brace outside of quotes and of ${…} is a mapping in flow style.
    bare = [re.sub(r"'[^']*'|\"[^\"]*\"|\$\{[^}]*\}|(?<!\S)#.*", "", line) for line in lines]
    assert [line for line in bare if "{" in line] == []
    # A list of several values takes a line for each; the arguments of an intrinsic function stay together.
    assert [line for line in bare if re.search(r"(?:: |- )\[.*,", line)] == []


def test_a_make_recipe_has_at_most_five_lines() -> None:
    recipes = re.findall(r"^[\w./]+:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert max(recipe.count("\n") for recipe in recipes) <= RECIPE_LINES
