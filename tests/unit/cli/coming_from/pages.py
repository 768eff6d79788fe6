"""Reads the pages for people who come from another tool: their commands of ours, and their YAML."""

from __future__ import annotations

import re

from tests.house.source_files import ROOT

PAGES = tuple(sorted(path.name for path in (ROOT / "docs").glob("coming-from-*.md")))
GUIDE = "coming-from-flux.md"


def text(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / "docs" / page).read_text()


def section(page: str, title: str) -> str:
    """Return what stands below a title, up to the next one."""
    return text(page).partition(f"## {title}\n")[2].partition("\n## ")[0]


def commands(part: str) -> list[str]:
    """Return every command of ours in a part of a page, whether in a sentence, a table or a block."""
    inline = re.findall(r"`(tagstream [^`]+)`", part)
    blocks = re.findall(r"^\$ (tagstream .+)$", part, re.MULTILINE)
    # A pipe is escaped in a table.
    return [one.replace("\\|", "|") for one in [*blocks, *inline]]


def yaml_blocks(page: str) -> list[str]:
    """Return the blocks of YAML."""
    return re.findall(r"^```yaml\n(.*?)^```$", text(page), re.MULTILINE | re.DOTALL)
