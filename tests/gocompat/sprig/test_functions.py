"""A template loads only the functions that it names."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from gocompat.sprig.function_table import MODULES
from gocompat.sprig.functions import load, names
from gocompat.template.builtins import BUILTIN_FUNCTIONS

_WATCHED = ("cryptography", "re2", "hashlib", "gocompat.sprig.strings", "gocompat.sprig.lots")
_PROBE = """
import sys
from datetime import datetime, timezone
from tagstream.domain.update.message import MessageData, check_template, render_message
from tagstream.domain.objects.model import NamespacedName
template = sys.argv[1]
check_template(template)
if sys.argv[2] == "render":
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    data = MessageData(automation=NamespacedName("a", "b"), changes=(), now=now, entropy=bytes)
    render_message(template, data)
print(*sorted({*sys.modules, *(name.rpartition(".")[2] for name in sys.modules)}))
"""


def loaded_by(template: str, what: str) -> list[str]:
    """The watched modules that are loaded after a template was checked or rendered."""
    run = subprocess.run([sys.executable, "-c", _PROBE, template, what], capture_output=True, text=True, check=True)
    return [name for name in _WATCHED if name in run.stdout.split()]


def test_a_plain_template_loads_neither_sprig_nor_cryptography() -> None:
    assert loaded_by("{{ .AutomationObject }} {{ range .Changed.Changes }}{{ . }}{{ end }}", "render") == []


def test_checking_a_template_loads_no_function() -> None:
    assert loaded_by('{{ shuffle "a" }}{{ regexMatch "a" "b" }}{{ upper "a" }}', "check") == []


def test_a_template_loads_the_module_that_it_names() -> None:
    assert loaded_by('{{ upper "a" }}', "render") == ["gocompat.sprig.strings"]


@pytest.mark.parametrize("module", MODULES)
def test_the_table_lists_the_functions_of_each_module(module: str) -> None:
    found = load(MODULES[module][0], now=datetime(2026, 1, 1, tzinfo=UTC), entropy=bytes)
    assert set(MODULES[module]) - set(found) == set()
    assert set(found) - set(BUILTIN_FUNCTIONS) - {"slice"} - names() == set()


def test_no_function_is_in_two_modules() -> None:
    everything = [name for module in MODULES.values() for name in module]
    assert len(everything) == len(set(everything))


@pytest.mark.parametrize(
    "name", ["now", "date", "env", "expandenv", "getHostByName", "uuidv4", "randAlpha", "htmlDate"]
)
def test_a_function_that_reads_the_clock_or_the_environment_does_not_exist(name: str) -> None:
    assert name not in names()
