"""What is built of a repository, beside kustomize's own answers and Flux's rules for folders without a file."""

from __future__ import annotations

import json

import pytest

from tagstream.domain.kustomize.build import build
from tagstream.domain.kustomize.kustomization_file import Overlay, PatchEntry, Target
from tagstream.domain.kustomize.source import BuildFailed
from tests.kustomize.cases import Case, Repository, answers, cases

ANSWERS = answers()
NOTHING = Overlay()
REPOSITORY = """\
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: NAME}
spec: {image: registry.example/NAME, interval: 5m}
"""


def repository(name: str) -> str:
    return REPOSITORY.replace("NAME", name)


def names(built: object) -> list[str]:
    assert isinstance(built, list)
    return [one.identity.name for one in built]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_kustomize_builds_the_same(case: Case) -> None:
    wanted = ANSWERS[case.name]
    if wanted is None:
        with pytest.raises(BuildFailed):
            build(case.root, Repository(case.files), NOTHING)
        return
    found = [one.value for one in build(case.root, Repository(case.files), NOTHING)]
    assert sorted(map(canonical, found)) == sorted(map(canonical, wanted))


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def test_a_folder_without_a_kustomization_file_is_read_as_a_whole() -> None:
    files = {
        "apps/b.yaml": repository("b"),
        "apps/deep/er/a.yml": repository("a"),
        "apps/notes.txt": "not read",
        "elsewhere/c.yaml": repository("c"),
    }
    assert names(build("apps", Repository(files), NOTHING)) == ["b", "a"]


def test_a_folder_below_that_has_a_kustomization_file_is_built_by_it() -> None:
    files = {
        "a.yaml": repository("a"),
        "own/kustomization.yaml": "resources: [b.yaml]",
        "own/b.yaml": repository("b"),
        "own/left-out.yaml": repository("c"),
    }
    assert sorted(names(build("", Repository(files), NOTHING))) == ["a", "b"]


@pytest.mark.parametrize(
    "path",
    [
        *(".github/workflows/ci.yml", "deep/.circleci/config.yml", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml"),
        *(".drone.yml", "cloudbuild.yaml", "codeship-services.yml", "deep/codeship-steps.yml"),
        *(".goreleaser.yml", "deep/.sops.yaml", ".flux.yaml", ".git/a.yaml", "logo.png/a.yaml"),
    ],
)
def test_files_that_flux_leaves_out_of_a_repository_are_no_objects(path: str) -> None:
    files = {"apps/a.yaml": repository("a"), path: "version: 2\n"}
    assert names(build("", Repository(files), NOTHING)) == ["a"]
    with pytest.raises(BuildFailed, match="no such file"):
        build("", Repository({**files, "kustomization.yaml": f"resources: [{path}]\n"}), NOTHING)


def test_a_file_whose_name_only_resembles_one_that_is_left_out_is_read() -> None:
    files = {"github/ci.yml": repository("b"), "my.travis.yml": repository("c"), "a.zip.yaml": repository("a")}
    assert sorted(names(build("", Repository(files), NOTHING))) == ["a", "b", "c"]


def test_a_path_that_is_not_there_is_named() -> None:
    with pytest.raises(BuildFailed, match=r"^kustomization path not found: clusters/prod$"):
        build("clusters/prod", Repository({"clusters/test/a.yaml": repository("a")}), NOTHING)


def test_what_the_spec_adds_comes_after_the_file_and_wins() -> None:
    kustomization = "namespace: file\ncommonLabels: {team: file}\nresources: [a.yaml]"
    files = {"kustomization.yaml": kustomization, "a.yaml": repository("a")}
    patch = PatchEntry(where="spec", text="[{op: replace, path: /spec/interval, value: 9m}]", target=Target(name="a"))
    overlay = Overlay(target_namespace="spec", patches=[patch], labels={"team": "spec"}, annotations={"by": "spec"})
    (found,) = build("", Repository(files), overlay)
    assert found.value["spec"] == {"image": "registry.example/a", "interval": "9m"}
    assert found.value["metadata"] == {
        "name": "a",
        "namespace": "spec",
        "labels": {"team": "spec"},
        "annotations": {"by": "spec"},
    }


@pytest.mark.parametrize(
    ("kustomization", "message"),
    [
        ("resources:\n- https://git.example/x", "kustomization.yaml:2: remote resources are not read"),
        ("resources:\n- ../../etc", "kustomization.yaml:2: the path '../../etc' is outside"),
        ("resources:\n- /etc/passwd", "kustomization.yaml:2: the path '/etc/passwd' is outside"),
        ("resources: []\nnamePrefix: x-", "kustomization.yaml:2: 'namePrefix' is not supported"),
        ("resources: [invalid.yaml]", "invalid.yaml:1: not valid YAML"),
        ("resources: [plain.yaml]", "plain.yaml:2: not an object"),
        ("resources: {}", "kustomization.yaml:1: resources: Invalid value"),
        ("resource: []", 'kustomization.yaml:1: unknown field "resource"'),
        ("patches:\n- target: {kind: A}\n  path: gone.yaml", "kustomization.yaml:2: no such file"),
        ("patches:\n- target: {kind: '('}\n  patch: '[]'", "kustomization.yaml:2: target: "),
        ("patches:\n- target: {labelSelector: '=='}\n  patch: '[]'", "kustomization.yaml:2: target: "),
    ],
)
def test_what_cannot_be_built_is_named_with_file_and_line(kustomization: str, message: str) -> None:
    others = {"invalid.yaml": "a: b: c", "plain.yaml": "---\nplain: yes"}
    with pytest.raises(BuildFailed) as found:
        build("", Repository({"kustomization.yaml": kustomization, **others}), NOTHING)
    assert str(found.value).startswith(message)


def test_a_workload_is_not_patched_but_a_patch_may_name_it() -> None:
    head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
    patch = head + "spec: {replicas: 2}"
    files = {
        "kustomization.yaml": "resources: [d.yaml]\npatches: [{path: patch.yaml}]",
        "d.yaml": head + "spec: {replicas: 1}",
        "patch.yaml": patch,
    }
    (found,) = build("", Repository(files), NOTHING)
    assert found.value["spec"] == {"replicas": 1}
