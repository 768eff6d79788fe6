"""`make demo KEEP=1` as a stranger sees it: every line says something, every URL and every command works as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from tests.embedded.demo import FILE, NEXT
from tests.embedded.demo_commands import push
from tests.embedded.need import need
from tests.house.source_files import ROOT

PASTED = "=== Everything is still up."


@pytest.fixture(scope="module")
def printed() -> Iterator[list[str]]:
    """The lines of the demo. What it leaves running is ended as its last line says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.embedded.demo", "--keep"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    try:
        yield lines
    finally:
        _in_shell(lines[-1].removeprefix("# To end it: "))


def _in_shell(script: str, **environ: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TAGSTREAM_"))}
    done = subprocess.run(
        ["bash", "-ec", script], cwd=ROOT, env={**kept, **environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _pasted(lines: list[str]) -> list[str]:
    (start,) = [at for at, line in enumerate(lines) if line.startswith(PASTED)]
    return lines[start + 1 :]


def test_no_line_of_the_demo_is_empty_and_no_object_is_red(printed: list[str]) -> None:
    assert [at for at, line in enumerate(printed) if not line.strip()] == []
    assert [line for line in printed if re.search(r"False +\t[^\t]*$|\tFalse *\t(?!True)|Warning|failed", line)] == []
    assert [re.sub(r"127.0.0.1:\d+", "R", line) for line in printed if line.startswith(("+ ", "- "))] == [
        '-          image: R/shop/app:1.0.0 # {"$imagepolicy": "flux-system:app"}',
        '+          image: R/shop/app:1.1.0 # {"$imagepolicy": "flux-system:app"}',
    ]


def test_every_url_of_the_demo_answers_on_this_machine(printed: list[str]) -> None:
    urls = {found for line in printed for found in re.findall(r"https?://[^\s'\"]+", line)}
    assert len(urls) >= 3
    hooks = {url for url in urls if "/hook/" in url}
    repositories = {url for url in urls if url.endswith(".git")}
    # A registry never asks a webhook with GET: it is our function that says so.
    assert [requests.get(url, timeout=20).status_code for url in hooks] == [405]
    assert all("refs/heads/main" in _in_shell(f"git ls-remote {url}") for url in repositories)
    others = {url: requests.get(url, timeout=20).status_code for url in urls - hooks - repositories}
    assert {url for url, status in others.items() if status != 200} == set()
    (page,) = [url for url in others if "?namespace=" in url]
    assert ">1.1.0<" in requests.get(page, timeout=20).text


def test_the_commands_of_the_demo_push_deliver_and_show_the_next_commit(printed: list[str]) -> None:
    need("skopeo")
    lines = _pasted(printed)
    shown = _in_shell("\n".join(lines))
    assert "200\n" in shown
    assert f":{NEXT} # " in shown
    (bare,) = re.findall(r"git -C (\S+) show", "\n".join(lines))
    assert f":{NEXT} # " in _in_shell(f"git -C {bare} show main:{FILE}")


def test_without_skopeo_curl_pushes(printed: list[str]) -> None:
    (image,) = re.findall(r'"image":"([^"]+)"', "\n".join(_pasted(printed)))
    host, _, name = image.partition("/")
    _in_shell(push(image, "1.1.0", has_skopeo=False), tag="1.0.9")
    listed = requests.get(f"http://{host}/v2/{name}/tags/list", timeout=20).json()
    assert "1.0.9" in listed["tags"]
