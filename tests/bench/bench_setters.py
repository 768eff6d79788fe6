"""Measures setters beside kyaml, which Flux's setter rests on, and beside `sed`.

All sides read the files and write those that have changed into another folder, which is new in each turn: to write over
files would measure how the disk gives their blocks back. The manifests are generated, but for the sample of a real
repository.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tagstream.cli.worktree import marked_files
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.plan import apply_edits, plan_file
from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import Taken, Work, in_turns, shown, timed_process, timed_whole
from tests.embedded.git_server import git
from tests.house.source_files import ROOT

ROUNDS = 7
FILES, MARKED = 5_000, 200
KEY = NamespacedName("flux-system", "app")
IMAGE = "ghcr.io/org/app:v2.0.0"
REFS = {KEY: ImageRef(name="ghcr.io/org/app", tag="v2.0.0")}
IMAGES = {"flux-system:app": IMAGE}
MARKER = '# {"$imagepolicy": "flux-system:app"}'
# sed finds the marker, as a setter does; finding the old value would need to know it.
SED = f"s|image: [^ ]* {MARKER}|image: {IMAGE} {MARKER}|"
SAMPLE = ROOT / "tests/data/harvis/k8s-manifests"
SAMPLE_COPIES = 50
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Manifests:
    """A folder of manifests, and how many of its files are to change."""

    folder: Path
    changed: int


def _compared(what: str, manifests: Manifests, flux: Flux | None) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        shell = "grep -rlF --include='*.yaml' '\"$imagepolicy\"' . | xargs sed"
        command = f"{shell} -s '{SED}' > '{out}/sed'"
        rivals: list[tuple[str, float | None, Work]] = [
            ("grep -l | xargs sed, whole processes", None, partial(_shell, command, manifests.folder))
        ]
        if flux is not None:
            inputs = {"folder": str(manifests.folder), "out": f"{out}/flux", "images": IMAGES}
            asked = partial(flux.ask, "set", manifests.changed, **inputs)
            rivals.append(("kyaml", 1.0, partial(_into, out / "flux", asked)))
        ours = partial(_into, out / "ours", partial(timed_whole, partial(_set, manifests, out / "ours")))
        for (rival, goal, _), found in zip(
            rivals, in_turns(ours, [work for _, _, work in rivals], ROUNDS), strict=True
        ):
            yield Row(
                what=f"setters, {what}, CPU",
                ours=shown(found.ours.cpu),
                rival=rival,
                theirs=shown(found.theirs.cpu),
                value=found.cpu_ratio,
                goal=goal,
            )


def _into(folder: Path, work: Work) -> Taken:
    """Do work that writes into a folder, which is empty at first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return work()


def _set(manifests: Manifests, out: Path) -> None:
    changed = 0
    for file in marked_files(str(manifests.folder)):
        made = apply_edits(file.source, plan_file(file.path.encode(), file.source, REFS).edits)
        if made != file.source:
            changed += 1
            path = out / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made)
    if changed != manifests.changed:
        raise AssertionError(f"{changed} files changed instead of {manifests.changed}")


def _shell(command: str, folder: Path) -> Taken:
    return timed_process(partial(subprocess.run, command, shell=True, check=True, cwd=folder, capture_output=True))


@contextmanager
def _many() -> Iterator[Manifests]:
    """5,000 files of which 200 are marked."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        marked = set(random.Random(5).sample(range(FILES), MARKED))
        for number in range(FILES):
            path = folder / f"team-{number % 40}" / f"app-{number}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_document(number, marked=number in marked, lines=30))
        git("init", "--quiet", folder=folder)
        git("add", ".", folder=folder)
        yield Manifests(folder, MARKED)


@contextmanager
def _one(content: bytes) -> Iterator[Manifests]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file.yaml").write_bytes(content)
        yield Manifests(folder, 1)


@contextmanager
def _samples() -> Iterator[Manifests]:
    """Copies of a real repository's manifests, in which every image is marked."""
    with tempfile.TemporaryDirectory() as name:
        for number in range(SAMPLE_COPIES):
            shutil.copytree(SAMPLE, Path(name) / f"copy-{number}")
        marked = [_mark(path) for path in Path(name).rglob("*.yaml")]
        yield Manifests(Path(name), sum(marked))


def _mark(path: Path) -> bool:
    """Mark every image of a file; whether there was one."""
    lines = path.read_text().splitlines()
    marked = [_marked(line) for line in lines]
    path.write_text("\n".join(marked) + "\n")
    return marked != lines


def _marked(line: str) -> str:
    key, _, value = line.partition("image: ")
    is_image = not key.strip(" -") and value and " " not in value
    return f"{line} {MARKER}" if is_image else line


def _folder(flux: Flux | None) -> Iterator[Row]:
    with _many() as manifests:
        yield from _compared(f"{FILES:,} files, {MARKED} marked", manifests, flux)


def _sample(flux: Flux | None) -> Iterator[Row]:
    with _samples() as manifests:
        yield from _compared(
            f"a real repository {SAMPLE_COPIES} times, {manifests.changed} files change", manifests, flux
        )


def _markers(flux: Flux | None) -> Iterator[Row]:
    many = b"".join(_document(number, marked=True) for number in range(5_000))
    with _one(many) as manifests:
        yield from _compared(f"{len(many) / MIB:.1f} MB, 5,000 markers in 5,000 documents", manifests, flux)
    single = _single(MIB, 5_000)
    with _one(single) as manifests:
        yield from _compared(f"{len(single) / MIB:.1f} MB, 5,000 markers in one document", manifests, flux)


def _large(flux: Flux | None) -> Iterator[Row]:
    documents = b"".join(_document(number, marked=number == 20_000, lines=3) for number in range(25_000))
    with _one(documents) as manifests:
        yield from _compared(f"{len(documents) / MIB:.0f} MB, 25,000 documents, 1 marker", manifests, flux)
    large = _single(10 * MIB, 1)
    with _one(large) as manifests:
        yield from _compared(f"{len(large) / MIB:.0f} MB, one document, 1 marker", manifests, flux)


def _diff(flux: Flux | None) -> Iterator[Row]:
    """`tagstream diff` as continuous integration calls it, with the start of all processes."""
    with _many() as manifests, tempfile.TemporaryDirectory() as name:
        out = Path(name)
        (out / "objects.yaml").write_text(OBJECTS)
        tagstream = [sys.executable, "-m", "tagstream.cli"]
        diff = [*tagstream, "diff", "--objects", f"{out}/objects.yaml", "--repo", str(manifests.folder)]
        diff += ["--ref", f"{KEY}={IMAGE}"]
        lint = [*tagstream, "lint", "--objects", f"{out}/objects.yaml", "--repo", str(manifests.folder)]
        if _process(diff).count("\n+++") != MARKED:
            raise AssertionError("the command line did not show every change")
        grep = f"git grep -lF '\"$imagepolicy\"' | xargs sed -s '{SED}' > '{out}/sed'"
        rivals: list[tuple[str, float | None, Work]] = [
            ("git grep -l | xargs sed", None, partial(_shell, grep, manifests.folder))
        ]
        if flux is not None:
            setter = [flux.path, "set", str(manifests.folder), f"{out}/flux", f"flux-system:app={IMAGE}"]
            (out / "flux").mkdir()
            rivals.append(("kyaml, a process", 1.0, partial(timed_process, partial(_process, setter))))
        works = [work for _, _, work in rivals]
        for verb, command in (("diff", diff), ("lint", lint)):
            ours = partial(timed_process, partial(_process, command))
            for (rival, goal, _), found in zip(rivals, in_turns(ours, works, ROUNDS), strict=True):
                yield Row(
                    what=f"tagstream {verb}, {FILES:,} files, start-up included, CPU",
                    ours=shown(found.ours.cpu),
                    rival=rival,
                    theirs=shown(found.theirs.cpu),
                    value=found.cpu_ratio,
                    goal=goal if verb == "diff" else None,
                )


def _process(command: list[str]) -> str:
    # An installed tagstream has its bytecode beside it, whatever this machine wants for its checkouts.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = str(ROOT / ".bench" / "bytecode")
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environ).stdout


def _document(number: int, *, marked: bool, lines: int = 0) -> bytes:
    """Make a Deployment; ``lines`` of settings make it longer."""
    comment = f" {MARKER}" if marked else ""
    settings = "".join(
        f"            - name: SETTING_{one}\n              value: 'value-{one}'\n" for one in range(lines)
    )
    return f"""---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{number}
  namespace: apps
spec:
  template:
    spec:
      containers:
        - name: app
          image: ghcr.io/org/app:v1.0.0{comment}
          env: {"" if lines else "[]"}
{settings}""".encode()


def _single(size: int, markers: int) -> bytes:
    """Make one document of about this many bytes, with its markers spread evenly over it."""
    count = size // 47
    every = max(1, count // markers)
    lines = ["apiVersion: example.com/v1\nkind: Table\nmetadata:\n  name: table\nrows:\n"]
    left = markers
    for number in range(count, 0, -1):
        mark = left > 0 and (number % every == 0 or number == 1)
        left -= mark
        image = f"ghcr.io/org/app:v1.0.0 {MARKER}" if mark else "ghcr.io/org/other:v1.2.3"
        lines.append(f"  - name: row-{number}\n    image: {image}\n")
    return "".join(lines).encode()


OBJECTS = """apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: app, namespace: flux-system}
spec: {image: ghcr.io/org/app, interval: 1m}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: app, namespace: flux-system}
spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: ">=1.0.0"}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: app, namespace: flux-system}
spec:
  interval: 5m
  sourceRef: {kind: GitRepository, name: app}
  git: {commit: {author: {email: flux@example.com}}, push: {branch: main}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: app, namespace: flux-system}
spec: {url: "https://git.example.com/app", interval: 1m}
"""


BENCHES = {
    "setters-folder": _folder,
    "setters-sample": _sample,
    "setters-markers": _markers,
    "setters-large": _large,
    "cli": _diff,
}
