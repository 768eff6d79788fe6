"""A mistake in one object's reconcile becomes that object's condition."""

from __future__ import annotations

import pytest

from tagstream.errors import RetryableError, StalledError
from tagstream.reconcile.isolated import isolated


def test_an_unexpected_error_is_named_by_class_and_line_and_never_by_its_text() -> None:
    with (
        pytest.raises(RetryableError, match=r"^unexpected ValueError in test_isolated\.py:\d+$") as caught,
        isolated(),
    ):
        raise ValueError("hunter2")
    assert caught.value.reason == "Failed"


def test_expected_errors_pass_as_they_are() -> None:
    error = StalledError("m", reason="ImageURLInvalid")
    with pytest.raises(StalledError) as caught, isolated():
        raise error
    assert caught.value is error
