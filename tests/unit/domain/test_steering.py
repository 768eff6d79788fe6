"""Nothing that the command line prints can steer a terminal, and programs read the same strings."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tagstream.cli.console import Console, table
from tagstream.cli.yaml_text import as_json, as_yaml
from tagstream.domain.steering import STEERING, harmless, harmless_json
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import MemoryPorts, Outcome, command

# A control of the second set (CSI), an override of the direction, a separator, a tag beyond U+FFFF.
ODD = "\x9b31m", "a\u202eb", "a\u2028b", "a\u2066b", "\x1b[2J", "\x7f", "\x85", "\ufeff", "\U000e0041", "\r"
PLAIN = "tag v1.0.0", "ä日本🚀", "two\nlines", "a\tb", "\u00a0"


def steers(text: str) -> list[str]:
    """Characters of a text that a terminal must not get."""
    return [one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp") and one not in "\n\t"]


def test_every_control_and_format_character_is_escaped_and_no_other() -> None:
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1))))
    found = re.findall(STEERING, every)
    assert set(steers(every)) - set(found) == set()
    # A character that this Python's Unicode does not know yet may be one of a newer Unicode.
    assert {one for one in set(found) - set(steers(every)) if unicodedata.category(one) != "Cn"} == set()


@pytest.mark.parametrize("text", [*ODD, *PLAIN])
def test_json_and_yaml_are_harmless_and_read_back_as_they_were(text: str) -> None:
    value = {text: [text, {"a": f"x {text} y"}]}
    for written, read in ((as_json(value), json.loads), (as_yaml(value), YAML(typ="safe", pure=True).load)):
        assert steers(written) == []
        assert read(written) == value


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_is_printed_as_it_is(text: str) -> None:
    assert harmless(text) == harmless_json(text) == text


def stored(message: str) -> MemoryPorts:
    """An ImagePolicy whose status has a message from outside."""
    ports = MemoryPorts()
    document: dict[str, Any] = {
        "apiVersion": "image.toolkit.fluxcd.io/v1",
        "kind": "ImagePolicy",
        "metadata": {"name": "app", "namespace": "flux-system", "annotations": {"note": message}},
        "spec": {"imageRepositoryRef": {"name": "app"}, "policy": {"alphabetical": {}}},
    }
    ports.objects.put(document)
    ready = {"type": "Ready", "status": "False", "reason": "Failure", "message": message}
    ready["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    key = ports.objects.list("ImagePolicy")[0].key
    put_status(ports.objects, "ImagePolicy", key, {"conditions": [ready]})
    ports.log_lines.append(
        {"controller": "imagepolicy", "namespace": "flux-system", "object": "app", "message": message}
    )
    return ports


@pytest.mark.parametrize("message", ODD)
@pytest.mark.parametrize(
    "words",
    [
        ("get", "images", "policy"),
        ("get", "images", "policy", "-o", "json"),
        ("get", "images", "policy", "-o", "yaml"),
        ("export", "image", "policy", "app"),
        ("logs",),
    ],
    ids=" ".join,
)
def test_words_from_outside_are_printed_harmlessly(message: str, words: tuple[str, ...]) -> None:
    found: Outcome = command(*words, ports=stored(message))
    assert found.code == 0
    assert steers(found.out + found.err) == []


def test_an_error_about_words_from_outside_is_harmless(tmp_path: Path) -> None:
    (tmp_path / "a\x9b31m.yaml").write_text("kind: [\n")
    found = command("apply", "-f", tmp_path, ports=MemoryPorts())
    assert found.code == 1
    assert steers(found.out + found.err) == []


def test_columns_of_a_table_stay_in_line() -> None:
    lines = table(("Name", "Next"), [("a\u202eb", "x"), ("plain", "y")])
    assert len({line.index("\t") for line in lines}) == 1


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_patch_is_verbatim_for_programs_and_harmless_on_a_terminal() -> None:
    piped, shown = io.StringIO(), Terminal()
    for stream in (piped, shown):
        Console(out=stream, err=stream).verbatim("+a\x1b[31m\u202eb")
    assert piped.getvalue() == "+a\x1b[31m\u202eb\n"
    assert shown.getvalue() == "+a\\u001b[31m\\u202eb\n"


def test_a_patch_with_odd_bytes_can_be_applied(tmp_path: Path) -> None:
    objects = tmp_path / "objects.yaml"
    objects.write_text(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: a}\n"
        "spec: {url: https://git.example/a.git, interval: 1m}\n---\n"
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\nmetadata: {name: a}\n"
        "spec: {interval: 1m, sourceRef: {kind: GitRepository, name: a}, git: {checkout: {ref: {branch: main}},"
        " commit: {author: {email: a@b}}}, update: {path: ./, strategy: Setters}}\n---\n"
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: app}\n"
        "spec: {imageRepositoryRef: {name: app}, policy: {alphabetical: {}}}\n"
    )
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.yaml").write_text('# \u202e \x85\nimage: app:v1 # {"$imagepolicy": "flux-system:app"}\n')
    subprocess.run(["git", "init", "-q", "."], cwd=tree, check=True)
    found = command("diff", "--objects", objects, "--repo", tree, "--ref", "flux-system/app=app:v2")
    subprocess.run(["git", "apply", "-"], cwd=tree, check=True, input=found.out.encode())
    assert "app:v2" in (tree / "a.yaml").read_text()
