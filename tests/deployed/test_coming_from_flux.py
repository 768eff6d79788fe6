"""Every command of docs/coming-from-flux.md works on the deployed stack, in the order of the page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.aws import EmbeddedStack
from tests.embedded.git_server import bare_repository
from tests.embedded.system import PASSWORD, USER, System, documents, servers
from tests.house.source_files import ROOT
from tests.unit.cli.coming_from.pages import GUIDE, commands, section
from tests.unit.cli.verbs.test_completion import completed

NAMESPACE = "coming-from-flux"
MARKED = f'image: web:1.0.0 # {{"$imagepolicy": "{NAMESPACE}:web"}}\n'.encode()
POLICY = {"imageRepositoryRef": {"name": "web"}, "policy": {"semver": {"range": "1.x"}}}
# These end when they are interrupted.
ENDLESS = ("--watch", "--follow")
# Other tests of the stack leave dead letters, which this reports.
MAY_FAIL = ("tagstream check",)


def _object(kind: str, name: str, group: str, **spec: object) -> dict[str, object]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": f"{group}.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.fixture
def system(stack: EmbeddedStack, tmp_path: Path) -> Iterator[System]:
    """A stack with an image, a policy that selects its tag, and an automation that commits it."""
    with servers(tmp_path) as (registry, git):
        bare_repository(tmp_path, "apps.git", {"app.yaml": MARKED})
        built = System(stack=stack, registry=registry.address)
        image = f"{registry.address}/org/web"
        built.push(image, "1.1.0")
        login = {"username": USER, "password": PASSWORD}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": NAMESPACE}}
        url = f"http://{git.address}/apps.git"
        git_spec = {"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "bot@example.com"}}}
        objects = documents(
            {**secret, "stringData": login},
            _object("ImageRepository", "web", "image", image=image, interval="1h"),
            _object("ImagePolicy", "web", "image", **POLICY),
            _object("GitRepository", "apps", "source", url=url, interval="1h", secretRef={"name": "login"}),
            _object(
                "ImageUpdateAutomation",
                "apps",
                "image",
                interval="1h",
                sourceRef={"kind": "GitRepository", "name": "apps"},
                git=git_spec,
                update={"path": "./"},
            ),
        )
        built.cli("apply", "-f", "-", stdin=objects)
        built.cli("reconcile", "image", "repository", "web", "-n", NAMESPACE)
        yield built


def _environ(stack: EmbeddedStack) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return {**kept, **stack.environ, "TAGSTREAM_STACK": stack.name, "TAGSTREAM_NAMESPACE": NAMESPACE}


# What a shell runs in the background ignores the signal of ^C, and so would what the tests start.
LISTENING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("tagstream.cli", run_name="__main__")
"""


def _interrupted(line: str, environ: dict[str, str]) -> int:
    """Run a command that does not end, until it has printed a line; it has half a minute to end then."""
    command = [sys.executable, "-c", LISTENING, *line.split()[1:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return process.returncode


def test_every_command_of_the_guide_works_here(system: System) -> None:
    environ = _environ(system.stack)
    lines = commands(section(GUIDE, "The guide's commands")) + commands(section(GUIDE, "When nothing is updated"))
    endless = [line for line in lines if line.endswith(ENDLESS)]
    ending = [line for line in lines if line not in endless]
    given = json.dumps([line.partition(" | ")[0] for line in ending])
    done = subprocess.run(
        [sys.executable, "-m", "tests.embedded.command_lines"],
        input=given, capture_output=True, text=True, env=environ, cwd=ROOT, check=True,
    )  # fmt: skip
    results = dict(zip(ending, json.loads(done.stdout), strict=True))
    failed = {line: result for line, result in results.items() if result["code"] and line not in MAY_FAIL}
    assert failed == {}
    piped = next(line for line in ending if " | jq " in line)
    assert json.loads(results[piped]["out"])["status"]["latestRef"]["tag"] == "1.1.0"
    assert piped.endswith("| jq .status.latestRef")
    assert "webhook     \tok" in results["tagstream check"]["out"], results["tagstream check"]["out"]
    assert len(endless) == 2
    assert [_interrupted(line, environ) for line in endless] == [130, 130]
    assert "web" in completed("tagstream describe image repository w", **environ)
