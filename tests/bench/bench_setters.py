"""Measures setters beside `git grep -l | xargs sed`, beside `sed`, and beside the time of Flux's own setter.

The manifests are generated. Flux's setter (kyaml 0.21, Go 1.24, the whole process), measured once, took 5.4 times as
long as `git grep | xargs sed` for 5,000 files of which 200 are marked, 88 to 115 times as long as `sed` for 1 MB with
5,000 markers in as many documents, and 90 times as long for one document of 10 MB. These ratios hold on other machines;
the times do not.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tagstream.cli.worktree import marked_files
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.plan import apply_edits, has_marker, plan_file
from tests.embedded.git_server import git

ROUNDS = 7
FILES, MARKED = 5_000, 200
KEY = NamespacedName("flux-system", "app")
REFS = {KEY: ImageRef(name="ghcr.io/org/app", tag="v2.0.0")}
MARKER = '# {"$imagepolicy": "flux-system:app"}'
# sed finds the marker, as a setter does; finding the old value would need to know it.
SED = f"s|image: [^ ]* {MARKER}|image: ghcr.io/org/app:v2.0.0 {MARKER}|"
# Flux's times as multiples of the comparison's, from the docstring above.
FLUX = {"files": 5.4, "markers": 88.0, "large": 90.0}
MIB = 2**20


def rows() -> Iterator[tuple[str, str, str]]:
    """Measure a folder of files, many markers in one file, and one marker in a large document."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _folder(folder / "many")
        many = b"".join(_document(number, marked=True) for number in range(5_000))
        yield _file(f"{len(many) / MIB:.1f} MB, 5,000 markers in 5,000 documents", folder, many, ("markers", 6))
        single = _single(MIB, 5_000)
        yield _file(f"{len(single) / MIB:.1f} MB, 5,000 markers in one document", folder, single, ("markers", 6))
        documents = b"".join(_document(number, marked=number == 20_000, lines=3) for number in range(25_000))
        yield _file(f"{len(documents) / MIB:.0f} MB, 25,000 documents, 1 marker", folder, documents, ("large", 10))
        large = _single(10 * MIB, 1)
        yield _file(f"{len(large) / MIB:.0f} MB, one document, 1 marker", folder, large, ("large", 10))


def _folder(folder: Path) -> Iterator[tuple[str, str, str]]:
    chance = random.Random(5)
    marked = set(chance.sample(range(FILES), MARKED))
    for number in range(FILES):
        path = folder / f"team-{number % 40}" / f"app-{number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_document(number, marked=number in marked, lines=30))
    git("init", "--quiet", folder=folder)
    git("add", ".", folder=folder)
    # The comparison discards its output, and tagstream keeps its edits in memory, so every round finds the same files.
    floor = f"git grep -lF '\"$imagepolicy\"' | xargs sed '{SED}' > /dev/null"
    ours, other = _side_by_side(lambda: _update(folder), lambda: _shell(floor, folder), MARKED)
    yield _row(f"{FILES:,} files from disk, {MARKED} marked", (ours, other), "git grep -l | xargs sed", ("files", 2))
    sources = [(str(path).encode(), path.read_bytes()) for path in sorted(folder.glob("*/*.yaml"))]
    ours, other = _side_by_side(
        lambda: sum(1 for path, source in sources if _edited(path, source) is not source),
        lambda: _shell(floor, folder),
        MARKED,
    )
    yield _row(f"{FILES:,} files in memory, {MARKED} marked", (ours, other), "git grep -l | xargs sed", ("files", 2))
    yield _written(folder, floor)


def _written(folder: Path, floor: str) -> tuple[str, str, str]:
    """Time the command line with the start of its interpreter. This row is not compared with Flux's setter."""
    objects = folder.parent / "objects.yaml"
    objects.write_text(OBJECTS)
    command = [sys.executable, "-m", "tagstream.cli", "diff", "--objects", str(objects), "--repo", str(folder)]
    command += ["--ref", f"{KEY}=ghcr.io/org/app:v2.0.0"]
    run = subprocess.run([*command, "--write"], check=False, capture_output=True, text=True)
    changed = git("diff", "--name-only", folder=folder).split()
    if run.returncode or len(changed) != MARKED:
        raise AssertionError(f"the command line changed {len(changed)} files: {run.stderr}")
    git("checkout", "--quiet", ".", folder=folder)
    ours, other = _side_by_side(
        lambda: len([line for line in _output(command).splitlines() if line.startswith("+++")]),
        lambda: _shell(floor, folder),
        MARKED,
    )
    return f"tagstream diff, {FILES:,} files, whole process", f"{ours / other:.1f} x", "git grep -l | xargs sed"


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def _update(folder: Path) -> int:
    return sum(1 for file in marked_files(str(folder)) if _edited(file.path.encode(), file.source) is not file.source)


def _edited(path: bytes, source: bytes) -> bytes:
    return apply_edits(source, plan_file(path, source, REFS).edits) if has_marker(source) else source


def _file(name: str, folder: Path, content: bytes, goal: tuple[str, int]) -> tuple[str, str, str]:
    path = folder / "file.yaml"
    path.write_bytes(content)
    expected = content.count(MARKER.encode())

    def edit() -> int:
        source = path.read_bytes()
        plan = plan_file(b"file.yaml", source, REFS)
        apply_edits(source, plan.edits)
        return len(plan.changes)

    times = _side_by_side(edit, lambda: _shell(f"sed '{SED}' file.yaml > /dev/null", folder), expected)
    return _row(name, times, "sed", goal)


def _row(name: str, times: tuple[float, float], floor: str, goal: tuple[str, int]) -> tuple[str, str, str]:
    ours, other = times
    against = f"{floor} (goal {goal[1]} x), Flux's setter takes {FLUX[goal[0]] * other / ours:.0f} x our time"
    return name, f"{ours / other:.1f} x", against


def _shell(command: str, folder: Path) -> None:
    subprocess.run(command, shell=True, check=True, cwd=folder, capture_output=True)


def _side_by_side(ours: Callable[[], int], floor: Callable[[], object], expected: int) -> tuple[float, float]:
    """Return the best times of both, in seconds, taken in turns; tagstream must find every value that is to change."""
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        found = ours()
        between = time.perf_counter()
        floor()
        best = [min(best[0], between - begin), min(best[1], time.perf_counter() - between)]
        if found != expected:
            raise AssertionError(f"{found} changes instead of {expected}")
    return best[0], best[1]


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
