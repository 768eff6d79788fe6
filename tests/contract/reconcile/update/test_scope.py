"""What a run leaves alone in a real repository, and what it says of markers that it cannot honour."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.ports.bundle import Ports
from tests.contract.reconciling import APP, automated, document, message_of, run, selection
from tests.embedded.git_server import IDENTITY, git
from tests.embedded.single_writes import put_selection

MARKED = 'image: app:v1.0.0 # {"$imagepolicy": "ns:app"}\n'
CHANGED = MARKED.replace("v1.0.0", "v1.1.0")
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 12345\n"


def committed(bare: Path, folder: Path, files: Mapping[str, str], links: Mapping[str, str] | None = None) -> None:
    """Files and links as a user commits them."""
    git("clone", "--quiet", str(bare), str(folder), folder=bare.parent)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for name, target in (links or {}).items():
        (folder / name).symlink_to(target)
    git("add", ".", folder=folder)
    git("commit", "--quiet", "-m", "more", folder=folder)
    git("push", "--quiet", folder=folder)


def changed(bare: Path) -> list[str]:
    return git("show", "--format=", "--name-only", "main", folder=bare).split()


def at(ports: Ports, path: str) -> None:
    """The automation changes this path only."""
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    spec: Any = stored.document["spec"]
    ports.objects.put(document("ImageUpdateAutomation", **{**spec, "update": {"path": path, "strategy": "Setters"}}))


def test_links_submodules_lfs_pointers_and_other_files_stay_as_they_are(
    ports: Ports, repository: tuple[str, Path], tmp_path: Path
) -> None:
    url, bare = repository
    work = tmp_path / "work"
    committed(
        bare,
        work,
        {"apps/a.yaml": MARKED, "apps/large.yaml": POINTER, "apps/notes.txt": MARKED, "apps/A.YAML": MARKED},
        {"apps-link": "apps", "inside.yaml": "apps/a.yaml", "outside.yaml": "/etc/hostname"},
    )
    head = git("rev-parse", "HEAD", folder=work).strip()
    # A submodule is an entry of its own kind; what it points to is in another repository.
    git("update-index", "--add", "--cacheinfo", f"160000,{head},apps/sub.yaml", folder=work)
    git("commit", "--quiet", "-m", "submodule", folder=work)
    git("push", "--quiet", folder=work)
    before = git("ls-tree", "-r", "main", folder=bare)
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    after = git("ls-tree", "-r", "main", folder=bare)
    assert changed(bare) == ["app.yaml", "apps/a.yaml"]
    kept = [line for line in before.splitlines() if not line.endswith(("\tapp.yaml", "\tapps/a.yaml"))]
    assert [line for line in kept if line not in after.splitlines()] == []
    git("fsck", "--strict", folder=bare)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("apps", ["apps/a.yaml"]),
        ("./apps/", ["apps/a.yaml"]),
        ("app.yaml", ["app.yaml"]),
        ("../apps", ["apps/a.yaml"]),
        ("apps/in/../../apps2", ["apps2/b.yaml"]),
        ("apps/in/../out", ["apps/out/c.yaml"]),
    ],
)
def test_files_outside_the_path_are_left_alone(
    ports: Ports, repository: tuple[str, Path], tmp_path: Path, path: str, expected: list[str]
) -> None:
    url, bare = repository
    files = {"apps/a.yaml": MARKED, "apps2/b.yaml": MARKED, "out/d.yaml": MARKED}
    if "out" in path:
        files["apps/out/c.yaml"] = MARKED
    committed(bare, tmp_path / "work", files)
    automated(ports, url)
    at(ports, path)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    assert changed(bare) == expected


@pytest.mark.parametrize(
    ("path", "shown"),
    [("", "apps/in/a.yaml "), ("./apps/", "in/a.yaml "), ("apps/x/../in", "a.yaml "), ("apps/in/a.yaml", "a.yaml ")],
)
def test_a_template_sees_file_names_from_the_path_on(
    ports: Ports, repository: tuple[str, Path], tmp_path: Path, path: str, shown: str
) -> None:
    url, bare = repository
    committed(bare, tmp_path / "work", {"apps/in/a.yaml": MARKED, "app.yaml": "a: 1\n"})
    automated(ports, url)
    at(ports, path)
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    spec: Any = stored.document["spec"]
    template = "{{ range $file, $_ := .Changed.FileChanges }}{{ $file }} {{ end }}"
    git_spec = {**spec["git"], "commit": {**spec["git"]["commit"], "messageTemplate": template}}
    ports.objects.put(document("ImageUpdateAutomation", **{**spec, "git": git_spec}))
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    assert git("log", "-1", "--format=%B", "main", folder=bare).rstrip("\n") == shown


def test_modes_and_line_ends_and_everything_but_the_value_stay(
    ports: Ports, repository: tuple[str, Path], tmp_path: Path
) -> None:
    url, bare = repository
    work = tmp_path / "work"
    content = "\ufeff# CRLF and a byte order mark\r\n---\r\n" + MARKED.replace("\n", "\r\n") + "last: line"
    git("clone", "--quiet", str(bare), str(work), folder=tmp_path)
    (work / "odd.yaml").write_bytes(content.encode())
    (work / "odd.yaml").chmod(0o755)
    subprocess.run(["git", "-C", str(work), "-c", "core.autocrlf=false", "add", "."], check=True, timeout=20)
    git("commit", "--quiet", "-m", "odd", folder=work)
    git("push", "--quiet", folder=work)
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    import os

    found = subprocess.run(
        ["git", "-C", str(bare), "show", "main:odd.yaml"],
        env={**os.environ, **IDENTITY},
        check=True,
        capture_output=True,
        timeout=20,
    ).stdout
    mode = git("ls-tree", "main", "odd.yaml", folder=bare).split()[0]
    assert (found, mode) == (content.replace("v1.0.0", "v1.1.0").encode(), "100755")


def test_markers_that_cannot_be_honoured_are_reported_once_with_file_line_and_reason(
    ports: Ports, repository: tuple[str, Path], tmp_path: Path
) -> None:
    url, bare = repository
    committed(
        bare,
        tmp_path / "work",
        {
            "broken.yaml": "a: [\n" + MARKED,
            "policy.yaml": 'image: a:1 # {"$imagepolicy": "ns:nobody"}\n',
            "malformed.yaml": 'x: 1\nimage: a:1 # {"$imagepolicy": 5}\n',
            "foreign.yaml": 'image: a:1 # {"$imagepolicy": "elsewhere:app"}\n',
            "typo.yaml": 'image: a:1 # {"$imagepolicy": "elswhere:app"}\n',
            # No one expects anything of a comment or of prose, and someone does of a marker in the wrong quotes.
            "commented.yaml": '# image: a:1 # {"$imagepolicy": "ns:app"}\n',
            "prose.yaml": "# moved by its $imagepolicy marker\nimage: a:1\n",
            "quotes.yaml": "image: a:1 # {'$imagepolicy': 'ns:app'}\n",
        },
    )
    automated(ports, url)
    # It is another automation's business.
    foreign = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"alphabetical": {}})
    ports.objects.put(foreign | {"metadata": {"name": "app", "namespace": "elsewhere"}})
    begin = ports.clock.now() - timedelta(seconds=1)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    again = selection("v1.2.0")
    put_selection(ports.selections, again, selection("v1.1.0"))
    run(ports)
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    problems: Any = stored.status["markerProblems"]
    shown = [(one["file"], one["line"], one["state"], bool(one["reason"])) for one in problems["markers"]]
    assert (problems["count"], shown) == (
        5,
        [
            ("broken.yaml", 2, "unparsable file", True),
            ("malformed.yaml", 2, "malformed marker", True),
            ("policy.yaml", 1, "unknown policy", True),
            ("quotes.yaml", 1, "malformed marker", True),
            ("typo.yaml", 1, "unknown policy", True),
        ],
    )
    events = [one for one in ports.ledger.read(begin, ports.clock.now()) if one.reason == "MarkersNotHonoured"]
    assert [one.message.count("\n") for one in events] == [4]
    assert git("show", "main:broken.yaml", folder=bare) == "a: [\n" + MARKED


def test_a_path_that_is_not_there_is_told_in_fluxs_words(
    ports: Ports, repository: tuple[str, Path], tmp_path: Path
) -> None:
    url, _ = repository
    automated(ports, url)
    at(ports, "nope")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    conditions: Any = stored.status["conditions"]
    ready = next(one for one in conditions if one["type"] == "Ready")
    message = "failed to apply policies: walking path for files: lstat nope: no such file or directory"
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", "UpdateFailed", message)


def test_a_path_that_is_a_link_is_told(ports: Ports, repository: tuple[str, Path], tmp_path: Path) -> None:
    url, bare = repository
    committed(bare, tmp_path / "work", {"apps/app.yaml": MARKED}, {"link": "apps"})
    automated(ports, url)
    at(ports, "link")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    told = message_of(ports, "ImageUpdateAutomation")
    assert told == "failed to apply policies: walking path for files: link is a link or a submodule"


def test_a_problem_that_was_mended_is_gone_from_the_status(
    ports: Ports, repository: tuple[str, Path], tmp_path: Path
) -> None:
    url, bare = repository
    committed(bare, tmp_path / "one", {"broken.yaml": "a: [\n" + MARKED})
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    committed(bare, tmp_path / "two", {"broken.yaml": MARKED})
    run(ports)
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    assert ("markerProblems" in stored.status, git("show", "main:broken.yaml", folder=bare)) == (False, CHANGED)
