"""Every recorded case of Flux and its libraries, against our code: whole results, error texts included."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
