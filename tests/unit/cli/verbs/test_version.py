"""``tagstream version`` names the command line, the stack and its functions."""

from __future__ import annotations

import json

from tagstream import __version__
from tagstream.ports.schema import SCHEMA
from tests.unit.cli.memory_ports import MemoryPorts, command


def test_both_versions_are_printed() -> None:
    assert command("version", ports=MemoryPorts()).out == (
        f"tagstream: v{__version__}\nstack: tagstream\nfunctions: v{__version__}\ntable schema: {SCHEMA}\n"
    )


def test_the_client_needs_no_stack() -> None:
    assert json.loads(command("version", "--client", "-o", "json").out) == {"tagstream": f"v{__version__}"}


def test_a_stack_that_tells_no_version_is_older() -> None:
    ports = MemoryPorts()
    ports.operations.told_version = ""
    assert "functions: unknown (older than the command line)\n" in command("version", ports=ports).out
