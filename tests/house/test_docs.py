"""The pages agree with the code: commands, verbs, decisions, differences with their tests, links."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tagstream.cli.parser import parse
from tagstream.events.receiver.senders_table import MODULE_BY_SENDER
from tagstream.metric_names import UNITS
from tests.aws_check.price import shown_price
from tests.house.source_files import ROOT, shown, test_files
from tests.house.template_file import of_type, template

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
FIRST_SCREEN_LINES = 45
DECISION_LINES = 60


def _all_tests() -> str:
    return "\n".join(path.read_text() for path in test_files())


def test_the_first_screen_has_the_two_commands() -> None:
    screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:FIRST_SCREEN_LINES])
    assert "make demo" in screen
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', screen)
    assert pictures and [one for one in pictures if not (ROOT / one).is_file()] == []
    # What a marked line looks like before and after.
    assert re.findall(r'^([-+]) +image: \S+ # \{"\$imagepolicy"', screen, re.MULTILINE) == ["-", "+"]
    assert "make test" in screen


def test_every_verb_of_the_command_line_is_documented() -> None:
    shown_help = subprocess.run(
        [sys.executable, "-c", "from tagstream.cli import main; main(['--help'])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    verbs = re.findall(r"^    ([a-z][a-z-]+)  +\S", shown_help, re.MULTILINE)
    text = (ROOT / "docs/cli.md").read_text()
    assert len(verbs) > 5
    assert [verb for verb in verbs if f"tagstream {verb}" not in text] == []


def _shown_commands() -> list[tuple[str, str]]:
    """Every command line of ours in a block of a page: (page, arguments)."""
    found = []
    for path in PAGES:
        for block in re.findall(r"^```(?:console|sh)?\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL):
            for line in re.findall(r"^(?:\$ )?(?:.*\| )?tagstream (.*)$", block, re.MULTILINE):
                found.append((shown(path), line.partition(" # ")[0].partition("  #")[0].strip()))
    return found


@pytest.mark.parametrize(("page", "arguments"), _shown_commands())
def test_a_command_on_a_page_is_one_the_command_line_takes(page: str, arguments: str) -> None:
    assert parse(shlex.split(arguments)) is not None, page


@pytest.mark.parametrize("path", DECISIONS, ids=shown)
def test_a_decision_is_numbered_or_of_a_package_and_fits_on_a_page(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert re.fullmatch(r"(\d{4}|package)-[a-z0-9-]+\.md", path.name)
    assert lines[0].startswith("# ")
    assert len(lines) <= DECISION_LINES


def test_decisions_have_each_number_once() -> None:
    numbers = [path.name[:4] for path in DECISIONS if path.name[0].isdigit()]
    assert numbers == sorted(set(numbers))


def test_every_difference_names_a_test_that_exists() -> None:
    rows = [line for line in (ROOT / "docs/differences.md").read_text().splitlines() if line.startswith("| ")]
    tests = _all_tests()
    paths = {shown(path) for path in test_files()}
    lost = []
    for row in rows:
        named = re.findall(r"`([\w/.:\[\]-]+)`", row.rstrip(" |").rpartition(" | ")[2])
        known = [name for name in named if re.search(rf"def {name.rpartition('::')[2]}\b", tests) or name in paths]
        lost += [] if (known and len(known) == len(named)) or set(row) <= set("|-: ") or row == rows[0] else [row]
    assert lost == []


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_a_link_within_the_project_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if ":" not in link and not (path.parent / link).exists()] == []


def test_operations_names_every_metric_parameter_and_output() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    names = [*UNITS, *template()["Parameters"], *template()["Outputs"]]
    assert [name for name in names if f"`{name}`" not in text] == []


def _anchors(page: str, marks: str = "#+") -> set[str]:
    titles = re.findall(rf"^{marks} (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_page_of_the_table_has_every_item_that_the_store_spells() -> None:
    text = (ROOT / "docs/table.md").read_text()
    sources = [path.read_text() for path in (ROOT / "layers/core/tagstream/adapters/store").glob("*.py")]
    spelled = {name for source in sources for name in re.findall(r'f?"([a-z]+#)', source)}
    assert len(spelled) > 10
    assert [name for name in sorted(spelled) if f"`{name}" not in text] == []


def test_the_page_of_the_check_in_aws_names_the_price_that_the_check_prints() -> None:
    assert f"It costs {shown_price()}," in (ROOT / "docs/aws-check.md").read_text()


def test_alarms_point_to_sections_that_exist() -> None:
    source = (ROOT / "template.yaml").read_text()
    assert set(re.findall(r"docs/operations\.md#([a-z-]+)", source)) <= _anchors("docs/operations.md")


def test_operations_leads_to_the_section_of_every_sender() -> None:
    linked = set(re.findall(r"\(webhooks\.md#([a-z0-9-]+)\)", (ROOT / "docs/operations.md").read_text()))
    assert linked == _anchors("docs/webhooks.md", "##") - {"set-up-the-same-for-all", "filters"}


def test_every_sender_is_named_on_the_page_of_webhooks() -> None:
    text = (ROOT / "docs/webhooks.md").read_text()
    named = set(re.findall(r"(?:[Tt]ype|[Ss]ender) `([a-z-]+)`", text))
    assert set(MODULE_BY_SENDER) - named == set()


def test_the_gate_runs_what_a_developer_runs() -> None:
    commands = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line and not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]


def test_every_permission_is_explained_on_the_security_page() -> None:
    text = (ROOT / "docs/security.md").read_text()
    statements = [
        (statement["Sid"], action)
        for role in of_type("AWS::IAM::Role").values()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    lost = [
        (sid, action)
        for sid, action in statements
        if not any(
            re.search(rf"\b{sid}\b", row.split("|")[2]) and f"`{action}`" in row for row in rows if row.count("|") > 3
        )
    ]
    assert lost == []


def test_every_test_that_the_security_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/security.md").read_text()))
    tests = _all_tests()
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []


def test_every_sample_event_is_used_by_a_test_and_by_a_documented_invocation() -> None:
    tests, pages = _all_tests(), (ROOT / "docs/operations.md").read_text() + (ROOT / "docs/webhooks.md").read_text()
    names = sorted(path.stem for path in (ROOT / "events").glob("*.json"))
    assert [name for name in names if not re.search(rf"\b{name}\b", tests) and "webhook_" not in name] == []
    assert [name for name in names if f"events/{name}.json" not in pages] == []
