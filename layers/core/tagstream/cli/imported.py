"""Imports functions by their names, so that a command starts with the modules that it needs and no others."""

from __future__ import annotations

import gc
import importlib
from typing import Any


def imported(path: str) -> Any:
    """Import the function that ``module:name`` names.

    The garbage collector pauses meanwhile. All that imports make stays until the process ends, and the collector would
    look through it again and again, which is a tenth of a start.
    """
    module, _, name = path.partition(":")
    pauses = gc.isenabled()
    gc.disable()
    try:
        return getattr(importlib.import_module(module), name)
    finally:
        if pauses:
            gc.enable()
