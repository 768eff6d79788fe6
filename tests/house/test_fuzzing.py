"""Every module that reads outside bytes is fuzzed, or is named here with the reason why it is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.house.source_files import ROOT

LAYER = ROOT / "layers" / "core"
# Everything in these packages reads outside bytes, unless it is named below.
PACKAGES = (
    *("gocompat", "gocompat/semver", "gocompat/template", "tagstream/events", "tagstream/events/receiver"),
    *("tagstream/events/receiver/senders", "tagstream/domain/objects", "tagstream/domain/setters"),
    *("tagstream/domain/calendar", "tagstream/domain/signatures"),
)
NOT_PARSERS = {
    "gocompat.entropy": "draws numbers",
    "tagstream.domain.objects.acl": "compares values",
    "tagstream.domain.objects.annotations": "reads and changes members of documents that were checked before",
    "tagstream.domain.objects.commit_by": "compares a value with those that are allowed",
    "tagstream.domain.objects.git_host": "compares the name of a host with those that are known",
    "tagstream.domain.objects.model": "holds values",
}
# Elsewhere a module is a parser if it says so by the name of a function or of an error.
SAYS_SO = re.compile(r"^def (?:parse|read|decode)_\w+\(|^class (?:Invalid|Bad|Broken|Unusable)\w+\(", re.MULTILINE)
# Those that read through a parser which is fuzzed, or what AWS and this program itself have written.
ELSEWHERE = {
    "tagstream.adapters.http.retrying_session": "reads bodies up to a limit; parsers get them whole",
    "tagstream.adapters.store.commit_list": "reads what a holder of a lease has written, or nothing",
    "tagstream.cli.label_selector": "reads what the user has typed",
    "tagstream.dashboard.drill_down": "reads stored objects through the parsers of object-fields",
    "tagstream.dashboard.fleet": "reads stored objects through the parsers of object-fields",
    "tagstream.dashboard.overview": "reads stored objects through the parsers of object-fields",
    "tagstream.domain.update.destination": "raises its errors for fields that object-fields fuzzes",
    "tagstream.ports.material": "has the error of secret-material",
    "tagstream.reconcile.stack_calendar": "reads parameters of the stack through the parsers of calendar",
    "tagstream.reconcile.status": "reads statuses that this program wrote; table-item fuzzes how they are stored",
    "tagstream.reconcile.stored_objects": "reads stored objects through the parsers of object-fields",
}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(LAYER).with_suffix("").parts).removesuffix(".__init__")


def _covered() -> set[str]:
    return {module for target in TARGETS.values() for module in target.modules}


def _in_packages() -> set[str]:
    paths = [path for package in PACKAGES for path in (LAYER / package).glob("*.py")]
    return {_name(path) for path in paths if path.name != "__init__.py" or "def " in path.read_text()}


def _elsewhere() -> set[str]:
    paths = [path for path in (LAYER / "tagstream").rglob("*.py") if SAYS_SO.search(path.read_text())]
    return {_name(path) for path in paths} - _in_packages()


def test_every_module_of_the_parsing_packages_is_fuzzed() -> None:
    assert _in_packages() - _covered() - set(NOT_PARSERS) == set()


def test_every_other_module_that_parses_is_fuzzed() -> None:
    assert _elsewhere() - _covered() - set(ELSEWHERE) == set()


def test_the_exceptions_are_modules_that_are_not_fuzzed() -> None:
    assert set(NOT_PARSERS) <= _in_packages()
    assert set(ELSEWHERE) <= _elsewhere()
    assert (set(NOT_PARSERS) | set(ELSEWHERE)) & _covered() == set()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_names_modules_that_exist_and_shapes_that_grow(name: str) -> None:
    target = TARGETS[name]
    paths = [LAYER / module.replace(".", "/") for module in target.modules]
    assert [path for path in paths if not (path.with_suffix(".py").exists() or path.is_dir())] == []
    assert all(len(shape.of_size(2_000)) > 1_500 for shape in target.shapes)


def test_every_folder_of_findings_belongs_to_a_target() -> None:
    folder = ROOT / "tests" / "data" / "fuzz"
    assert {path.name for path in folder.iterdir() if path.is_dir()} <= set(TARGETS)
