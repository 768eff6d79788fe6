"""Finds programs that tests run. In CI they must be installed; elsewhere a test without its program is skipped."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str) -> str:
    """Return the path of a program. If it is missing, skip the test, or fail it where CI is set."""
    path = shutil.which(program)
    if path is None:
        message = f"{program} is not installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
