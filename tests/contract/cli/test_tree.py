"""``tagstream tree --markers`` reads the branches of automations, and writes nothing."""

from __future__ import annotations

from pathlib import Path

from tagstream.ports.bundle import Ports
from tests.contract.mortal_ports import Life
from tests.contract.reconciling import automated, document
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
    written = [one for one in life.calls if one.split(".")[-1] in ("put", "put_status", "annotate", "record", "push")]
    assert written == []
