"""Patterns mean the same in every Python that the project runs on.

Up to Python 3.11.4 (Debian 12 has 3.11.2) a possessive repeat of a group ends behind the last try that failed, if that
read something (CPython issue 106052); the repeat of an atomic group does not.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import gocompat
import tagstream
from gocompat.semver import range as semver_range
from tagstream.domain.setters import fast_reader, identity

ONE_CHARACTER = ("IN", "LITERAL", "NOT_LITERAL", "ANY", "CATEGORY")


def _patterns() -> Iterator[Any]:
    modules = (
        *pkgutil.walk_packages(tagstream.__path__, "tagstream."),
        *pkgutil.walk_packages(gocompat.__path__, "gocompat."),
    )
    for module in modules:
        if not module.name.endswith("__main__"):
            loaded = importlib.import_module(module.name)
            found = ((f"{module.name}.{name}", value) for name, value in vars(loaded).items())
            yield from (pytest.param(value, id=name) for name, value in found if isinstance(value, re.Pattern))
    # They are texts until they are needed.
    for text in (semver_range.HYPHEN, semver_range.LATER_HYPHEN, identity._TOP, identity._CHILD):
        yield pytest.param(re.compile(text), id=repr(text[:40]))
    yield pytest.param(fast_reader._body_pattern(2), id="tagstream.domain.setters.fast_reader._body_pattern")


def _repeated(tree: Any) -> Iterator[Any]:
    """What a tree of a parsed pattern repeats possessively, at any depth."""
    if isinstance(tree, _parser.SubPattern):
        for operation, given in tree:
            if operation is _constants.POSSESSIVE_REPEAT:
                yield given[2]
            yield from _repeated(given)
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from _repeated(part)


@pytest.mark.parametrize("pattern", list(_patterns()))
def test_what_is_repeated_possessively_is_one_character_or_atomic(pattern: re.Pattern[Any]) -> None:
    found = [list(one) for one in _repeated(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))]
    allowed = (*ONE_CHARACTER, "ATOMIC_GROUP")
    assert [one for one in found if len(one) != 1 or str(one[0][0]) not in allowed] == []
