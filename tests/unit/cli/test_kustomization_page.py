"""The example of docs/kustomization.md is what ``apply`` takes, and what ``bootstrap`` makes."""

from __future__ import annotations

import re
from pathlib import Path

from tagstream.domain.objects.manifest import read_documents
from tests.unit.cli.memory_ports import MemoryPorts, command

PAGE = (Path(__file__).parents[3] / "docs/kustomization.md").read_text()
(EXAMPLE,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_is_applied_without_a_warning() -> None:
    done = command("apply", "-f", "-", ports=MemoryPorts(), stdin=EXAMPLE)
    assert (done.code, done.err) == (0, "")


def test_bootstrap_prints_the_objects_of_the_example() -> None:
    flags = ("--url=https://git.example.com/fleet.git", "--branch=main", "--path=./clusters/prod")
    intervals = ("--interval=10m", "--source-interval=1m")
    printed = command("bootstrap", *flags, *intervals, "--export").out
    found, wanted = ([one.value for one in read_documents(text.encode(), "f")] for text in (printed, EXAMPLE))
    assert found == wanted
