"""The examples in docs/gocompat.md print what the page says."""

from __future__ import annotations

import doctest
import re

import pytest

from gocompat.regexp import _MAX_MEMORY, MAX_TEXT, MAX_WORK
from gocompat.semver.range import MAX_CHARACTERS
from gocompat.sprig import regexp
from gocompat.sprig.functions import REFUSED
from gocompat.template import bounds, evaluate, parser
from tests.house.source_files import ROOT

PAGE = (ROOT / "docs/gocompat.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_on_the_page_prints_what_it_says(example: str) -> None:
    test = doctest.DocTestParser().get_doctest(example, {}, "docs/gocompat.md", "docs/gocompat.md", 0)
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert test.examples != []
    assert report == []


def test_the_page_has_the_bounds_of_the_code() -> None:
    rows = dict(re.findall(r"^\| (.+?) \| ([\d,]+) \|$", PAGE, re.MULTILINE))
    found = {name: int(value.replace(",", "")) for name, value in rows.items()}
    assert found == {
        "steps of a run, each about a microsecond": bounds.MAX_STEPS,
        "characters of the output, and of one string": bounds.MAX_OUTPUT,
        "elements of a list, parts of a nested value": bounds.MAX_ITEMS,
        "levels of nested values": bounds.MAX_NESTING,
        "levels of templates that call each other": evaluate.MAX_DEPTH,
        "levels of blocks and parentheses in the text": parser.MAX_DEPTH,
        "characters of a pattern in a template, and of a semver range": MAX_CHARACTERS,
        "characters": MAX_TEXT,
        "groups, the whole match included, times instructions": MAX_WORK,
    }
    assert bounds.MAX_TEXT == bounds.MAX_OUTPUT
    assert regexp._MAX_PATTERN == MAX_CHARACTERS
    assert _MAX_MEMORY == 64 << 20
    assert len(REFUSED) == 13


def test_every_recorded_file_that_the_page_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.json)`", PAGE)
    assert len(named) > 8
    assert [name for name in named if not (ROOT / "tests/vectors/data" / name).exists()] == []
