"""Which files an automation covers, and what ``--ref`` says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tagstream.cli.console import CommandFailed
from tagstream.cli.worktree import given_refs, inside, marked_files
from tagstream.domain.objects.model import ImageRef, NamespacedName


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ""),
        (".", ""),
        ("./", ""),
        ("./a/b", "a/b"),
        ("a//b/", "a/b"),
        ("/a", "a"),
        ("../../a", "a"),
        ("a/../../b", "b"),
        ("a/./b.yaml", "a/b.yaml"),
    ],
)
def test_a_path_never_leads_out_of_the_tree(path: str, expected: str) -> None:
    assert inside(path) == expected


@pytest.mark.parametrize(
    ("text", "key", "ref"),
    [
        ("a/b=img:1", NamespacedName("a", "b"), ImageRef(name="img", tag="1")),
        ("b=img:1", NamespacedName("ns", "b"), ImageRef(name="img", tag="1")),
        ("a/b=localhost:5000/x/y:v1", NamespacedName("a", "b"), ImageRef(name="localhost:5000/x/y", tag="v1")),
        ("a/b=img:1@sha256:0f", NamespacedName("a", "b"), ImageRef(name="img", tag="1", digest="sha256:0f")),
    ],
)
def test_a_reference_is_an_image_with_tag_and_digest(text: str, key: NamespacedName, ref: ImageRef) -> None:
    assert given_refs([text], "ns") == {key: ref}


def test_only_files_that_flux_looks_at_and_that_have_a_marker_are_read(tmp_path: Path) -> None:
    marker = b'a: b # {"$imagepolicy": "a:b"}\n'
    for name in ("b.yaml", "a.yml", "Kustomization", "c.YAML", "d.json", ".git/e.yaml", "f/g.yaml", "f/.h.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(marker)
    (tmp_path / "plain.yaml").write_bytes(b"a: b\n")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "link.yaml").symlink_to(tmp_path / "b.yaml")
    found = [one.path for one in marked_files(str(tmp_path))]
    assert found == ["Kustomization", "a.yml", "b.yaml", "f/.h.yaml", "f/g.yaml"]


def test_a_folder_that_cannot_be_read_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    with pytest.raises(CommandFailed, match=r"failed to read .*: File name too long"):
        marked_files(str(tmp_path))
