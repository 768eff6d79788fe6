"""On a terminal no row wraps, and colours are only there when they are wanted; a pipe gets whole values."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.webhook import LastDelivery
from tests.unit.cli.memory_ports import NOW, MemoryPorts, command
from tests.unit.cli.verbs.test_get import READY, add, stored

DIGEST = "sha256:" + "0123456789abcdef" * 4
COMMIT = "89abcdef" * 5
LONG_TAG = f"staging-{COMMIT}-1700000000"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = pytest.mark.parametrize("width", [40, 80, 100, 250])


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test begins with a terminal of sixteen colours and no wishes."""
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def fleet() -> MemoryPorts:
    """Objects with everything that is long in the field."""
    name, key = "harvis-backend-staging", NamespacedName("flux-system", "harvis-backend-staging")
    failed = READY | {"status": "False", "message": f"failed to fetch {DIGEST}\nGet https://ghcr.io: 日本 " + "x" * 300}
    suspended = {"suspend": True}
    ports = MemoryPorts()
    scan = {"scanTime": "2026-01-02T03:01:05Z", "tagCount": 3}
    ref = {"name": "ghcr.io/an-organisation/with/many/words/harvis-backend", "tag": LONG_TAG, "digest": DIGEST}
    add(ports, "ImageRepository", name, {"conditions": [READY], "lastScanResult": scan}, image="ghcr.io/a/b")
    add(ports, "ImagePolicy", name, {"conditions": [READY], "latestRef": ref})
    add(ports, "ImagePolicy", "broken", {"conditions": [failed], "latestRef": ref}, **suspended)
    add(ports, "ImageUpdateAutomation", name, {"conditions": [failed], "lastAutomationRunTime": "2026-01-01T00:00:00Z"})
    add(ports, "GitRepository", name, {}, url="ssh://git@codecommit.eu-central-1.amazonaws.com/v1/repos/" + "deep/" * 9)
    add(ports, "Receiver", name, {"conditions": [READY | {"message": f"/hook/{'f' * 64}"}]})
    last = LastDelivery(at=NOW - timedelta(minutes=2), sender="dockerhub", delivery_id="d", result="asked for a scan")
    ports.deliveries.deliveries["Receiver"] = {key: last}
    entry = LedgerEntry(
        at=NOW - timedelta(minutes=5),
        kind="ImageUpdateAutomation",
        key=key,
        severity="info",
        reason="Succeeded",
        message=f"pushed commit '{COMMIT}' to branch 'main'\n" + "image harvis " * 20,
        cause="0b5a0c11-1111-2222-3333-444455556666,cli:arn:aws:iam::123456789012:user/ann",
    )
    ports.ledger.record([entry, replace(entry, severity="error", message="no " * 99)])
    return ports


def explained() -> MemoryPorts:
    ports = stored("ImagePolicy", "app", {}, imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    add(ports, "ImageRepository", "app", {}, image="ghcr.io/a/b", interval="1m")
    tags = ("1.0.0", "2.0.0-rc.1", LONG_TAG, "sha256-" + "a" * 64 + ".sig")
    ports.tags.lists[NamespacedName("flux-system", "app")] = tags
    return ports


@WIDTHS
@pytest.mark.parametrize(
    "words",
    ["get images all", "get images all -A", "get all -A", "get images policy", "get receivers", "get sources git",
     "events", "events -A"],
)  # fmt: skip
def test_no_row_of_objects_and_events_wraps(words: str, width: int) -> None:
    lines = COLOURS.sub("", command(*words.split(), ports=fleet(), width=width).out).splitlines()
    assert len(lines) > 1
    assert [line for line in lines if cell_len(line) > width] == []


@WIDTHS
def test_no_row_of_an_explanation_wraps(width: int) -> None:
    lines = COLOURS.sub("", command("explain", "policy", "app", ports=explained(), width=width).out).splitlines()
    assert len(lines) == 5
    assert [line for line in lines if cell_len(line) > width] == []


def test_at_100_columns_the_names_of_policies_are_whole() -> None:
    out = COLOURS.sub("", command("get", "images", "policy", ports=fleet(), width=100).out)
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", "broken", "harvis-backend-staging"]
    assert "…" in out


def test_times_are_ages_and_checksums_are_short_on_a_terminal() -> None:
    out = command("get", "images", "repository", ports=fleet(), width=100).out
    events = command("events", ports=fleet(), width=100).out
    assert re.search(r"harvis-backend-staging +3m ", COLOURS.sub("", out))
    assert COMMIT not in events
    assert COMMIT[:8] in events


@pytest.mark.parametrize("words", ["get images all", "events", "get images policy"])
def test_wide_output_and_a_pipe_have_whole_values(words: str) -> None:
    wide = COLOURS.sub("", command(*words.split(), "-o", "wide", ports=fleet(), width=80).out)
    piped = command(*words.split(), "-o", "wide", ports=fleet()).out
    assert "…" not in wide + piped
    assert "\x1b" not in piped
    assert piped == command(*words.split(), ports=fleet()).out


def test_a_column_that_says_nothing_is_left_out_on_a_terminal_only() -> None:
    ports = stored("ImagePolicy", "app", {"conditions": [READY]})
    assert "SUSPENDED" not in command("get", "images", "policy", ports=ports, width=100).out
    assert (
        "SUSPENDED"
        in command("get", "images", "policy", ports=ports, width=100).out
        + command("get", "images", "policy", "-o", "wide", ports=ports, width=100).out
    )


def test_what_is_ready_is_green_with_a_sign_and_what_is_not_is_red() -> None:
    out = command("get", "images", "policy", ports=fleet(), width=100).out
    assert "\x1b[32m✔ True\x1b[0m" in out
    assert "\x1b[31m✗ False\x1b[0m" in out


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_whoever_wants_no_colours_gets_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    done = command("get", "images", "policy", "x", ports=fleet(), width=100)
    out = command("get", "images", "policy", ports=fleet(), width=100).out
    assert re.search(r"\x1b\[[0-9;]*3[0-7]", out + done.err) is None
    assert "✔ True" in out


def test_a_problem_has_a_red_sign_on_a_terminal() -> None:
    assert command("get", "images", "policy", "x", ports=fleet(), width=100).err.startswith("\x1b[31m✗\x1b[0m ")


def test_nothing_of_a_message_steers_the_terminal() -> None:
    ports = stored("ImagePolicy", "app", {"conditions": [READY | {"message": "a\x1b[2Jb\u202ec"}]})
    for words in ("get images policy", "get images policy -o wide"):
        out = command(*words.split(), ports=ports, width=100).out
        assert "\x1b[2J" not in out
        assert "\\u001b[2Jb\\u202ec" in out


def test_a_real_terminal_is_measured(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: app}\n"
        "spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: 1.x}}}\n"
    )
    tags = tmp_path / "tags"
    tags.write_text("\n".join(["1.0.0", "2.0.0-rc.1", LONG_TAG * 3]))
    words = ["explain", "policy", "-f", str(policy), "--tags", str(tags)]
    code = f"import sys; from tagstream.cli import main; sys.exit(main({words!r}))"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    # readline, which pytest loads, sets COLUMNS behind the back of os.environ.
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=theirs, stderr=subprocess.PIPE, stdin=theirs, env=dict(os.environ)
    )
    os.close(theirs)
    lines = os.read(ours, 65_536).decode().splitlines()
    os.close(ours)
    assert done.returncode == 0
    assert len(lines) == 4, lines
    assert max(cell_len(COLOURS.sub("", line)) for line in lines) <= 60
    assert "\x1b[" in lines[0]


def test_rich_is_loaded_for_a_terminal_only() -> None:
    code = (
        "import sys; from tagstream.cli import main; main(['create', 'secret', 'receiver', 'x', '--export']);"
        "print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
