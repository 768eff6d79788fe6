"""``tagstream lint`` finds what would bite later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.memory_ports import command

OBJECTS = """
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: src}
spec: {url: https://git.example/a.git, interval: 1m, ref: {branch: main}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: web}
spec: {image: ghcr.io/org/web, interval: 1m}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: web}
spec: {imageRepositoryRef: {name: web}, policy: {semver: {range: 1.x}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: apps}
spec:
  interval: 1m
  sourceRef: {kind: GitRepository, name: src}
  git: {commit: {author: {email: bot@example.com}}}
  update: {path: ./apps}
"""
MARKER = '# {"$imagepolicy": "flux-system:web"}'


def lint(tmp_path: Path, files: dict[str, str], objects: str = OBJECTS, *more: str) -> dict[str, Any]:
    tree = tmp_path / "tree"
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    tree.mkdir(exist_ok=True)
    (tmp_path / "objects.yaml").write_text(objects)
    done = command("lint", "--objects", tmp_path / "objects.yaml", "--repo", tree, "-o", "json", *more)
    found: dict[str, Any] = json.loads(done.out)
    return found | {"code": done.code}


def test_a_good_tree_has_no_findings(tmp_path: Path) -> None:
    found = lint(tmp_path, {"apps/a.yaml": f"a: 1\nimage: x:1 {MARKER}\n"})
    assert found["code"] == 0
    assert found["findings"] == []
    assert found["markers"] == [
        {
            "file": "apps/a.yaml",
            "line": 2,
            "setter": "flux-system:web",
            "state": "ok",
            "reason": "",
            "automation": "flux-system/apps",
        }
    ]


def test_a_reference_to_another_namespace_is_an_error_when_asked_for(tmp_path: Path) -> None:
    foreign = OBJECTS.replace("{kind: GitRepository, name: src}", "{kind: GitRepository, name: src, namespace: infra}")
    files = {"apps/a.yaml": f"a: 1\nimage: x:1 {MARKER}\n"}
    found = lint(tmp_path, files, foreign, "--no-cross-namespace-refs")
    assert found["code"] == 1
    assert [one["message"] for one in found["findings"] if one["severity"] == "error"] == [
        'ImageUpdateAutomation/flux-system/apps spec.sourceRef.namespace: Invalid value: "infra": can\'t access'
        " 'GitRepository/infra/src', cross-namespace references have been blocked"
    ]
    assert lint(tmp_path, files, foreign)["code"] == 0


@pytest.mark.parametrize(
    ("line", "state", "code"),
    [
        ('x:1 # {"$imagepolicy": "flux-system:wrker"}', "unknown policy", 1),
        ('x:1 # {"$imagepolicy": "flux-sytem:web"}', "unknown policy", 1),
        ("x:1 # {'$imagepolicy': 'flux-system:web'}", "malformed marker", 1),
        ('x:1 # {"$imagepolicy": "flux-system:web:nope"}', "unknown suffix", 1),
        ('x:1 # {"$imagepolicy": "flux-system:web"} more', "malformed marker", 1),
        ('x:1 # {"$imagepolicy": "flux-system:web:digest"}', "no digest", 0),
    ],
)
def test_a_marker_that_does_nothing_is_found(tmp_path: Path, line: str, state: str, code: int) -> None:
    found = lint(tmp_path, {"apps/a.yaml": f"image: {line}\nother: y {MARKER}\n"})
    assert found["markers"][0]["state"] == state
    assert found["code"] == code
    assert found["findings"][0]["where"] == "apps/a.yaml:1"


def test_a_marker_outside_the_path_is_a_warning(tmp_path: Path) -> None:
    found = lint(tmp_path, {"apps/a.yaml": f"i: x {MARKER}\n", "other/b.yaml": f"i: x {MARKER}\n"})
    assert [one["state"] for one in found["markers"]] == ["ok", "outside update.path"]
    assert [(one["where"], one["severity"]) for one in found["findings"]] == [("other/b.yaml:1", "warning")]


def test_a_file_that_cannot_be_parsed_is_an_error(tmp_path: Path) -> None:
    found = lint(tmp_path, {"apps/a.yaml": f"i: x {MARKER}\n", "apps/b.yaml": f"a: [\ni: x {MARKER}\n"})
    assert [one["state"] for one in found["markers"]] == ["ok", "unparsable file"]
    assert found["code"] == 1


def test_an_unused_policy_and_an_idle_automation_are_warnings(tmp_path: Path) -> None:
    found = lint(tmp_path, {})
    assert [one["message"] for one in found["findings"]] == [
        "ImageUpdateAutomation/flux-system/apps has nothing to do: no marker below apps",
        "ImagePolicy/flux-system/web is not used by any marker",
    ]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("policy: {semver: {range: 1.x}}", "policy: {alphabetical: {}}, filterTags: {pattern: ^latest$}", "'latest'"),
        ("range: 1.x", "range: '>2.0.0 <1.0.0'", "no version can be in this range"),
        ("{commit:", "{push: {branch: updates}, commit:", "pushes to branch 'updates'"),
        ("name: src}\n  git", "name: gone}\n  git", "GitRepository/flux-system/gone does not exist"),
        ("interval: 1m, ref", "interval: 1m, oops: 1, ref", 'unknown field "spec.oops"'),
        ("interval: 1m, ref", "interval: 1m, serviceAccountName: a, ref", "spec.serviceAccountName: means nothing"),
        ("  update:", "  policySelector: {matchLabels: {a: b}}\n  update:", "admits no ImagePolicy"),
    ],
)
def test_common_mistakes_are_warnings(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in OBJECTS
    found = lint(tmp_path, {"apps/a.yaml": f"i: x {MARKER}\n"}, OBJECTS.replace(before, after))
    told = [one for one in found["findings"] if message in one["message"]]
    assert [one["severity"] for one in told] == ["warning"]


def test_a_push_branch_whose_request_tagstream_opens_needs_nobody(tmp_path: Path) -> None:
    pushing = OBJECTS.replace("{commit:", "{push: {branch: updates}, commit:")
    kind, name = "kind: ImageUpdateAutomation\n", "metadata: {name: apps}\n"
    assert kind + name in pushing
    noted = 'metadata: {name: apps, annotations: {tagstream.dev/pull-request: "true"}}\n'
    found = lint(tmp_path, {"apps/a.yaml": f"i: x {MARKER}\n"}, pushing.replace(kind + name, kind + noted))
    assert "somebody has to open" not in str(found["findings"])


SECOND = """---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: twin}
spec: {url: https://git.example/a, interval: 1m, ref: {branch: main}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: second}
spec:
  interval: 1m
  sourceRef: {kind: GitRepository, name: twin}
  git: {commit: {author: {email: bot@example.com}}, push: {branch: auto}}
  update: {path: ./apps}
"""


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        ("", "", ""),
        ("{branch: main}}\n---\napiVersion: image", "{branch: next}}\n---\napiVersion: image", "different references"),
        ("a, interval", "a, secretRef: {name: other}, interval", "different credentials"),
        ("https://git.example/a,", "https://me@git.example/a,", "different credentials"),
        ("  interval: 1m", "  suspend: true\n  interval: 1m", ""),
        ("push: {branch: auto}", "push: {branch: more}, checkout: {ref: {tag: v1}}", ""),
        ("push: {branch: auto}", "push: {branch: auto}, checkout: {ref: {branch: auto}}", ""),
    ],
    ids=["alike", "checkout", "secret", "user", "suspended", "other-branch", "added-to"],
)
def test_automations_that_replace_each_others_commits_are_a_warning(
    tmp_path: Path, before: str, after: str, cause: str
) -> None:
    assert before in SECOND
    first = OBJECTS.replace("{commit: {author", "{push: {branch: auto}, commit: {author")
    found = lint(tmp_path, {"apps/a.yaml": f"i: x {MARKER}\n"}, first + SECOND.replace(before, after, 1))
    told = [one for one in found["findings"] if "replace each other" in one["message"]]
    names = "ImageUpdateAutomation/flux-system/second and ImageUpdateAutomation/flux-system/apps rebuild branch 'auto'"
    assert [(one["severity"], names in one["message"] and cause in one["message"]) for one in told] == (
        [("warning", True)] if cause else []
    )


def test_a_wrong_object_is_an_error_with_its_line(tmp_path: Path) -> None:
    found = lint(tmp_path, {"apps/a.yaml": f"i: x {MARKER}\n"}, OBJECTS.replace("range: 1.x", "range: banana"))
    assert found["code"] == 1
    assert found["findings"][0]["where"] == f"{tmp_path}/objects.yaml:15"


def test_a_marker_of_another_namespace_is_a_warning(tmp_path: Path) -> None:
    other = "---\n" + OBJECTS.split("---\n")[2].replace("{name: web}", "{name: web, namespace: team}", 1)
    text = '# {"$imagepolicy": "team:web"}'
    found = lint(tmp_path, {"apps/a.yaml": f"i: x {text}\nj: x {MARKER}\n"}, OBJECTS + other)
    assert [one["state"] for one in found["markers"]] == ["other namespace", "ok"]


def test_the_table_shows_every_marker(tmp_path: Path) -> None:
    lint(tmp_path, {"apps/a.yaml": f"image: x:1 {MARKER}\n"})
    done = command("lint", "--objects", tmp_path / "objects.yaml", "--repo", tmp_path / "tree")
    assert done.out == (
        "MARKER       \tSETTER         \tSTATE\tAUTOMATION      \n"
        "apps/a.yaml:1\tflux-system:web\tok   \tflux-system/apps\t\n"
    )
    assert done.err == "✔ 1 of 1 markers ok, 0 errors, 0 warnings\n"


def test_markers_in_files_that_no_update_reads_are_warnings(tmp_path: Path) -> None:
    text = f"i: x {MARKER}\n"
    names = ("apps/B.YAML", "apps/c.json", "apps/d.yaml.tmpl", "apps/kustomization")
    tree = tmp_path / "tree/apps"
    tree.mkdir(parents=True)
    (tmp_path / "outside.yaml").write_text(text)
    (tree / "inside.yaml").symlink_to("a.yaml")
    (tree / "outside.yaml").symlink_to("../../outside.yaml")
    (tree / "nowhere.yaml").symlink_to("gone.yaml")
    quotes = text.replace('"', "'")
    found = lint(
        tmp_path, {"apps/a.yaml": text, "apps/q.yaml": quotes, "apps/r.txt": text} | dict.fromkeys(names, text)
    )
    unread = [one["file"] for one in found["markers"] if one["state"] == "never read"]
    assert unread == [*names, "apps/outside.yaml"]
    assert [(one["where"], one["severity"]) for one in found["findings"]] == [
        *((f"{name}:1", "warning") for name in unread),
        ("apps/q.yaml:1", "error"),
    ]


def test_without_an_automation_every_marker_says_so(tmp_path: Path) -> None:
    found = lint(tmp_path, {"apps/a.yaml": f"i: x {MARKER}\n"}, OBJECTS.rpartition("---\n")[0])
    assert [one["message"] for one in found["findings"]] == [
        "outside update.path: there is no ImageUpdateAutomation in --objects"
    ]


@pytest.mark.parametrize(("more", "told"), [((), ["{}: -R reads the folders below it too"]), (("-R",), [])])
def test_folders_that_are_not_looked_into_are_told_of(tmp_path: Path, more: tuple[str, ...], told: list[str]) -> None:
    (tmp_path / "objects/team").mkdir(parents=True)
    (tmp_path / "objects/team/app.yml").write_text(OBJECTS)
    (tmp_path / "tree/apps").mkdir(parents=True)
    (tmp_path / "tree/apps/a.yaml").write_text(f"image: x:1 {MARKER}\n")
    arguments = ("--objects", tmp_path / "objects", "--repo", tmp_path / "tree")
    warnings = [f"Warning: {one.format(tmp_path / 'objects')}" for one in told]
    found = [line for line in command("lint", *arguments, *more).err.splitlines() if "-R" in line]
    patch = command("diff", *arguments, *more, "--ref", "flux-system/web=x:2").err.splitlines()
    assert found == warnings
    assert [line for line in patch if "-R" in line] == warnings
