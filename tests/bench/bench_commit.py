"""Measures one update over HTTP: bytes, requests, time and memory, beside Git's cost of the same commit.

The repositories are generated and served by `git http-backend`. They are also updated with `git clone --depth 1`, an
edit, a commit and a push, with the cheapest clone that Git offers (`--filter=blob:none --sparse` with the one folder
that is edited), and with Flux's own Git client and kyaml. All sides take turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from tests.bench.flux_driver import Flux
from tests.bench.repository import MARKED, changed_by_others, generate
from tests.bench.row import Row
from tests.bench.timing import shown
from tests.embedded.git_server import IDENTITY, GitServer, git, git_server

LAMBDA_MB = 512
HISTORY_MB = 500
ROUNDS = 3
FLUX = "Flux's Git client and kyaml"
SIZES = {"small": (50, 0), "medium": (5_000, 0), "large": (50_000, HISTORY_MB)}
_UPDATE = """
import json, resource, sys, time
from datetime import UTC, datetime
from tagstream.adapters.git.remote import GitClient
from tagstream.domain.objects.model import GitRef, ImageRef, NamespacedName
from tagstream.domain.setters.plan import apply_edits, has_marker, is_candidate, plan_file
from tagstream.ports.git import CommitText, GitAccess, RefUpdate
url = sys.argv[1]
refs = {NamespacedName("ns", "app"): ImageRef(name="app", tag="v2.0.0")}
text = CommitText(author_name="bot", author_email="b@c", message=b"Update", time=datetime.now(UTC))
client = GitClient()
def update():
    session = client.open(GitAccess(url=url), {b"refs/heads/main"})
    head = session.resolve(GitRef(branch="main")).commit
    session.fetch(head, {"deploy"})
    files = [one for one in session.files(head, "deploy") if is_candidate(one.path)]
    blobs = session.read({one.blob for one in files})
    edits = {}
    for one in files:
        source = blobs[one.blob]
        if has_marker(source):
            edits[one.path] = apply_edits(source, plan_file(one.path, source, refs).edits)
    made = session.commit(head, edits, text)
    session.push([RefUpdate(ref=b"refs/heads/main", old=head, new=made)], {})
def look():
    client.open(GitAccess(url=url), {b"refs/heads/main"}).resolve(GitRef(branch="main"))
for line in sys.stdin:
    begin = time.perf_counter()
    {"update": update, "look": look}[line.strip()]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": time.perf_counter() - begin, "peak": peak}), flush=True)
"""
_PEAK = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run(sys.argv[1], shell=True, capture_output=True, text=True)
if done.returncode:
    sys.exit(done.stderr)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(json.dumps({"seconds": time.perf_counter() - begin, "peak": peak}))
"""
_EDIT = (
    "grep -rlF '\"$imagepolicy\"' deploy | xargs sed -i 's|app:v1.0.0 #|app:v2.0.0 #|'"
    " && git commit -qam Update && git push -q origin HEAD:main"
)
SHALLOW = "git clone -q --depth 1 {url} work && cd work && " + _EDIT
SPARSE = (
    "git clone -q --depth 1 --filter=blob:none --sparse {url} work && cd work"
    " && git sparse-checkout set deploy && " + _EDIT
)


@dataclass(frozen=True)
class Cost:
    """The cost of one update."""

    size: int
    requests: int
    seconds: float
    peak_mb: int


def _updated(files: int, history_mb: int, flux: Flux | None) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        generate(root / "repository.git", files, history_mb)
        history = f", {history_mb} MB of history" if history_mb else ""
        yield from _compared(root, files, f"{files:,} files{history}", flux)


def _compared(root: Path, files: int, what: str, flux: Flux | None) -> Iterator[Row]:
    with git_server(root) as server:
        url = server.url("repository.git")
        ways: dict[str, Callable[[], tuple[float, int]]] = {
            "git clone --depth 1, edit, commit, push": partial(_peer, SHALLOW.format(url=url)),
            "git clone --filter=blob:none --sparse, edit, commit, push": partial(_peer, SPARSE.format(url=url)),
        }
        if flux is not None:
            images = {"ns:app": "app:v2.0.0"}
            inputs = {"url": url, "branch": "main", "path": "deploy", "folder": str(root), "images": images}

            def updated() -> tuple[float, int]:
                return flux.ask("update", MARKED, **inputs).wall, 0

            ways[FLUX] = updated
        costs: dict[str, list[Cost]] = {name: [] for name in ("cold", "warm", *ways)}
        for _ in range(ROUNDS):
            with _container(url) as container:
                costs["cold"].append(_cost(server, root, lambda: _asked(container, "update")))
                changed_by_others(root / "repository.git", files)
                costs["warm"].append(_cost(server, root, lambda: _asked(container, "update")))
                server.requests.clear()
                _asked(container, "look")
                looks = len(server.requests)
            for name, way in ways.items():
                costs[name].append(_cost(server, root, way))
    for state in ("cold", "warm"):
        yield from (_row(f"commit, {what}, {state}", costs[state], name, costs[name]) for name in ways)
    peak_mb = max(one.peak_mb for one in costs["warm"])
    yield Row(what=f"commit, {what}: memory in MB", ours=f"{peak_mb} MB", value=peak_mb, goal=LAMBDA_MB)
    yield Row(what=f"nothing changed, {what}: requests", ours=str(looks), value=looks, goal=1)


def _row(what: str, ours: Sequence[Cost], name: str, theirs: Sequence[Cost]) -> Row:
    return Row(
        what=what,
        ours=_shown(ours),
        rival=name,
        theirs=_shown(theirs),
        value=median(one.seconds / other.seconds for one, other in zip(ours, theirs, strict=True)),
        goal=1.0 if name == FLUX else None,
    )


def _shown(costs: Sequence[Cost]) -> str:
    seconds, size = median(one.seconds for one in costs), median(one.size for one in costs)
    return f"{shown(seconds)} ({size / 1024:,.0f} KB, {costs[-1].requests} requests)"


def _cost(server: GitServer, root: Path, update: Callable[[], tuple[float, int]]) -> Cost:
    """Measure one update of the repository, then restore the repository."""
    bare = root / "repository.git"
    head = git("rev-parse", "main", folder=bare).strip()
    server.requests.clear()
    server.bytes_in = server.bytes_out = 0
    seconds, peak_mb = update()
    size = server.bytes_in + server.bytes_out
    found = Cost(size=size, requests=len(server.requests), seconds=seconds, peak_mb=peak_mb)
    changed = git("diff", "--name-only", head, "main", folder=bare).split()
    if len(changed) != MARKED:
        raise RuntimeError(f"{len(changed)} files changed instead of {MARKED}")
    git("update-ref", "refs/heads/main", head, folder=bare)
    return found


@contextmanager
def _container(url: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that stays, as a warm Lambda environment does; it obeys commands line by line."""
    command = [sys.executable, "-c", _UPDATE, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        if process.stdin:
            process.stdin.close()


def _asked(process: subprocess.Popen[str], what: str) -> tuple[float, int]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process has no pipes")
    process.stdin.write(what + "\n")
    process.stdin.flush()
    found = json.loads(process.stdout.readline())
    return found["seconds"], found["peak"]


def _peer(command: str) -> tuple[float, int]:
    with tempfile.TemporaryDirectory() as folder:
        found = json.loads(_run([sys.executable, "-c", _PEAK, command], Path(folder)))
    return found["seconds"], found["peak"]


def _run(command: list[str], folder: Path) -> str:
    environ = {**os.environ, **IDENTITY}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout


BENCHES = {f"commit-{name}": partial(_updated, *size) for name, size in SIZES.items()}
