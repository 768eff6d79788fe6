"""``tagstream preview`` on a real table and Git server: the next commit, and not one write."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagstream.domain.objects.model import WINDOW, ImageRef, Revision
from tagstream.ports.bundle import Ports
from tagstream.ports.tags import TagRecord, TagState
from tests.contract.mortal_ports import Life
from tests.contract.reconcile.update.test_destinations import automation
from tests.contract.reconciling import APP, MARKED, automated, document, run, selection
from tests.contract.set_clock import SetClock
from tests.embedded.git_server import commit_files, git
from tests.embedded.single_writes import put_selection
from tests.unit.cli.memory_ports import Outcome, command

SATURDAY = datetime(2026, 11, 28, 10, tzinfo=UTC)
READING = frozenset(
    {
        *("objects.get", "objects.get_many", "objects.list", "objects.documents", "objects.documents_of"),
        *("objects.labelled", "objects.sources_of", "objects.writers_of", "selections.get", "selections.list"),
        *(
            "tags.tags",
            "tags.names",
            "tags.state",
            "tags.sightings",
            "git.open",
            "secrets.get",
            "freezes.read",
            "registry.digest",
        ),
        *("schema.version", "tags.cool_down", "selections.waiting"),
    }
)


@pytest.fixture
def chosen(ports: Ports, repository: tuple[str, Path]) -> tuple[Ports, Path]:
    """An automation whose policy has selected a new tag."""
    automated(ports, repository[0])
    ports.objects.put(document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}}))
    put_selection(ports.selections, selection("v1.1.0"), None)
    return replace(ports, clock=SetClock(SATURDAY)), repository[1]


def preview(ports: Ports, *arguments: str | Path) -> Outcome:
    """Preview what namespace ns has; every call that is no reading one fails the test."""
    life = Life()
    done = command("preview", "-n", "ns", *arguments, ports=life.ports(ports))
    written = {one for one in life.calls if one not in READING and not one.startswith("git.open.")}
    assert written == set()
    assert [one for one in life.calls if one in ("git.open.push", "git.open.refresh")] == []
    return done


def document_of(ports: Ports, *arguments: str | Path) -> Any:
    done = preview(ports, "-o", "json", *arguments)
    assert done.code == 0, done.err
    (found,) = json.loads(done.out)["automations"]
    return found


def test_the_preview_is_the_commit_that_the_next_run_makes(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    done = preview(ports)
    assert done.code == 0, done.err
    run(ports)
    made = git("show", "--format=", "main", folder=bare)
    patch = [line for line in done.out.splitlines() if not line.startswith("#")]
    assert patch == [line for line in made.splitlines() if not line.startswith(("diff --git", "index "))]
    shown = git("show", "--no-patch", "--format=%B", "main", folder=bare)
    assert f"#     {shown.splitlines()[0]}" in done.out
    assert "# may be pushed" in done.out


def test_git_applies_what_is_printed(chosen: tuple[Ports, Path], tmp_path: Path) -> None:
    ports, bare = chosen
    git("clone", "-q", str(bare), str(tmp_path / "tree"), folder=tmp_path)
    subprocess.run(
        ["git", "apply", "--check", "-"], input=preview(ports).out, text=True, check=True, cwd=tmp_path / "tree"
    )


def test_a_second_preview_is_the_same_because_nothing_was_written(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    head = git("rev-parse", "main", folder=bare)
    assert preview(ports).out == preview(ports).out
    assert git("rev-parse", "main", folder=bare) == head


def test_where_everything_is_up_to_date_nothing_would_change(chosen: tuple[Ports, Path]) -> None:
    ports, _ = chosen
    run(ports)
    assert "# nothing would change" in preview(ports).out


def url_of(ports: Ports) -> str:
    stored = ports.objects.get("GitRepository", APP)
    assert stored is not None
    spec: Any = stored.document["spec"]
    return str(spec["url"])


def test_each_branch_of_a_template_has_a_preview(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    automated(ports, url_of(ports), branch="images/{{ .Policy }}-{{ .NewTag }}")
    found = document_of(ports)
    assert (found["branch"], found["problems"]) == ("images/app-v1.1.0", [])
    assert "+image: app:v1.1.0" in found["patch"]
    assert git("for-each-ref", "refs/heads/images", folder=bare) == ""
    run(ports)
    assert "# nothing would change" in preview(ports).out


def test_a_window_is_named_and_the_patch_is_shown_all_the_same(chosen: tuple[Ports, Path]) -> None:
    ports, _ = chosen
    ports.objects.annotate("ImageUpdateAutomation", APP, {WINDOW: "Mon-Fri 09:00-17:00 Europe/Berlin"})
    found = document_of(ports)
    assert found["departure"] == {
        "answer": "wait",
        "until": "2026-11-30T08:00:00Z",
        "reason": "outside the window of the automation: Mon-Fri 09:00-17:00 Europe/Berlin",
    }
    assert "+image: app:v1.1.0" in found["patch"]
    assert document_of(ports, "--at", "2026-11-30T09:00:00+01:00")["departure"]["answer"] == "go"


def test_a_window_of_a_namespace_can_be_tried_before_it_is_applied(chosen: tuple[Ports, Path], tmp_path: Path) -> None:
    metadata = {"name": "ns", "annotations": {WINDOW: "Mon 09:00-17:00"}}
    file = written(tmp_path / "namespace.yaml", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    found = document_of(chosen[0], "-f", file)["departure"]
    assert (found["answer"], found["until"]) == ("wait", "2026-11-30T09:00:00Z")


def tagged(ports: Ports, **first_seen: datetime) -> None:
    """The image's repository with these tags (written ``v1_2_0``)."""
    ports.objects.put(document("ImageRepository", image="app", interval="1m"))
    records = [TagRecord(tag=tag.replace("_", "."), first_seen_at=at) for tag, at in first_seen.items()]
    state = TagState(
        revision=Revision("sha256:2"),
        tag_count=len(records),
        latest_tags=(),
        scanned_at=SATURDAY,
        canonical_image="index.docker.io/library/app",
        exclusion_list=(),
        first_scanned_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert ports.tags.put(APP, state, sorted(records, key=lambda one: one.tag, reverse=True), None)


def written(path: Path, *documents: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump_all(documents))
    return path


def test_a_changed_policy_is_evaluated_with_the_stored_tags_and_nothing_of_it_is_kept(
    chosen: tuple[Ports, Path], tmp_path: Path
) -> None:
    ports, _ = chosen
    tagged(ports, v1_1_0=SATURDAY, v2_0_0=SATURDAY)
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "2.x"}})
    found = document_of(ports, "-f", written(tmp_path / "policy.yaml", policy))
    assert [(one["old"], one["new"]) for one in found["changes"]] == [("app:v1.0.0", "app:v2.0.0")]
    kept = ports.selections.get(APP)
    assert kept is not None
    assert kept.ref == ImageRef(name="app", tag="v1.1.0")


def test_a_changed_automation_counts_instead_of_the_stored_one(chosen: tuple[Ports, Path], tmp_path: Path) -> None:
    ports, _ = chosen
    changed = automation("app", branch="updates")
    changed["spec"]["git"]["commit"]["messageTemplate"] = "changed {{ .AutomationObject }}"
    found = document_of(ports, "app", "-f", written(tmp_path / "automation.yaml", changed))
    assert (found["branch"], found["message"]) == ("updates", "changed ns/app")


def test_a_gate_that_holds_is_named(chosen: tuple[Ports, Path], tmp_path: Path) -> None:
    ports, _ = chosen
    tagged(ports, v1_1_0=datetime(2026, 11, 1, tzinfo=UTC), v1_2_0=SATURDAY)
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    policy["metadata"] = {**policy["metadata"], "annotations": {"tagstream.dev/minimum-age": "72h"}}
    file = written(tmp_path / "policy.yaml", policy)
    (held,) = document_of(ports, "-f", file)["policies"]
    assert held.startswith("ImagePolicy app: ") and "v1.2.0" in held
    assert "+image: app:v1.2.0" in document_of(ports, "-f", file, "--at", "2026-12-02T10:00:00Z")["patch"]


def test_a_policy_that_the_selector_does_not_admit_is_not_named(chosen: tuple[Ports, Path], tmp_path: Path) -> None:
    ports, _ = chosen
    unready = document("ImagePolicy", imageRepositoryRef={"name": "gone"}, policy={"semver": {"range": "1.x"}})
    unready["metadata"] = {"name": "other", "namespace": "ns", "labels": {"team": "other"}}
    changed = automation("app")
    changed["spec"]["policySelector"] = {"matchLabels": {"team": "ours"}}
    assert document_of(ports, "-f", written(tmp_path / "a.yaml", changed, unready))["policies"] == []
    (named,) = document_of(ports, "-f", written(tmp_path / "a.yaml", unready))["policies"]
    assert named.startswith("ImagePolicy other: ")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("pin", "v9.9.9", "the tag v9.9.9 that is pinned by the annotation tagstream.dev/pin is not listed"),
        ("pin", "v1.0.0", "pinned by the annotation tagstream.dev/pin"),
        ("hold", "true", "held by the annotation tagstream.dev/hold"),
        ("platforms", "linux/arm64", "v1.1.0 is selected already and stays: its gates judge other tags only"),
        ("on-revert", "ignore", "resolved to v1.1.0"),
    ],
)
def test_a_policy_of_the_files_is_told_with_what_it_would_select_and_why(
    chosen: tuple[Ports, Path], tmp_path: Path, name: str, value: str, words: str
) -> None:
    ports, _ = chosen
    tagged(ports, v1_0_0=SATURDAY, v1_1_0=SATURDAY)
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    policy["metadata"] = {**policy["metadata"], "annotations": {f"tagstream.dev/{name}": value}}
    held = document_of(ports, "-f", written(tmp_path / "policy.yaml", policy))["policies"]
    assert held[0].startswith("ImagePolicy app: Latest image tag for ")
    assert words in held[-1]


def test_what_a_person_has_reverted_is_told_before_any_run_has_seen_it(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    tagged(ports, v1_0_0=SATURDAY, v1_1_0=SATURDAY)
    run(ports)
    commit_files(bare, {"app.yaml": MARKED}, "back again")
    (told,) = document_of(ports)["policies"]
    assert "set v1.1.0 back to v1.0.0 in app.yaml: held until" in told
    stored = ports.objects.get("ImagePolicy", APP)
    assert stored is not None
    assert "reverted" not in str(stored.document)


def test_an_automation_of_the_files_in_another_namespace_is_not_passed_over_in_silence(
    chosen: tuple[Ports, Path], tmp_path: Path
) -> None:
    elsewhere = automation("app")
    elsewhere["metadata"]["namespace"] = "other"
    done = preview(chosen[0], "-f", written(tmp_path / "a.yaml", elsewhere))
    assert done.code == 0
    assert "ImageUpdateAutomation other/app of the files is not previewed: give its name, and -n other" in done.err


def test_an_automation_that_fails_is_told_with_its_error(ports: Ports) -> None:
    automated(ports, "http://127.0.0.1:9/gone.git")
    done = preview(replace(ports, clock=SetClock(SATURDAY)))
    assert done.code == 1
    assert "# fails: failed to checkout source:" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gone",), "ImageUpdateAutomation 'gone' not found in ns namespace"),
        (("--at", "tomorrow"), "--at 'tomorrow': expected a time with its zone"),
        (("--at", "2026-12-01T08:00:00"), "expected a time with its zone"),
        (("--at", "9999-12-31T23:59:59-14:00"), "expected a time with its zone"),
        (("-n", "empty"), "no ImageUpdateAutomation runs in empty namespace"),
    ],
)
def test_a_question_without_an_answer_is_refused(
    chosen: tuple[Ports, Path], arguments: tuple[str, ...], message: str
) -> None:
    done = preview(chosen[0], *arguments)
    assert done.code == 1
    assert message in done.err


def test_a_suspended_automation_makes_no_commit(chosen: tuple[Ports, Path]) -> None:
    ports, _ = chosen
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    spec: Any = stored.document["spec"]
    ports.objects.put({**stored.document, "spec": {**spec, "suspend": True}})
    assert "is suspended: it makes no commit" in preview(ports, "app").err
