"""A shell completes words and flags."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.memory_ports import command

# What bash does at TAB, without a terminal.
TAB = """
source <(tagstream completion bash)
COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9
read -ra COMP_WORDS <<< "$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete tagstream
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(line: str, **variables: str) -> list[str]:
    """What bash offers at TAB behind the line."""
    environ = {**os.environ, **variables, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", TAB, "bash", line], capture_output=True, text=True, check=True, env=environ
    )
    return [word.strip() for word in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tagstream completi", ["completion"]),
        ("tagstream get images pol", ["policy"]),
        ("tagstream get images policy --label", ["--label-selector"]),
        ("tagstream completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes_what_the_parser_takes(line: str, words: list[str]) -> None:
    assert set(words) <= set(completed(line))


def test_a_stack_that_refuses_or_hangs_has_no_names() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (1, silent.getsockname()[1]):
            endpoint = f"http://127.0.0.1:{port}"
            assert completed("tagstream get images policy w", AWS_ENDPOINT_URL=endpoint, **keys) == [""]


@pytest.mark.parametrize(("shell", "start"), [("zsh", "autoload -U compinit"), ("fish", "function __fish_tagstream")])
def test_each_shell_gets_a_script_of_its_own(shell: str, start: str) -> None:
    done = command("completion", shell)
    assert (done.code, done.out.lstrip().startswith(start)) == (0, True)


def test_bash_can_read_its_script() -> None:
    script = command("completion", "bash").out
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
