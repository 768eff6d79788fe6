"""Finds all vector runners and the files that they read."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
Case = tuple[str, Callable[[], tuple[object, object]]]


def runners() -> Iterator[ModuleType]:
    """Yield the runners by name: the modules of the runners folder that have FILES. The others support them."""
    for path in sorted((HERE / "runners").glob("[a-z]*.py")):
        module = importlib.import_module(f"tests.vectors.runners.{path.stem}")
        if hasattr(module, "FILES"):
            yield module


def covered() -> tuple[tuple[ModuleType, str], ...]:
    """Return each runner with each of its files."""
    return tuple((runner, file) for runner in runners() for file in runner.FILES)


def cases(runner: ModuleType, data: Path, file: str) -> Iterator[Case]:
    """Yield the cases of one file."""
    yield from runner.cases(data, file)
