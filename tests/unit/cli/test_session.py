"""What every verb is given: here, that a table of a newer version is left alone."""

from __future__ import annotations

from tagstream.ports.schema import SCHEMA
from tests.unit.cli.memory_ports import MemoryPorts, MemorySchema, command


def test_a_table_that_a_newer_version_has_changed_stops_every_command() -> None:
    ports = MemoryPorts(schema=MemorySchema(marked=SCHEMA + 1))
    done = command("get", "images", "all", ports=ports)
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"✗ the table of stack 'tagstream' has schema {SCHEMA + 1}, and this tagstream knows {SCHEMA}:"
        " update the command line to the version of the stack\n"
    )


def test_an_older_table_is_used_until_the_functions_have_migrated_it() -> None:
    done = command("get", "images", "all", ports=MemoryPorts(schema=MemorySchema(marked=0)))
    assert done.code == 0
