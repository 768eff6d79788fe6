"""Contract tests run on both embedded AWS; those that do not are named with the reason."""

from __future__ import annotations

import pytest

from tests.contract.conftest import ON_MINISTACK_ALONE
from tests.house.source_files import shown, test_files


@pytest.mark.parametrize("part", ON_MINISTACK_ALONE)
def test_an_exception_from_running_on_both_is_of_tests_that_exist(part: str) -> None:
    path, _, name = part.partition("::")
    found = [one for one in test_files() if f"tests/contract/{path}" in shown(one) or path in shown(one)]
    assert [one for one in found if f"def {name}" in one.read_text()], part
    assert ON_MINISTACK_ALONE[part]
