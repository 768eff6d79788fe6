"""``tagstream tree --markers`` reads the branches of automations, and writes nothing."""

from __future__ import annotations

from pathlib import Path

from tagstream.ports.bundle import Ports
from tests.contract.mortal_ports import Life
from tests.contract.reconciling import APP, automated, document
from tests.embedded.single_writes import put_status
from tests.unit.cli.memory_ports import command


def test_files_and_markers_of_the_branch_stand_below_the_automation(ports: Ports, repository: tuple[str, Path]) -> None:
    automated(ports, repository[0])
    ports.objects.put(document("ImageRepository", image="registry.example.com/app", interval="1m"))
    ports.objects.put(document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}}))
    life = Life()
    done = command("tree", "-n", "ns", "--markers", ports=life.ports(ports))
    assert done.code == 0, done.err
    assert done.out.splitlines()[-2:] == [
        "        └── app.yaml",
        "            └── line 1 ns:app: nothing selected",
    ]
    writes = ("put", "put_each", "put_statuses", "replace_statuses", "annotate", "record", "push")
    written = [one for one in life.calls if one.split(".")[-1] in writes]
    assert written == []


def test_the_request_of_a_policy_s_branch_stands_below_its_automation(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    automated(ports, repository[0], branch="images/{{ .Policy }}")
    ports.objects.put(document("ImageRepository", image="registry.example.com/app", interval="1m"))
    ports.objects.put(document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}}))
    request = {"number": "7", "url": "https://git.example/pull/7", "state": "open"}
    others = {"number": "8", "url": "https://git.example/pull/8", "state": "open"}
    branches = [
        {"branch": "images/app", "policies": ["app"], "pullRequest": request},
        {"branch": "images/api", "policies": ["api"], "pullRequest": others},
    ]
    put_status(ports.objects, "ImageUpdateAutomation", APP, {"pushBranches": branches})
    done = command("tree", "-n", "ns", ports=ports)
    assert done.out.splitlines()[-1] == "        └── pull request #7 open https://git.example/pull/7"
