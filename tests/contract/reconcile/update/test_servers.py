"""Whole runs against servers of every kind: SSH, version 0, Gerrit's magic refs, and those that fail in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tests.contract.reconcile.update.test_destinations import automation, head, status_of
from tests.contract.reconciling import APP, MARKED, Silent, automated, document, message_of, reason, run, selection
from tests.embedded.git_server import bare_repository, commit_files, git, git_server
from tests.embedded.need import need
from tests.embedded.single_writes import put_selection
from tests.embedded.ssh_server import SSHD, make_key, ssh_server

# What Gerrit does with refs/for/…: they are never listed, a push there makes a review of the commit.
MAGIC = """#!/usr/bin/env python3
import os, subprocess, sys
def read():
    size = int(sys.stdin.buffer.read(4), 16)
    return sys.stdin.buffer.read(size - 4) if size else None
def write(text):
    sys.stdout.buffer.write(b"%04x" % (len(text) + 4) + text)
read(), read()
write(b"version=1\\0push-options")
sys.stdout.buffer.write(b"0000")
sys.stdout.buffer.flush()
commands, options = [], []
while (line := read()) is not None:
    commands.append(line.split())
while (line := read()) is not None:
    options.append(line)
for old, new, ref in commands:
    with open(os.environ["GIT_DIR"] + "/reviews", "ab") as reviews:
        reviews.write(b" ".join([old[:4], new, ref, *options]) + b"\\n")
    write(b"ok " + ref)
sys.stdout.buffer.write(b"0000")
"""


def reviewed(root: Path) -> Path:
    """A repository with reviews."""
    bare = bare_repository(root, "app.git", {"app.yaml": MARKED})
    git("config", "receive.procReceiveRefs", "refs/for", folder=bare)
    hook = bare / "hooks" / "proc-receive"
    hook.write_text(MAGIC)
    hook.chmod(0o755)
    return bare


def moved_once(bare: Path, branch: str) -> tuple[Callable[[], None], Iterator[bool]]:
    """What moves a branch when it is called first, and what is left of that."""
    races = iter([True])

    def moved() -> None:
        if next(races, False):
            commit_files(bare, {"other.yaml": b"x"}, "newer", branch)

    return moved, races


@pytest.mark.parametrize("branch", ["main", "auto"])
@pytest.mark.parametrize("version_2", [True, False], ids=["version-2", "version-0"])
def test_every_commit_is_offered_for_review_with_its_options(
    ports: Ports, tmp_path: Path, branch: str, version_2: bool
) -> None:
    bare = reviewed(tmp_path)
    moved, _ = moved_once(bare, branch)
    with git_server(tmp_path) as server:
        server.speaks_version_2 = version_2
        automated(ports, server.url("app.git"))
        refspec = f"{branch}:refs/for/main%topic=images"
        ports.objects.put(automation("app", branch=branch, refspec=refspec, options={"reviewer": "somebody"}))
        offered = []
        for before, after in ((None, "v1.1.0"), ("v1.1.0", "v1.2.0")):
            put_selection(ports.selections, selection(after), selection(before) if before else None)
            run(ports)
            offered.append(head(bare, branch))
            server.before_push = moved
        put_selection(ports.selections, selection("v1.3.0"), selection("v1.2.0"))
        run(ports)
        offered.append(head(bare, branch))
    told = [line.split() for line in (bare / "reviews").read_text().splitlines()]
    assert reason(ports, "ImageUpdateAutomation") == "Succeeded"
    # Some Gits ask their hook before they find that the branch has moved: a commit may be offered twice.
    assert list(dict.fromkeys(new for _, new, *_ in told if new in offered)) == offered
    assert {(old, *rest) for old, _, *rest in told} == {("0000", "refs/for/main%topic=images", "reviewer=somebody")}


@pytest.mark.parametrize("moving", ["main", "copy"])
def test_refs_that_go_together_are_pushed_again_at_once_when_one_has_moved(
    ports: Ports, tmp_path: Path, moving: str
) -> None:
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    moved, races = moved_once(bare, moving)
    with git_server(tmp_path) as server:
        server.before_push = moved
        automated(ports, server.url("app.git"), branch="main", refspec="+main:copy")
        put_selection(ports.selections, selection("v1.1.0"), None)
        run(ports)
    assert reason(ports, "ImageUpdateAutomation") == "Succeeded"
    assert head(bare, "copy") == head(bare, "main")
    assert next(races, False) is False


@pytest.mark.parametrize("variable", ["GIT_PROTOCOL", "LANG"], ids=["version-2", "version-0"])
@pytest.mark.parametrize("branch", ["main", "auto"])
def test_a_run_over_ssh_ends_in_a_commit_and_a_second_one_in_none(
    ports: Ports, silent: Silent, tmp_path: Path, variable: str, branch: str
) -> None:
    need(SSHD)
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    with ssh_server(tmp_path / "ssh", f"AcceptEnv {variable}", ("ed25519",)) as server:
        key = make_key(tmp_path / "key", passphrase="secret")
        (server.folder / "authorized").write_text(key.with_suffix(".pub").read_text())
        silent.secrets[NamespacedName("ns", "login")] = {
            "identity": key.read_bytes(),
            "password": b"secret",
            "known_hosts": server.known(),
        }
        automated(ports, server.url(bare), branch=branch, refspec=f"{branch}:copy")
        url, login = server.url(bare), {"name": "login"}
        ports.objects.put(
            document("GitRepository", "source.toolkit.fluxcd.io/v1", url=url, interval="1m", secretRef=login)
        )
        put_selection(ports.selections, selection("v1.1.0"), None)
        run(ports)
        first = head(bare, branch)
        run(ports)
        commit_files(bare, {"other.yaml": b"x"}, "newer")
        put_selection(ports.selections, selection("v1.2.0"), selection("v1.1.0"))
        run(ports)
    told = message_of(ports, "ImageUpdateAutomation")
    assert told == "repository up-to-date"
    assert status_of(ports)["lastPushCommit"] == head(bare, branch)
    assert head(bare, "copy") == head(bare, branch)
    assert first != head(bare, branch)
    assert "v1.2.0" in git("show", f"{branch}:app.yaml", folder=bare)
    git("fsck", "--strict", "--full", folder=bare)


REFUSALS: Mapping[str, tuple[int, str, bytes]] = {
    "403": (403, "text/plain", b"no"),
    "500": (500, "text/plain", b"oops"),
    "cut": (200, "application/x-git-receive-pack-result", b"0030unpack"),
    "nonsense": (200, "text/html", b"<html>"),
}


@pytest.mark.parametrize("branch", ["main", "auto"])
@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("number", range(1, 6))
def test_a_server_that_fails_at_any_request_gets_the_commit_once(
    ports: Ports, tmp_path: Path, branch: str, kind: str, number: int
) -> None:
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"), branch=branch)
        put_selection(ports.selections, selection("v1.1.0"), None)
        server.failures = {number: REFUSALS[kind]}
        run(ports)
        server.failures = {}
        first = reason(ports, "ImageUpdateAutomation")
        run(ports)
    assert first in ("Succeeded", "GitOperationFailed")
    assert reason(ports, "ImageUpdateAutomation") == "Succeeded"
    assert status_of(ports)["lastPushCommit"] == head(bare, branch)
    assert git("rev-list", "--count", branch, folder=bare) == "2\n"
    assert APP.name in status_of(ports)["observedPolicies"]
