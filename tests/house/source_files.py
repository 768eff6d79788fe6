"""The project's own files, as the house tests read them."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers" / "core" / "tagstream"
GOCOMPAT = ROOT / "layers" / "core" / "gocompat"
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def product_files() -> tuple[Path, ...]:
    """Python that is deployed."""
    return tuple(
        sorted(
            [
                *PACKAGE.rglob("*.py"),
                *GOCOMPAT.rglob("*.py"),
                *(ROOT / "functions").rglob("*.py"),
                *ROOT.glob("layers/vendor/*.py"),
            ]
        )
    )


def test_files() -> tuple[Path, ...]:
    """Python under tests/, without data."""
    return tuple(sorted(path for path in (ROOT / "tests").rglob("*.py") if "data" not in path.parts))


test_files.__test__ = False  # type: ignore[attr-defined]


def shown(path: Path) -> str:
    """A path as a test's id."""
    return path.relative_to(ROOT).as_posix()


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions_of(tree: ast.Module) -> Iterator[FunctionNode]:
    """All functions, methods and nested functions."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Dotted names of imported modules, wherever the statement stands; a relative import starts with a dot.

    `from a import b` counts as both `a` and `a.b`, since b may be a module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """What git tracks; a copy without its history counts as tracked whole."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return tuple(ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())
    hidden = (".venv", ".aws-sam", ".git")
    return tuple(path for path in ROOT.rglob("*") if path.is_file() and not set(path.parts) & set(hidden))
