"""Which functions templates may call, and where they are.

In: a template's text. Out: the functions; modules are read only when a template names something of theirs.

Source: sprig functions.go (HermeticTxtFuncMap) of v3.3.0; vectors templates.json ``functions``.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Mapping

from gocompat.sprig.function_table import MODULES
from gocompat.template.builtins import BUILTIN_FUNCTIONS
from gocompat.template.values import Function

_WORD = re.compile(r"\w+")


@functools.cache
def names() -> frozenset[str]:
    """Every function there is."""
    return frozenset(BUILTIN_FUNCTIONS) | {name for module in MODULES.values() for name in module}


def load(text: str) -> Mapping[str, Function]:
    """The functions that a template may name; sprig's ``slice`` stands before Go's.

    Args:
        text: the template.
    """
    words = set(_WORD.findall(text))
    found = dict(BUILTIN_FUNCTIONS)
    for module, there in MODULES.items():
        if not words.isdisjoint(there):
            found |= importlib.import_module(f"gocompat.sprig.{module}").FUNCTIONS
    return found
