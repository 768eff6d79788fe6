"""Runs every recorded case of Flux and its libraries and compares whole results, including the texts of errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vectors.__main__ import main
from tests.vectors.case_files import DATA, cases, covered

ALL = [
    pytest.param(thunk, id=f"{file}:{name}") for runner, file in covered() for name, thunk in cases(runner, DATA, file)
]


@pytest.mark.parametrize("thunk", ALL)
def test_a_recorded_case_comes_out_as_recorded(thunk: Callable[[], tuple[object, object]]) -> None:
    actual, expected = thunk()
    assert actual == expected


def test_every_recorded_file_has_a_runner() -> None:
    recorded = {path.relative_to(DATA).as_posix() for path in (*DATA.glob("*.json"), *DATA.glob("registry/*.json"))}
    assert recorded - {file for _, file in covered()} == set()


def test_a_file_is_recorded_with_at_least_one_case() -> None:
    empty = [file for runner, file in covered() if next(iter(cases(runner, DATA, file)), None) is None]
    assert empty == []


def test_another_folder_is_told_of_file_by_file_with_what_differs_and_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = json.loads((DATA / "registry/link_header.json").read_text())
    recorded["cases"][0]["expected"]["next"] += "0"
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry/link_header.json").write_text(json.dumps(recorded))
    code, printed = main([str(tmp_path)]), capsys.readouterr()
    lines = printed.out.splitlines()
    assert (code, len(lines)) == (1, len(covered()) + 1)
    assert "registry/link_header.json: 12 passed, 1 failed" in lines
    assert "templates.json: 0 passed, 0 failed, not in the folder" in lines
    assert printed.err.startswith("registry/link_header.json:") and ", expected " in printed.err


def test_a_folder_without_recordings_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (main([str(tmp_path)]), capsys.readouterr().out) == (2, "")
