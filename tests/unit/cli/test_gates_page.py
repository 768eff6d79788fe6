"""The examples of docs/gates.md are objects that ``apply`` takes without a warning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.cli.memory_ports import MemoryPorts, command

PAGE = (Path(__file__).parents[3] / "docs/gates.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_applied_without_a_warning(example: str) -> None:
    # Only the first example has the repository of all.
    ports = MemoryPorts()
    assert command("apply", "-f", "-", ports=ports, stdin=EXAMPLES[0]).code == 0
    done = command("apply", "-f", "-", ports=ports, stdin=example)
    assert (done.code, done.err) == (0, "")
