"""Packs what `sam build` made into a release: one zip per layer and function, a bill of materials and checksums.

The same build gives the same bytes: entries are sorted, and times and permissions are fixed.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

# The earliest time that a zip can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)
# Files that the template includes by AWS::Include; the layers' and functions' folders have other members.
_INCLUDED = re.compile(r"Name: AWS::Include\n +Parameters:\n +Location: (\S+)\n")
LOCK = Path(__file__).parent / "vendor" / "requirements.txt"


def pack(folder: Path, target: Path) -> None:
    """Write a folder as a zip whose bytes depend on names and contents alone.

    Args:
        folder: of one layer or function.
        target: the zip file, which is replaced.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            runs = path.stat().st_mode & stat.S_IXUSR
            entry.external_attr = (stat.S_IFREG | (0o755 if runs else 0o644)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def bill_of_materials(built: Path, lock: Path = LOCK) -> str:
    """The packages of all layers as CycloneDX JSON, each with its licence and the hashes that the lock admits.

    Args:
        built: the folder of `sam build`.
        lock: requirements with hashes.
    """
    hashes = dict(_locked_hashes(lock))
    bom = Bom()
    product = Component(name="tagstream", type=ComponentType.APPLICATION, bom_ref="tagstream")
    bom.metadata.component = product
    sites = sorted(built.glob("*Layer/python"))
    packages = [_component(one, hashes) for site in sites for one in distributions(path=[str(site)])]
    bom.components.update(packages)
    bom.register_dependency(product, packages)
    found = json.loads(JsonV1Dot6(bom).output_as_string())
    # A serial number and a time would make two bills of the same packages differ.
    found.pop("serialNumber", None)
    found["metadata"].pop("timestamp", None)
    return json.dumps(found, indent=2, sort_keys=True) + "\n"


def _component(package: Distribution, hashes: dict[str, tuple[str, ...]]) -> Component:
    name = package.name.lower().replace("_", "-")
    purl = PackageURL("pypi", None, name.replace(".", "-"), package.version)
    found = Component(name=name, version=package.version, type=ComponentType.LIBRARY, purl=purl, bom_ref=str(purl))
    licence = _licence(package)
    if licence:
        found.licenses.add(LicenseFactory().make_from_string(licence))
    for digest in hashes.get(name.replace(".", "-"), ()):
        found.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=digest))
    return found


def _licence(package: Distribution) -> str:
    """The licence as the package states it: an expression, a text of one line, or a classifier."""
    stated = [*(package.metadata.get_all("License-Expression") or ()), *(package.metadata.get_all("License") or ())]
    classifiers = package.metadata.get_all("Classifier") or ()
    stated += [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License ::")]
    return next((line for one in stated for line in one.splitlines()[:1] if line), "")


def _locked_hashes(lock: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for block in lock.read_text().replace("\\\n", " ").splitlines():
        name, separator, rest = block.partition("==")
        if separator and not block.startswith("#"):
            digests = [word.removeprefix("--hash=sha256:") for word in rest.split() if word.startswith("--hash=")]
            yield name.strip().replace(".", "-"), tuple(sorted(digests))


def _write_template(built: Path, target: Path) -> None:
    """The template and the files that it includes, side by side."""
    text = (built / "template.yaml").read_text()
    for location in sorted(set(_INCLUDED.findall(text))):
        included = Path(built / location)
        (target / included.name).write_bytes(included.read_bytes())
        text = text.replace(f"Location: {location}\n", f"Location: {included.name}\n")
    (target / "template.yaml").write_text(text)


def release(built: Path, target: Path) -> None:
    """Write the whole release.

    Args:
        built: the folder of `sam build`.
        target: the folder of the release; files of the same names are replaced.
    """
    target.mkdir(parents=True, exist_ok=True)
    for folder in sorted(one for one in built.iterdir() if one.is_dir()):
        pack(folder, target / f"{folder.name}.zip")
    _write_template(built, target)
    (target / "sbom.cdx.json").write_text(bill_of_materials(built))
    files = sorted(one for one in target.iterdir() if one.is_file() and one.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files]
    (target / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    release(Path(sys.argv[1]), Path(sys.argv[2]))
