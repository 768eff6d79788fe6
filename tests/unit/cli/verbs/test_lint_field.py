"""``tagstream lint`` on what people wrote into their repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.memory_ports import command
from tests.unit.cli.verbs.test_lint import OBJECTS, lint

MARK = '# {"$imagepolicy": "flux-system:web:tag"}'
IMAGE = '# {"$imagepolicy": "flux-system:web"}'


def findings(tmp_path: Path, text: str, objects: str = OBJECTS) -> list[tuple[str, str]]:
    """Severity and message of what is found in a file, beside a value that has a right marker."""
    found = lint(tmp_path, {"apps/ok.yaml": f"image: x:1 {IMAGE}\n", "apps/a.yaml": text}, objects)
    return [(one["severity"], one["message"]) for one in found["findings"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"image: x:1\n# image: x:1 {IMAGE}\n", "commented out: the value is commented out together with its marker"),
        (f"a: 1\n#- name: x {MARK}\n", "commented out: the value is commented out together with its marker"),
        ("# image: x:1 # {$imagepolicy: flux-system:web}\n", "commented out: the value is commented out together"),
        ("# moved by Flux through its $imagepolicy marker\ntag: 1\n", "mentioned: the text mentions a marker"),
        ("tag: x # see the $imagepolicy markers of the base\n", "mentioned: the text mentions a marker"),
        ('# the "$imagepolicy" marker was here\n', "mentioned: the text mentions a marker"),
        ('t: |\n  Write {"$imagepolicy": "a:b"} behind an image.\n', "mentioned: the text mentions a marker"),
        ("t: |\n  # $imagepolicy is the key\n", "mentioned: the text mentions a marker"),
        (f"{{{{ if }}}}: [\n# image: x {IMAGE}\n", "commented out: the value is commented out together"),
    ],
)
def test_a_comment_and_prose_are_a_note(tmp_path: Path, text: str, message: str) -> None:
    ((severity, found),) = findings(tmp_path, text)
    assert severity == "note"
    assert found.startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "tag: x # {'$imagepolicy': 'flux-system:web:tag'}\n",
        "tag: x # {$imagepolicy: flux-system:web:tag}\n",
        "tag: x # $imagepolicy: flux-system:web:tag\n",
        'tag: x # {"$imagePolicy": "flux-system:web:tag"}\n',
        "tag: x # {\u201c$imagepolicy\u201d: \u201cflux-system:web:tag\u201d}\n",
        "list:\n  # {'$imagepolicy': 'flux-system:web:tag'}\n  - x\n",
        f"patch: |-\n  - op: replace\n    value: x:1 {IMAGE}\n",
    ],
)
def test_a_marker_that_somebody_relies_on_is_an_error(tmp_path: Path, text: str) -> None:
    ((severity, message),) = findings(tmp_path, text)
    assert severity == "error"
    assert message.startswith("malformed marker: ")


@pytest.mark.parametrize(
    "name", ["${NAMESPACE}:web:tag", "flux-system:$APP", "{{ .Release.Namespace }}:web", "$(NS):web"]
)
def test_a_variable_in_a_marker_is_explained(tmp_path: Path, name: str) -> None:
    ((severity, message),) = findings(tmp_path, f'tag: x # {{"$imagepolicy": "{name}"}}\n')
    assert severity == "error"
    assert f"'{name}' holds a variable: a marker is a comment and read as it stands in Git" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"image: reg.example/app:1.0.0 {MARK}\n", "'reg.example/app:1.0.0' is no tag: the marker replaces the whole"),
        (f"- APP_VERSION=1.0.0 {MARK}\n", "'APP_VERSION=1.0.0' is no tag: the marker replaces the whole value"),
        (f"newTag: 1.10 {MARK}\n", "'1.10' is read as a number, not as text: it needs quotes"),
        (f"tag: on {MARK}\n", "'on' is read as a boolean, not as text: it needs quotes"),
        (f"tag: v1.0.0 {IMAGE}\n", "'v1.0.0' looks like a tag, and without a suffix a marker sets name and tag"),
        (
            f"image: reg.example:5000/app:1.0.0 {IMAGE.replace(':web', ':web:name')}\n",
            "'reg.example:5000/app:1.0.0' has a tag or a digest, which :name removes",
        ),
    ],
)
def test_a_value_that_was_probably_not_meant_is_a_warning(tmp_path: Path, text: str, message: str) -> None:
    ((severity, found),) = findings(tmp_path, text)
    assert severity == "warning"
    assert found.startswith(message)


@pytest.mark.parametrize("value", ["1.0.0", '"1.10"', '""', "~", "latest", "sha-0f", "v1", "&t 1.0.0"])
def test_a_tag_and_a_placeholder_are_right(tmp_path: Path, value: str) -> None:
    assert findings(tmp_path, f"tag: {value} {MARK}\n") == []


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("policy: {semver: {range: 1.x}}", "", "spec.policy: Required value"),
        (
            "policy: {semver: {range: 1.x}}",
            "policy: {semver: {range: banana}}",
            "spec.policy.semver.range: Invalid value",
        ),
        ("v1\nkind: ImagePolicy", "v9\nkind: ImagePolicy", "apiVersion: Unsupported value"),
        ("interval: 1m\n  sourceRef", "interval: soon\n  sourceRef", "spec.interval: Invalid value"),
        ("kind: GitRepository, name: src", "kind: Bucket, name: src", "spec.sourceRef.kind: Unsupported value"),
        ("{image: ghcr.io/org/web, interval: 1m}", "{image: 'x:1', interval: 1m}", "spec.image: Invalid value"),
    ],
)
def test_an_object_with_an_error_exists_all_the_same(tmp_path: Path, before: str, after: str, error: str) -> None:
    assert before in OBJECTS
    told = findings(tmp_path, f"tag: x {MARK}\n", OBJECTS.replace(before, after))
    errors = [message for severity, message in told if severity == "error"]
    assert len(told) == len(errors) == 1
    assert error in errors[0]


def test_files_beside_the_objects_are_passed_over_with_one_note(tmp_path: Path) -> None:
    folder = tmp_path / "tree/clusters"
    folder.mkdir(parents=True)
    (folder / "images.yaml").write_text(OBJECTS.replace("./apps", "."))
    (folder / "values.yaml").write_text(f"image:\n  tag: x {MARK}\n---\n- a\n")
    (folder / ".sops.yaml").write_text("creation_rules:\n  - path_regex: .*\n")
    (folder / "secret.yaml").write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: 'ENC[AES256_GCM,data:x]'}\nsops: {}\n"
    )
    done = command("lint", "--objects", folder, "--repo", tmp_path / "tree")
    assert done.code == 0
    assert done.out.count("\tok") == 1
    assert [line.split(":")[0] for line in done.err.splitlines()] == [
        "► 3 documents without apiVersion or kind passed over",
        "► 1 document encrypted with SOPS passed over",
        "✔ 1 of 1 markers ok, 0 errors, 0 warnings",
    ]


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture
def outer(tmp_path: Path) -> Path:
    """A repository with a submodule, an ignored folder, a link and a tracked file in an ignored folder."""
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    for folder in (inner, outer):
        folder.mkdir()
        git(folder, "init", "--quiet")
    line = f"image: x:1 {IMAGE}\n"
    (inner / "in.yaml").write_text(line)
    git(inner, "add", ".")
    git(inner, "commit", "--quiet", "-m", "i")
    git(outer, "submodule", "--quiet", "add", str(inner), "vendor/inner")
    for name in ("out.yaml", "build/gen.yaml", "build/kept.yaml", "new.yaml", "nested/x.yaml"):
        (outer / name).parent.mkdir(exist_ok=True)
        (outer / name).write_text(line)
    git(outer / "nested", "init", "--quiet")
    (outer / ".gitignore").write_text("build\n")
    git(outer, "add", "--force", "build/kept.yaml", "out.yaml", ".gitignore")
    git(outer, "commit", "--quiet", "-m", "o")
    (tmp_path / "objects.yaml").write_text(OBJECTS.replace("./apps", "."))
    return outer


def test_lint_and_diff_look_at_exactly_what_a_commit_can_touch(outer: Path) -> None:
    objects = outer.parent / "objects.yaml"
    done = command("lint", "--objects", objects, "--repo", outer)
    shown = [line.split(":")[0] for line in done.out.splitlines()[1:]]
    assert shown == ["build/kept.yaml", "new.yaml", "out.yaml"]
    patch = command("diff", "--objects", objects, "--repo", outer, "--ref", "flux-system/web=x:2")
    assert [line[6:] for line in patch.out.splitlines() if line.startswith("+++")] == shown


def test_a_folder_of_a_repository_is_looked_through_as_git_sees_it(outer: Path) -> None:
    (outer / "build/sub").mkdir()
    (outer / "build/sub/x.yaml").write_text(f"image: x:1 {IMAGE}\n")
    (outer / "apps/build").mkdir(parents=True)
    (outer / "apps/build/x.yaml").write_text(f"image: x:1 {IMAGE}\n")
    (outer / "apps/y.yaml").write_text(f"image: x:1 {IMAGE}\n")
    objects = outer.parent / "objects.yaml"
    below = command("lint", "--objects", objects, "--repo", outer / "apps").out
    ignored = command("lint", "--objects", objects, "--repo", outer / "build/sub").out
    assert [line.split(":")[0] for line in below.splitlines()[1:]] == ["y.yaml"]
    assert [line.split(":")[0] for line in ignored.splitlines()[1:]] == ["x.yaml"]


def test_a_file_that_is_tracked_and_gone_or_behind_a_new_link_is_left_alone(outer: Path) -> None:
    (outer / "out.yaml").unlink()
    (outer / "build").rename(outer.parent / "elsewhere")
    (outer / "build").symlink_to(outer.parent / "elsewhere")
    done = command("lint", "--objects", outer.parent / "objects.yaml", "--repo", outer)
    assert [line.split(":")[0] for line in done.out.splitlines()[1:]] == ["new.yaml"]


def test_a_tree_without_git_is_looked_through_without_the_repositories_in_it(
    outer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    done = command("lint", "--objects", outer.parent / "objects.yaml", "--repo", outer)
    shown = [line.split(":")[0] for line in done.out.splitlines()[1:]]
    assert shown == ["build/gen.yaml", "build/kept.yaml", "new.yaml", "out.yaml"]


def test_fix_mends_markers_and_missing_quotes_and_nothing_else(tmp_path: Path) -> None:
    before = (
        "# {'$imagepolicy': 'prose'} \u00fc\r\n"
        "image:   x:1   #  {'$imagepolicy': 'flux-system:web'}  \r\n"
        f"tag: 1.10 {MARK}\n"
        "text: |\n  image: x # {'$imagepolicy': 'flux-system:web'}\n"
        "# old: x # {'$imagepolicy': 'flux-system:web'}\n"
    )
    after = before.replace("#  {'$imagepolicy': 'flux-system:web'}", '#  {"$imagepolicy": "flux-system:web"}')
    after = after.replace("1.10", '"1.10"')
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps/a.yaml").write_bytes(before.encode())
    (tmp_path / "apps/b.yaml").write_bytes(b"a: [ # {'$imagepolicy': 'flux-system:web'}\n")
    (tmp_path / "objects.yaml").write_text(OBJECTS)
    done = command("lint", "--objects", tmp_path / "objects.yaml", "--repo", tmp_path, "--fix")
    assert (tmp_path / "apps/a.yaml").read_bytes().decode() == after
    assert (tmp_path / "apps/b.yaml").read_bytes() == b"a: [ # {'$imagepolicy': 'flux-system:web'}\n"
    assert [line for line in done.err.splitlines() if "fixed" in line] == [
        "✚ fixed apps/a.yaml:2",
        "✚ fixed apps/a.yaml:3",
    ]
    again = command("lint", "--objects", tmp_path / "objects.yaml", "--repo", tmp_path, "--fix")
    assert "fixed" not in again.err
    assert (tmp_path / "apps/a.yaml").read_bytes().decode() == after
