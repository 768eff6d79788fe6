"""Windows and freezes of manifests: what apply refuses, and what the example of the page does."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tagstream.domain.calendar.calendar import Calendar, next_opening
from tagstream.domain.calendar.window import parse_windows
from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import ImageUpdateAutomation, Namespace
from tagstream.ports.freezes import StackCalendar
from tests.embedded.single_writes import put_status
from tests.house.source_files import ROOT
from tests.unit.cli.memory_ports import MemoryPorts, Outcome, command

PAGE = (ROOT / "docs/windows.md").read_text()
OFFICE = "Mon-Fri 09:00-17:00 Europe/Berlin"
WEEKEND = "Sat-Sun 00:00-24:00 Europe/Berlin"


def rows(title: str) -> list[list[str]]:
    """The rows of the table of the page whose head begins with a title."""
    _, _, rest = PAGE.partition(f"| {title}")
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]


def example() -> list[Calendar]:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    values = [parse_object(one, "prod").value for one in yaml.safe_load_all(block)]
    found = [one.calendar for one in values if isinstance(one, ImageUpdateAutomation | Namespace)]
    assert len(found) == 2
    return [one for one in found if one is not None]


@pytest.mark.parametrize("row", rows("a tag of"))
def test_the_example_of_the_page_is_pushed_when_the_page_says(row: list[str]) -> None:
    assert next_opening(example(), datetime.fromisoformat(row[0])) == datetime.fromisoformat(row[1])


@pytest.mark.parametrize("row", rows("window in Europe/Berlin"))
@pytest.mark.parametrize(("column", "day"), [(1, "2026-03-29"), (2, "2026-10-25")])
def test_a_window_across_a_change_of_the_clocks_opens_and_closes_as_the_page_says(
    row: list[str], column: int, day: str
) -> None:
    (window,) = parse_windows(f"{row[0].strip('`')} Europe/Berlin")
    opens, closes = (one if "T" in one else f"{day}T{one}" for one in row[column].split(" to "))
    found = window.span(datetime.fromisoformat(closes) - (datetime(2026, 1, 1, 1) - datetime(2026, 1, 1)))
    assert found is not None
    assert found.opens == datetime.fromisoformat(opens)
    assert found.closes == datetime.fromisoformat(closes)


def test_the_example_of_the_page_is_valid(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "example.yaml").write_text(block)
    done = command("apply", "--dry-run=client", "-f", str(tmp_path))
    assert done.code == 0, done.err


def automation(**annotations: str) -> dict[str, object]:
    git = {"commit": {"author": {"email": "a@b"}}}
    spec = {"interval": "1m", "sourceRef": {"kind": "GitRepository", "name": "app"}, "git": git}
    return manifest("ImageUpdateAutomation", "image.toolkit.fluxcd.io/v1", "app", annotations) | {"spec": spec}


def namespace(**annotations: str) -> dict[str, object]:
    return manifest("Namespace", "v1", "flux-system", annotations)


def manifest(kind: str, version: str, name: str, annotations: dict[str, str]) -> dict[str, object]:
    named = {f"tagstream.dev/{key}": text for key, text in annotations.items()}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "annotations": named}}


def applied(tmp_path: Path, *documents: dict[str, object], ports: MemoryPorts | None = None) -> Outcome:
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all(documents))
    return command("apply", "-f", str(tmp_path), ports=ports or MemoryPorts())


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            automation(window="Mon 09:00-17:00 Mars/Olympus"),
            "ImageUpdateAutomation/flux-system/app metadata.annotations[tagstream.dev/window]: Invalid value:"
            ' "Mon 09:00-17:00 Mars/Olympus": unknown time zone "Mars/Olympus"',
        ),
        (automation(window=""), 'metadata.annotations[tagstream.dev/window]: Invalid value: "": no window is given'),
        (
            automation(freeze="2026-12-20..2026-12-01"),
            "metadata.annotations[tagstream.dev/freeze]: Invalid value:"
            ' "2026-12-20..2026-12-01": freeze "2026-12-20..2026-12-01": ends before it starts',
        ),
        (
            namespace(window="9to5"),
            "Namespace/flux-system/flux-system metadata.annotations[tagstream.dev/window]: Invalid value:"
            ' "9to5": window "9to5": expected',
        ),
    ],
)
def test_a_window_or_a_freeze_that_cannot_be_read_is_refused_with_object_annotation_and_value(
    tmp_path: Path, document: dict[str, object], message: str
) -> None:
    done = applied(tmp_path, document)
    assert done.code == 1
    assert message in done.err


def test_lint_refuses_what_apply_refuses(tmp_path: Path) -> None:
    documents = [namespace(window=WEEKEND), automation(window=OFFICE), automation()]
    documents[2]["metadata"] = {"name": "other", "annotations": {"tagstream.dev/freeze": "Christmas"}}
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all(documents))
    done = command("lint", "--objects", tmp_path, "--repo", tmp_path)
    assert done.code == 1
    told = done.out + done.err
    assert f'app metadata.annotations[tagstream.dev/window]: Invalid value: "{OFFICE}": {NEVER}' in told
    assert 'other metadata.annotations[tagstream.dev/freeze]: Invalid value: "Christmas": freeze "Christmas"' in told


def test_a_misspelt_annotation_of_a_namespace_is_a_warning(tmp_path: Path) -> None:
    done = applied(tmp_path, namespace(windows=OFFICE))
    assert done.code == 0
    assert "metadata.annotations[tagstream.dev/windows]: unknown annotation: it does nothing" in done.err


NEVER = "is never open together with the windows of"


def test_windows_that_are_never_open_together_are_refused(tmp_path: Path) -> None:
    done = applied(tmp_path, namespace(window=WEEKEND), automation(window=OFFICE))
    assert done.code == 1
    assert (
        "ImageUpdateAutomation/flux-system/app metadata.annotations[tagstream.dev/window]:"
        f' Invalid value: "{OFFICE}": {NEVER} namespace flux-system' in done.err
    )


def writers(branch: str, windows: list[str | None], template: str = "") -> list[dict[str, object]]:
    """A GitRepository and automations that push to a branch of it, each with a window of its own."""
    source = {"url": "https://git.example.com/app.git", "interval": "1h", "ref": {"branch": "main"}}
    made = [manifest("GitRepository", "source.toolkit.fluxcd.io/v1", "app", {}) | {"spec": source}]
    for number, window in enumerate(windows):
        annotations = {} if window is None else {"tagstream.dev/window": window}
        annotations |= {"tagstream.dev/push-branch-template": template} if template else {}
        found = automation()
        found["metadata"] = {"name": f"app-{number}", "namespace": "flux-system", "annotations": annotations}
        commit = {"author": {"email": "a@b"}}
        found["spec"] = {
            "interval": "1m",
            "sourceRef": {"kind": "GitRepository", "name": "app"},
            "git": {"commit": commit, **({"push": {"branch": branch}} if branch else {})},
        }
        made.append(found)
    return made


def test_automations_that_rebuild_one_branch_and_are_never_open_together_are_refused(tmp_path: Path) -> None:
    done = applied(tmp_path, *writers("updates", [OFFICE, None, WEEKEND]))
    assert done.code == 1
    assert (
        "ImageUpdateAutomation/flux-system/app-2 metadata.annotations[tagstream.dev/window]: Invalid value:"
        f' "{WEEKEND}": {NEVER} ImageUpdateAutomation/flux-system/app-0 and ImageUpdateAutomation/flux-system/app-1,'
        " which rebuild the same branch" in done.err
    )


@pytest.mark.parametrize("windows", [[OFFICE, None], [OFFICE, "Fri 12:00-13:00"], [None, None]])
def test_automations_that_rebuild_one_branch_may_have_windows_that_overlap(
    tmp_path: Path, windows: list[str | None]
) -> None:
    done = applied(tmp_path, *writers("updates", windows))
    assert (done.code, NEVER in done.err) == (0, False)


def test_automations_that_add_to_one_branch_need_no_common_window(tmp_path: Path) -> None:
    assert applied(tmp_path, *writers("", [OFFICE, WEEKEND])).code == 0


def test_automations_of_one_template_that_are_never_open_together_are_warned_of(tmp_path: Path) -> None:
    done = applied(tmp_path, *writers("", [OFFICE, WEEKEND], template="images/{{ .NewTag }}"))
    assert done.code == 0
    assert f"{NEVER} ImageUpdateAutomation/flux-system/app-0: a branch of the template" in done.err


def test_windows_of_the_stored_namespace_and_of_the_stack_count_too(tmp_path: Path) -> None:
    ports = MemoryPorts()
    assert applied(tmp_path, namespace(window=WEEKEND), ports=ports).code == 0
    assert f"{NEVER} namespace flux-system" in applied(tmp_path, automation(window=OFFICE), ports=ports).err
    ports = replace(MemoryPorts(), stack_calendar=StackCalendar(window=WEEKEND))
    assert f"{NEVER} the stack" in applied(tmp_path, automation(window=OFFICE), ports=ports).err


def test_a_namespace_in_the_files_counts_instead_of_the_stored_one(tmp_path: Path) -> None:
    ports = MemoryPorts()
    assert applied(tmp_path, namespace(window=WEEKEND), ports=ports).code == 0
    assert applied(tmp_path, namespace(window=OFFICE), automation(window=OFFICE), ports=ports).code == 0


def test_a_window_of_the_stack_that_cannot_be_read_is_not_what_apply_reports(tmp_path: Path) -> None:
    ports = replace(MemoryPorts(), stack_calendar=StackCalendar(window="always"))
    assert applied(tmp_path, automation(window=OFFICE), ports=ports).code == 0


def test_get_shows_until_when_an_automation_waits_and_why(tmp_path: Path) -> None:
    ports = MemoryPorts()
    applied(tmp_path, automation(window=OFFICE), ports=ports)
    stored = ports.objects.list("ImageUpdateAutomation")[0]
    waits = {"until": "2026-11-30T08:00:00Z", "reason": f"outside the window: {OFFICE}", "selections": 2}
    put_status(ports.objects, stored.kind, stored.key, {"tagstream": {"postponed": waits}})
    assert (
        f"until 2026-11-30T08:00:00Z: outside the window: {OFFICE} (2 new tags)"
        in command("get", "images", "update", ports=ports).out
    )


def test_reconcile_says_that_nothing_is_pushed_yet(tmp_path: Path) -> None:
    ports = MemoryPorts()
    applied(tmp_path, automation(window=OFFICE), ports=ports)

    def waits(kind: str, key: object, annotations: dict[str, str]) -> None:
        (asked,) = annotations.values()
        postponed = {"until": "", "reason": "everything is frozen: by alice", "selections": 1}
        body = {"lastHandledReconcileAt": asked, "conditions": READY, "tagstream": {"postponed": postponed}}
        put_status(ports.objects, "ImageUpdateAutomation", ports.objects.list(kind)[0].key, body)

    ports.objects.on_annotate = waits
    done = command("reconcile", "image", "update", "app", ports=ports)
    assert done.code == 0
    assert "nothing is pushed yet: everything is frozen: by alice (1 new tag)" in done.err


def test_resume_ends_when_the_new_spec_waits_for_a_window(tmp_path: Path) -> None:
    ports = MemoryPorts()
    applied(tmp_path, automation(window=OFFICE), ports=ports)
    command("suspend", "image", "update", "app", ports=ports)
    key = ports.objects.list("ImageUpdateAutomation")[0].key
    postponed = {"until": "2026-11-30T08:00:00Z", "reason": "outside the window", "selections": 0, "generation": 3}
    put_status(
        ports.objects, "ImageUpdateAutomation", key, {"conditions": READY, "tagstream": {"postponed": postponed}}
    )
    done = command("resume", "image", "update", "app", ports=ports)
    assert done.code == 0
    assert "nothing is pushed yet: until 2026-11-30T08:00:00Z: outside the window (nothing new)" in done.err


READY = [
    {
        "type": "Ready",
        "status": "True",
        "reason": "Succeeded",
        "message": "repository up-to-date",
        "lastTransitionTime": datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
    }
]
