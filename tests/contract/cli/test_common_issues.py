"""Each of the four common issues of image automation is found with the command that docs/coming-from-flux.md gives."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tagstream.ports.bundle import Ports
from tests.contract.reconciling import MARKED, automated, document, run, scan, selection, watched
from tests.embedded.git_server import bare_repository, git_server
from tests.embedded.registry import Registry
from tests.embedded.single_writes import put_selection
from tests.unit.cli.coming_from.pages import GUIDE, section
from tests.unit.cli.memory_ports import command


def found_by(issue: str, ports: Ports) -> str:
    """What the command of the page's row prints; ``web`` and ``apps`` of the page are called ``app`` here."""
    row = next(line for line in section(GUIDE, "When nothing is updated").splitlines() if line.startswith(f"| {issue}"))
    line = re.findall(r"`tagstream ([^`]+)`", row)[0]
    words = ["app" if word in ("web", "apps") else word for word in shlex.split(line)]
    done = command(*words, "-n", "ns", ports=ports)
    return done.out + done.err


def test_images_are_not_detected(ports: Ports, registry: Registry) -> None:
    ports.objects.put(document("ImageRepository", image=f"{registry.address}/mistyped", interval="1m"))
    scan(ports)
    told = found_by("images are not detected", ports)
    assert "Ready: False" in told
    assert "NAME_UNKNOWN" in told


def test_the_policy_does_not_match(ports: Ports, registry: Registry) -> None:
    watched(ports, registry, semver="2.x")
    scan(ports)
    told = found_by("the policy does not match", ports)
    assert "out of range" in told
    assert "unable to determine latest version from provided list" in told


def test_git_automation_does_not_work(ports: Ports) -> None:
    automated(ports, "http://127.0.0.1:1/apps.git")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    told = found_by("Git automation does not work", ports)
    assert "Ready: False (GitOperationFailed" in told


def test_the_deployment_is_not_updated(ports: Ports, registry: Registry, tmp_path: Path) -> None:
    misspelt = MARKED.replace(b"ns:app", b"ns:aap")
    bare_repository(tmp_path, "app.git", {"app.yaml": misspelt})
    watched(ports, registry)
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"))
        told = found_by("the deployment is not updated", ports)
    assert "ImageUpdateAutomation/ns/app" in told
    assert "no marker names ns:app" in told
