"""``tagstream dashboard`` serves a page on loopback until it is interrupted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.house.source_files import ROOT
from tests.unit.cli.memory_ports import command
from tests.unit.dashboard.sample_stack import sample

# The command line on the sample stack, in a process of its own: the signal of ^C goes to one process. What a shell runs
# in the background ignores that signal, and so would what the tests start.
PROGRAM = """
import signal, sys
from tagstream.cli.console import Console
from tagstream.cli.entry import Stack, run
from tests.unit.dashboard.sample_stack import alarms, sample
signal.signal(signal.SIGINT, signal.default_int_handler)
ports = sample()
ports.operations.ringing = alarms()
connect, operate = (lambda _: ports.bundle()), (lambda _: ports.operations)
stack = Stack(connect=connect, base_url=str, read_logs=None, who=str, operate=operate)
console = Console(out=sys.stdout, err=sys.stderr, width=0)
sys.exit(run(sys.argv[1:], console, sys.stdin, stack))
"""


def started(*arguments: str, browser: str = "") -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/layers/core", "BROWSER": browser}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "dashboard", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline().rstrip().rpartition(" ")[2]


def test_the_page_is_served_until_the_command_is_interrupted() -> None:
    process = started("-A", "--no-browser")
    try:
        with urllib.request.urlopen(address(process), timeout=30) as response:
            page = response.read().decode()
        assert "stack tagstream" in page
        assert "ScanDeadLetters" in page
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == "► ^C ends it\n"
    finally:
        process.kill()


def test_the_browser_opens_the_page_of_the_namespace(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    os.mkfifo(opened)
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    process = started("-n", "shop", browser=str(browser))
    try:
        url = address(process)
        assert url.endswith("/?namespace=shop")
        assert opened.read_text().strip() == url
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()


def test_a_taken_port_is_told_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = command("dashboard", "--port", str(port), "--no-browser", ports=sample())
    why = f"port {port} is taken: another program, or another dashboard, listens there"
    assert (done.code, done.err) == (1, f"✗ {why}; --port 0 takes one that is free\n")


def test_a_number_that_is_no_port_is_told() -> None:
    assert command("dashboard", "--port", "70000", ports=sample()).err == "✗ --port 70000: expected 0 to 65535\n"


def test_the_page_can_be_printed() -> None:
    done = command("dashboard", "-n", "shop", "-o", "html", ports=sample())
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("<!doctype html>")
    assert "1.4.2" in done.out


def test_commits_go_as_far_back_as_it_is_told() -> None:
    page = command("dashboard", "-A", "-o", "html", "--since", "170m", ports=sample()).out
    assert "3 commits in 170m" in page
    assert command("dashboard", "--since", "0s", ports=sample()).err.startswith("✗ argument --since: invalid duration")


def test_a_stack_that_cannot_be_read_is_a_failure() -> None:
    ports = sample()
    ports.schema.marked = 999
    assert command("dashboard", "-o", "html", ports=ports).code == 1
