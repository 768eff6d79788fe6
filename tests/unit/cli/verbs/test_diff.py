"""``tagstream diff`` runs the setters on a working tree."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tagstream.domain.objects.model import ImageRef, NamespacedName, Revision
from tagstream.ports.selections import Selection
from tests.unit.cli.memory_ports import NOW, MemoryPorts, MemorySelections, Outcome, command

HARVIS = Path(__file__).parents[3] / "data/harvis"
OBJECTS = HARVIS / "k8s-manifests/flux-system"
FRONTEND = "k8s-manifests/overlays/prod/frontend.yaml"
REF = "flux-system/harvis-frontend-prod=dulc3/jarvis-frontend:v2.28.0"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(HARVIS, tmp_path / "tree")
    return tmp_path / "tree"


def diff(tree: Path, *more: str | Path) -> Outcome:
    return command("diff", "--objects", OBJECTS, "--repo", tree, *more)


def test_the_diff_of_the_sample_is_exactly_the_value(tree: Path) -> None:
    done = diff(tree, "--ref", REF)
    changed = [line for line in done.out.splitlines() if line[:1] in "+-"]
    assert done.code == 1
    assert changed == [
        f"--- a/{FRONTEND}",
        f"+++ b/{FRONTEND}",
        '-          image: "dulc3/jarvis-frontend:v2.27.5" # {"$imagepolicy": "flux-system:harvis-frontend-prod"}',
        '+          image: "dulc3/jarvis-frontend:v2.28.0" # {"$imagepolicy": "flux-system:harvis-frontend-prod"}',
    ]


def test_nothing_is_written_without_being_asked(tree: Path) -> None:
    diff(tree, "--ref", REF)
    assert (tree / FRONTEND).read_bytes() == (HARVIS / FRONTEND).read_bytes()


def test_written_changes_are_the_bytes_of_the_diff(tree: Path) -> None:
    done = diff(tree, "--ref", REF, "--write")
    expected = (HARVIS / FRONTEND).read_bytes().replace(b"v2.27.5", b"v2.28.0")
    again = diff(tree, "--ref", REF)
    assert done.code == 0
    assert (tree / FRONTEND).read_bytes() == expected
    assert again.code == 0
    assert again.out == ""


def test_changes_as_json_have_old_and_new(tree: Path) -> None:
    (change,) = json.loads(diff(tree, "--ref", REF, "-o", "json").out)["changes"]
    assert change["automation"] == "flux-system/harvis-prod-auto-update"
    assert change["file"] == FRONTEND
    assert change["setter"] == "flux-system:harvis-frontend-prod"
    assert change["old"] == "dulc3/jarvis-frontend:v2.27.5"
    assert change["new"] == "dulc3/jarvis-frontend:v2.28.0"


def selected(tag: str, policy: str = "harvis-frontend-prod") -> MemoryPorts:
    """A stack in which a policy has selected a tag of the frontend."""
    key = NamespacedName("flux-system", policy)
    selection = Selection(
        policy=key,
        ref=ImageRef(name="dulc3/jarvis-frontend", tag=tag),
        previous=None,
        tags_revision=Revision("sha256:0"),
        policy_generation=1,
        selected_at=NOW,
        cause="schedule",
    )
    return MemoryPorts(selections=MemorySelections(selected={key: selection}))


def test_without_a_reference_the_stack_says_what_is_selected(tree: Path) -> None:
    done = command("diff", "--objects", OBJECTS, "--repo", tree, ports=selected("v2.28.0"))
    assert done.code == 1
    assert done.out == diff(tree, "--ref", REF).out


def test_without_a_reference_and_a_stack_diff_fails(tree: Path) -> None:
    code = (
        f"import sys; from tagstream.cli import main; sys.exit(main(['diff', '--objects', '{OBJECTS}', '--repo', '.']))"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "✗ without --ref the stack is asked what is selected: stack 'tagstream': " in done.stderr
    assert done.stderr.endswith("; give --ref NAMESPACE/NAME=IMAGE:TAG\n")


def test_a_stack_without_a_selection_is_no_comparison(tree: Path) -> None:
    done = command("diff", "--objects", OBJECTS, "--repo", tree, ports=MemoryPorts())
    assert done.code == 2
    assert done.out == ""
    assert "there is nothing to compare: ImagePolicy/flux-system/harvis-backend-prod or" in done.err


def test_a_tree_without_a_marker_of_the_policy_is_no_comparison(tree: Path) -> None:
    (tree / FRONTEND).unlink()
    done = diff(tree, "--ref", REF)
    assert done.code == 2
    assert done.out == ""
    assert "no marker that can be set names ImagePolicy/flux-system/harvis-frontend-prod" in done.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--ref", "flux-system/other=a:1"), "no automation in --objects uses such an ImagePolicy"),
        (("--ref", "x"), "expected NAMESPACE/NAME=IMAGE:TAG[@DIGEST]"),
        (("--ref", "a/b=localhost:5000/x"), "expected NAMESPACE/NAME=IMAGE:TAG[@DIGEST]"),
        (("--ref", "a/b=x:1@"), "expected NAMESPACE/NAME=IMAGE:TAG[@DIGEST]"),
        (("--ref", "a/b=x:1 #2"), "expected NAMESPACE/NAME=IMAGE:TAG[@DIGEST]"),
        (("--ref", REF, "--ref", REF), "is given twice"),
        (("--nonsense",), "unrecognized arguments: --nonsense"),
        (("-o", "xml"), "invalid choice: 'xml'"),
    ],
)
def test_a_reference_that_does_not_fit_is_a_failure(tree: Path, more: tuple[str, ...], message: str) -> None:
    done = diff(tree, *more)
    assert done.code == 2
    assert message in done.err


def test_objects_without_an_automation_are_a_failure(tree: Path) -> None:
    done = command("diff", "--objects", OBJECTS / "image-registry.yaml", "--repo", tree)
    assert done.code == 2
    assert done.err == "✗ there is no ImageUpdateAutomation in --objects\n"


def test_a_tree_that_does_not_exist_is_a_failure(tmp_path: Path) -> None:
    assert diff(tmp_path / "gone").code == 2


def test_links_are_left_alone(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    shutil.move(tree / FRONTEND, outside)
    (tree / FRONTEND).symlink_to(outside)
    before = outside.read_bytes()
    done = diff(tree, "--ref", REF, "--write")
    assert done.out == ""
    assert outside.read_bytes() == before


def test_a_file_without_a_final_newline_keeps_none(tree: Path) -> None:
    path = tree / "k8s-manifests/overlays/prod/x.yaml"
    path.write_bytes(b'image: a:1 # {"$imagepolicy": "flux-system:harvis-backend-prod"}')
    done = diff(tree, "--ref", "flux-system/harvis-backend-prod=a:v2.0.0", "--write")
    assert path.read_bytes() == b'image: a:v2.0.0 # {"$imagepolicy": "flux-system:harvis-backend-prod"}'
    assert done.out.count("\\ No newline at end of file") == 2


def test_arguments_that_do_not_fit_are_a_failure_and_no_difference() -> None:
    assert command("diff").code == 2


def test_several_paths_may_follow_one_flag(tree: Path) -> None:
    files = sorted(OBJECTS.glob("*.yaml"))
    assert command("diff", "--objects", *files, "--repo", tree, "--ref", REF).code == 1


@pytest.mark.parametrize("name", ["plain.yaml", "two words.yaml", 'qu"ote\\.yaml', "tab\t.yaml", "\udcff\u00e9.yaml"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_git_applies_the_diff_to_the_bytes_that_are_written(tree: Path, name: str, newline: str) -> None:
    path = tree / "k8s-manifests/overlays/prod" / name
    lines = ["\ufeffa: \u00fc", 'image: a:1 # {"$imagepolicy": "flux-system:harvis-backend-prod"}', "", "b: 1"]
    before = newline.join(lines).encode()
    path.write_bytes(before)
    ref = ("--ref", "flux-system/harvis-backend-prod=a:v2.0.0")
    (tree / "k8s-manifests/overlays/prod/merged-ollama-backend.yaml").unlink()
    patch = diff(tree, *ref).out
    diff(tree, *ref, "--write")
    written = path.read_bytes()
    path.write_bytes(before)
    subprocess.run(["git", "apply", "-"], cwd=tree, input=patch.encode(), check=True, timeout=20)
    assert path.read_bytes() == written
    assert written == before.replace(b"a:1 ", b"a:v2.0.0 ")


def test_writing_keeps_the_mode_and_leaves_nothing_beside(tree: Path) -> None:
    (tree / FRONTEND).chmod(0o750)
    names = sorted((tree / FRONTEND).parent.iterdir())
    diff(tree, "--ref", REF, "--write")
    assert (tree / FRONTEND).stat().st_mode & 0o777 == 0o750
    assert sorted((tree / FRONTEND).parent.iterdir()) == names


def test_a_file_that_cannot_be_written_stays_whole(tree: Path) -> None:
    before, limits = (tree / FRONTEND).read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, limits[1]))
    try:
        done = diff(tree, "--ref", REF, "--write")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert done.code == 2
    assert "failed to write" in done.err
    assert (tree / FRONTEND).read_bytes() == before


def test_a_path_that_is_not_in_the_tree_is_told(tree: Path) -> None:
    shutil.rmtree(tree / "k8s-manifests")
    done = diff(tree, "--ref", REF)
    assert done.code == 2
    assert "spec.update.path" in done.err
    assert "is not in" in done.err


def test_markers_that_cannot_be_honoured_are_told_with_file_and_line(tree: Path) -> None:
    path = tree / "k8s-manifests/overlays/prod/x.yaml"
    path.write_text('a: 1\nimage: a:1 # {"$imagepolicy": "flux-sytem:backend"}\n')
    done = diff(tree, "--ref", REF.replace("v2.28.0", "v2.27.5"))
    assert done.code == 0
    assert (
        "k8s-manifests/overlays/prod/x.yaml:2: unknown policy: there is no ImagePolicy/flux-sytem/backend" in done.err
    )


def test_a_value_that_is_probably_not_meant_is_told_and_replaced(tree: Path) -> None:
    path = tree / "k8s-manifests/overlays/prod/x.yaml"
    path.write_text('- APP_VERSION=1.0.0 # {"$imagepolicy": "flux-system:harvis-frontend-prod:tag"}\n')
    done = diff(tree, "--ref", REF)
    assert "x.yaml:1: 'APP_VERSION=1.0.0' is no tag: the marker replaces the whole value" in done.err
    assert '+- v2.28.0 # {"$imagepolicy"' in done.out


def test_other_files_of_the_repository_among_the_objects_are_passed_over(tree: Path) -> None:
    folder = tree / "k8s-manifests/flux-system"
    (folder / ".sops.yaml").write_text("creation_rules: [{path_regex: .*}]\n")
    (folder / "values.yaml").write_text("image:\n  tag: 1.0.0\n---\n- 1\n")
    done = command("diff", "--objects", folder, "--repo", tree, "--ref", REF)
    notes = [line for line in done.err.splitlines() if "passed over" in line]
    assert done.code == 1
    assert len(notes) == 1
    assert notes[0].startswith("► 3 documents without apiVersion or kind passed over: ")
