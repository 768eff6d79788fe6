"""``tagstream explain policy``: a verdict for every tag."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from tagstream.domain.objects.model import ImageRef, NamespacedName, Revision
from tagstream.ports.selections import Selection
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import NOW, MemoryPorts, command

HARVIS = Path(__file__).parents[3] / "data/harvis/k8s-manifests/flux-system"
KEY = NamespacedName("flux-system", "harvis-frontend-prod")
TAGS = "v1.0.0\nv2.0.0-rc.1\nlatest\nv1.5.0\nx.sig\nv0.1.0\nvx\n"


def explained(tags: str, *more: str) -> dict[str, object]:
    done = command("explain", "policy", KEY.name, "-f", HARVIS, "--tags", "-", "-o", "json", *more, stdin=tags)
    found: dict[str, object] = json.loads(done.out)
    return found | {"code": done.code}


def test_every_tag_gets_its_verdict() -> None:
    found = explained(TAGS)
    assert [(one["tag"], one["verdict"]) for one in found["tags"]] == [  # type: ignore[attr-defined]
        ("v1.5.0", "selected"),
        ("v1.0.0", "candidate"),
        ("vx", "not a version"),
        ("v2.0.0-rc.1", "out of range"),
        ("v0.1.0", "out of range"),
        ("latest", "not matched"),
        ("x.sig", "excluded"),
    ]
    assert found["selected"] == "v1.5.0"
    assert found["image"] == "localhost:5000/jarvis-frontend"
    assert found["error"] is None
    assert found["code"] == 0


def test_tags_may_be_json() -> None:
    answers = [explained(json.dumps(["v1.5.0"])), explained(json.dumps({"name": "x", "tags": ["v1.5.0"]}))]
    assert [one["selected"] for one in answers] == ["v1.5.0", "v1.5.0"]


def test_no_selection_is_a_failure_with_the_words_of_flux() -> None:
    found = explained("latest\n")
    assert found["error"] == "version list argument cannot be empty"
    assert found["code"] == 1


def test_the_table_ends_with_the_selection() -> None:
    done = command("explain", "policy", KEY.name, "-f", HARVIS, "--tags", "-", stdin=TAGS)
    assert done.out.splitlines()[0].split() == ["TAG", "VALUE", "VERDICT", "DETAIL"]
    assert done.err == "✔ selected localhost:5000/jarvis-frontend:v1.5.0\n"


def test_the_numbers_of_a_warning_are_those_of_the_table() -> None:
    found = explained("v1.5.0\nv1.0.0\nv1\nv2\nvx\nlatest\nx.sig\n")
    verdicts = [one["verdict"] for one in found["tags"]]  # type: ignore[attr-defined]
    compared = [one for one in verdicts if one not in ("not matched", "excluded")]
    counted = f"{verdicts.count('not a version')} of {len(compared)} tags are no versions"
    assert counted == "3 of 5 tags are no versions"
    assert any(counted in warning for warning in found["warnings"])  # type: ignore[attr-defined]


def test_a_file_with_several_policies_needs_a_name() -> None:
    done = command("explain", "policy", "-f", HARVIS, "--tags", "-", stdin=TAGS)
    assert done.code == 1
    assert "expected one ImagePolicy in the files" in done.err


def test_documents_that_are_no_objects_are_passed_over(tmp_path: Path) -> None:
    source = (HARVIS / "image-registry.yaml").read_text()
    (tmp_path / "p.yaml").write_text(f"replicas: 2\n---\n{source}")
    done = command("explain", "policy", KEY.name, "-f", tmp_path, "--tags", "-", stdin=TAGS)
    assert done.code == 0
    assert "Required value" not in done.err
    none = command("explain", "policy", "other", "-f", tmp_path, "--tags", "-", stdin=TAGS)
    assert "1 document without apiVersion or kind passed over: " in none.err


def test_an_invalid_policy_is_told_with_its_line(tmp_path: Path) -> None:
    source = (HARVIS / "image-registry.yaml").read_text().replace(">=1.0.0", ">=banana")
    (tmp_path / "p.yaml").write_text(source)
    done = command("explain", "policy", KEY.name, "-f", tmp_path, "--tags", "-", stdin=TAGS)
    assert done.code == 1
    assert 'spec.policy.semver.range: Invalid value: ">=banana"' in done.err


def test_tags_that_are_no_list_are_refused() -> None:
    done = command("explain", "policy", KEY.name, "-f", HARVIS, "--tags", "-", stdin='{"a": 1}')
    assert done.code == 1
    assert done.err == "✗ --tags -: expected a JSON list of strings\n"


def selected_before(observed_generation: int) -> MemoryPorts:
    """A policy whose selection in force is newer than every stored tag."""
    ports = MemoryPorts()
    command("apply", "-f", HARVIS, ports=ports)
    repository = NamespacedName("flux-system", "harvis-frontend")
    ports.tags.lists[repository] = ("v1.5.0", "v1.0.0")
    ref = ImageRef(name="localhost:5000/jarvis-frontend", tag="v1.6.0")
    ports.selections.selected[KEY] = Selection(
        policy=KEY,
        ref=ref,
        previous=None,
        tags_revision=Revision("sha256:0"),
        policy_generation=1,
        selected_at=NOW,
        cause="x",
    )
    put_status(ports.objects, "ImagePolicy", KEY, {"observedGeneration": observed_generation})
    return ports


def test_with_the_stack_the_stored_tags_and_the_current_selection_count() -> None:
    done = command("explain", "policy", KEY.name, ports=selected_before(1))
    assert done.code == 0
    assert done.err == (
        "✗ holding localhost:5000/jarvis-frontend:v1.6.0: v1.5.0 is older;"
        " annotate tagstream.dev/allow-downgrade=true to let it be selected\n"
    )
    assert done.out.splitlines()[1].split("\t")[2].strip() == "below current"


def test_a_repository_without_stored_tags_is_named() -> None:
    ports = selected_before(1)
    ports.tags.lists.clear()
    done = command("explain", "policy", KEY.name, ports=ports)
    assert done.code == 1
    assert done.out == ""
    name = f"ImageRepository/{done.err.partition('ImageRepository/')[2].partition(' ')[0]}"
    assert done.err == f"✗ no tags of {name} are stored: {name} is not ready: it was not scanned yet\n"


def test_a_policy_that_was_changed_since_may_go_back_as_the_functions_let_it() -> None:
    done = command("explain", "policy", KEY.name, ports=selected_before(0))
    assert done.code == 0
    assert done.out.splitlines()[1].split("\t")[2].strip() == "selected"


def test_an_annotated_policy_may_go_back() -> None:
    ports = selected_before(1)
    ports.objects.annotate("ImagePolicy", KEY, {"tagstream.dev/allow-downgrade": "true"})
    done = command("explain", "policy", KEY.name, ports=ports)
    assert done.code == 0
    assert done.out.splitlines()[1].split("\t")[2].strip() == "selected"


def test_with_a_minimum_age_it_shows_when_each_tag_was_first_seen_and_which_one_waits() -> None:
    ports = selected_before(1)
    ports.objects.annotate("ImagePolicy", KEY, {"tagstream.dev/minimum-age": "3d"})
    ports.tags.lists[NamespacedName("flux-system", "harvis-frontend")] = ("v1.7.0", "v1.6.0", "v1.0.0")
    long_ago = NOW - timedelta(days=30)
    ports.tags.seen |= {"v1.6.0": long_ago, "v1.0.0": long_ago, "v1.7.0": NOW - timedelta(days=1)}
    done = command("explain", "policy", KEY.name, ports=ports)
    rows = [[cell.strip() for cell in line.split("\t")] for line in done.out.splitlines()]
    assert rows[0] == ["TAG", "VALUE", "VERDICT", "FIRST SEEN", "DETAIL"]
    assert [row[:4] for row in rows[1:3]] == [
        ["v1.7.0", "v1.7.0", "too young", f"{NOW - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"],
        ["v1.6.0", "v1.6.0", "selected", f"{long_ago:%Y-%m-%dT%H:%M:%SZ}"],
    ]
    assert "may be selected at" in done.err
    listed = json.loads(command("explain", "policy", KEY.name, "-o", "json", ports=ports).out)
    assert listed["waitsUntil"] == (NOW + timedelta(days=2)).isoformat()
    assert listed["tags"][1]["firstSeen"] == f"{long_ago:%Y-%m-%dT%H:%M:%SZ}"
