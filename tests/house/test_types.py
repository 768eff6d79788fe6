"""mypy reads what tests share, so that a fake cannot stop being the port that it stands for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.source_files import ROOT, shown, test_files

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
# Fakes, builders, embedded servers, vector runners, benchmarks and fixtures: everything but the tests themselves.
SHARED = tuple(path for path in test_files() if not path.name.startswith("test_"))


def is_checked(path: Path) -> bool:
    """Whether mypy's settings lead it to a file."""
    name = shown(path)
    is_listed = any(name == one or name.startswith(f"{one}/") for one in SETTINGS["files"])
    return is_listed and not any(re.search(one, name) for one in SETTINGS["exclude"])


@pytest.mark.parametrize("path", SHARED, ids=shown)
def test_a_module_that_tests_share_is_checked_by_mypy(path: Path) -> None:
    assert is_checked(path)


def test_mypy_is_strict_about_all_modules() -> None:
    loosened = [one for one in SETTINGS["overrides"] if set(one) != {"module", "ignore_missing_imports"}]
    assert SETTINGS["strict"] is True
    assert loosened == []


def test_the_fakes_of_the_ports_are_among_the_modules_that_tests_share() -> None:
    names = {shown(path) for path in SHARED}
    assert {"tests/unit/cli/memory_ports.py", "tests/contract/reconciling.py", "tests/embedded/aws.py"} <= names
