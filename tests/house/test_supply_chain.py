"""The release holds what the lock names and nothing unexplained, and no file of the project holds a secret."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

from tests.embedded.aws import build
from tests.house.source_files import ROOT, tracked_files

# A recorded delivery of Google, long expired; headers of keys and of tokens that tests damage; and two inputs that
# fuzzing found: a key of zeros, and one that a test's own authority issued for a day.
KNOWN = {
    "events/webhook_gcr.json",
    "tests/data/fuzz/private-key/e5e43b39bc573890",
    "tests/data/fuzz/secret-material/be00f9ec2654b42b",
    "tests/fuzz/events.py",
    "tests/fuzz/git_servers.py",
    "tests/fuzz/registries.py",
    "tests/property/test_git_keys.py",
    "tests/unit/cli/test_verify_secrets.py",
}
# What these plugins find by entropy or by the word beside it is mostly test data.
NOISY = ("Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "BasicAuthDetector")


def _release(built: Path, target: Path) -> None:
    """Pack a release by a process of its own."""
    script = ROOT / "layers/release.py"
    subprocess.run([sys.executable, str(script), str(built), str(target)], check=True)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release; to pack one takes seconds."""
    folder = tmp_path_factory.mktemp("release")
    _release(build("lambda-arm64"), folder)
    return folder


def _checksums(release: Path) -> dict[str, str]:
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in release.iterdir()}


def test_the_same_build_is_packed_into_the_same_bytes(released: Path, tmp_path: Path) -> None:
    built, first = build("lambda-arm64"), _checksums(released)
    for path in built.rglob("*.py"):
        os.utime(path, (1e9, 1e9))
    _release(built, tmp_path)
    assert _checksums(tmp_path) == first
    assert {
        "CoreLayer.zip",
        "VendorLayer.zip",
        "HeavyLayer.zip",
        "template.yaml",
        "dashboard.yaml",
        "sbom.cdx.json",
        "SHA256SUMS",
    } <= set(first)


def test_the_packed_template_finds_what_it_includes_beside_itself(released: Path) -> None:
    assert re.findall(r"Location: (\S+)", (released / "template.yaml").read_text()) == ["dashboard.yaml"]
    assert (released / "dashboard.yaml").read_bytes() == (ROOT / "dashboard.yaml").read_bytes()


def test_a_packed_layer_holds_every_file_of_the_built_one(released: Path) -> None:
    layer = build("lambda-arm64") / "VendorLayer"
    with zipfile.ZipFile(released / "VendorLayer.zip") as packed:
        found = {name: packed.read(name) for name in packed.namelist()}
    assert found == {one.relative_to(layer).as_posix(): one.read_bytes() for one in layer.rglob("*") if one.is_file()}


def test_the_bill_of_materials_names_every_locked_package_with_licence_and_hashes(released: Path) -> None:
    bill = json.loads((released / "sbom.cdx.json").read_text())
    locked = (ROOT / "layers/vendor/requirements.txt").read_text().splitlines()
    names = {line.partition("==")[0].replace(".", "-") for line in locked if "==" in line and not line.startswith("#")}
    assert {one["name"].replace(".", "-") for one in bill["components"]} == names
    assert [one["name"] for one in bill["components"] if not one.get("licenses")] == []
    assert [one["name"] for one in bill["components"] if not one.get("hashes")] == []


def test_without_a_network_the_audit_of_packages_is_left_out_with_one_line() -> None:
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": ""}
    command = [sys.executable, "-m", "tests.known_vulnerabilities"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **nowhere})
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.startswith("pip-audit was left out: ")


def test_no_file_of_the_project_holds_a_secret() -> None:
    files = [path.relative_to(ROOT).as_posix() for path in tracked_files() if "vectors/data" not in path.as_posix()]
    files = _suspects(files)
    assert set(files) >= KNOWN
    options = [word for name in NOISY for word in ("--disable-plugin", name)]
    command = [sys.executable, "-m", "detect_secrets", "scan", *options, *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = {
        f"{name}:{one['line_number']}"
        for name, some in json.loads(done.stdout)["results"].items()
        for one in some
        if name not in KNOWN and not (one["type"] == "GitHub Token" and _is_a_word(name, one["line_number"]))
    }
    assert found == set()


def _suspects(files: Iterable[str]) -> list[str]:
    """The files with a match of any detector, however it would be judged.

    The detectors look at each line for itself, which takes long, and hardly any file has a match. What matches in a
    line matches in the whole text too, in which ``^`` and ``$`` stand for the ends of lines.
    """
    detectors = get_mapping_from_secret_type_to_class().values()
    patterns = [
        re.compile(one.pattern, one.flags | re.MULTILINE)
        for detector in detectors
        if detector.__name__ not in NOISY
        for one in detector.denylist
    ]
    texts = {name: (ROOT / name).read_text(errors="replace") for name in files}
    return [name for name, text in texts.items() if any(one.search(text) for one in patterns)]


def _is_a_word(name: str, line: int) -> bool:
    """Whether what looks like a GitHub token is part of a name: a real one stands in quotes or after an equals sign."""
    text = (ROOT / name).read_text().splitlines()[line - 1]
    return re.search(r"(?<![\w])gh[pousr]_\w{36}", text) is None
