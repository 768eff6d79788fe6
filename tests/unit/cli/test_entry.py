"""Where commands begin and end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tagstream.cli.entry import main
from tagstream.cli.parser import parse
from tests.unit.cli.memory_ports import MemoryPorts, command

HARVIS = Path(__file__).parents[2] / "data/harvis"
OBJECTS = str(HARVIS / "k8s-manifests/flux-system")
SLOW = ("boto3", "botocore", "requests", "dulwich", "paramiko", "cryptography", "pysequoia")


@pytest.mark.parametrize(
    "argv",
    [
        ["apply", "--dry-run=client", "-f", OBJECTS],
        ["lint", "--objects", OBJECTS, "--repo", OBJECTS],
        ["diff", "--objects", OBJECTS, "--repo", OBJECTS, "--ref", "flux-system/harvis-backend-prod=a:1"],
        ["create", "image", "repository", "x", "--image=a/b", "--export"],
        ["create", "secret", "receiver", "x", "--export"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_an_offline_verb_loads_no_library_of_a_vendor(argv: list[str]) -> None:
    code = (
        "import sys\nfrom tagstream.cli import main\n"
        f"main({argv!r})\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stderr.split()) & set(SLOW) == set()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "the following arguments are required: VERB"),
        (["fly"], "invalid choice: 'fly'"),
        (["get", "images", "policy", "--bogus"], "unrecognized arguments: --bogus"),
        (["apply"], "the following arguments are required: -f/--filename"),
        (["reconcile", "image", "policy", "x", "--timeout", "soon"], "invalid duration 'soon'"),
        (["get", "images", "nothing"], "invalid choice: 'nothing'"),
    ],
)
def test_arguments_that_do_not_fit_end_with_1_and_a_hint(argv: list[str], message: str) -> None:
    done = command(*argv)
    assert done.code == 1
    assert message in done.err
    assert "--help" in done.err


@pytest.mark.parametrize("position", range(5))
def test_the_flags_of_every_verb_fit_behind_each_of_its_words(position: int) -> None:
    argv = ["create", "image", "policy", "p", "--image-ref=r", "--select-semver=1.x", "--export"]
    argv[position:position] = ["-n", "here", "--timeout", "1m", "--stack", "s"]
    done = command(*argv)
    assert done.code == 0
    assert "namespace: here" in done.out


@pytest.mark.parametrize(
    "argv", [["--help"], ["get", "--help"], ["create", "image", "policy", "--help"], ["--version"]]
)
def test_help_and_version_end_with_0(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    assert capsys.readouterr().out.startswith(("usage: tagstream", "tagstream "))


def test_a_reader_that_has_seen_enough_ends_the_command_quietly() -> None:
    code = (
        f"import sys; from tagstream.cli import main; sys.exit(main(['apply', '--dry-run=client', '-f', {OBJECTS!r}]))"
    )
    script = '"$0" -c "$1" | true; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(["bash", "-c", script, sys.executable, code], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["apply", "--dry-run=client", "-f", "-"], 1, "stdin:2: not valid YAML: invalid leading UTF-8 octet"),
        (["explain", "policy", "harvis-backend-prod", "-f", OBJECTS, "--tags", "-"], 1, "cannot be empty"),
    ],
    ids=["apply", "explain"],
)
def test_bytes_that_are_no_text_are_an_error_and_no_crash(argv: list[str], code: int, message: str) -> None:
    program = f"import sys; from tagstream.cli import main; sys.exit(main({argv!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=b"a: 1\n\xff\xfe: 2\n",
        capture_output=True,
        check=False,
        env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == code, done.stderr
    assert message in done.stderr.decode(), done.stderr


def test_an_endpoint_that_is_no_address_is_an_error_and_no_crash() -> None:
    program = "import sys; from tagstream.cli import main; sys.exit(main(['get', 'images', 'all']))"
    login = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-central-1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=login | {"AWS_ENDPOINT_URL": "banana", "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == 1
    assert done.stderr == "✗ stack 'tagstream': Invalid endpoint: banana\n"


def test_the_environment_names_the_stack_and_the_namespace_unless_the_arguments_do() -> None:
    environ = {"TAGSTREAM_STACK": "other", "TAGSTREAM_NAMESPACE": "apps"}
    create = ("create", "image", "repository", "x", "--image=a/b", "--export")
    assert "namespace: apps" in command(*create, environ=environ).out
    assert "namespace: here" in command(*create, "-n", "here", environ=environ).out
    assert "namespace: flux-system" in command(*create, environ={"TAGSTREAM_NAMESPACE": ""}).out
    parsed = [parse(words, environ) for words in (["events"], ["events", "--stack", "given"])]
    assert [one.stack for one in parsed if one] == ["other", "given"]


def test_a_namespace_of_the_environment_is_not_frozen_by_accident() -> None:
    assert command("freeze", environ={"TAGSTREAM_NAMESPACE": "apps"}, ports=MemoryPorts()).code == 1
