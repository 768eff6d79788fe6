"""Makes the Git repositories in which the benchmarks commit."""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.embedded.git_server import git

MARKED = 50


def generate(bare: Path, files: int, history_mb: int) -> None:
    """Make a repository. A tenth of its files are YAML files below ``deploy``; its history does not compress."""
    bare.mkdir(parents=True)
    git("init", "--quiet", "--bare", ".", folder=bare)
    for setting in ("http.receivepack", "uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        git("config", setting, "true", folder=bare)
    with (bare / "import").open("wb") as stream:
        for part in _history(files, history_mb):
            stream.write(part)
    with (bare / "import").open("rb") as stream:
        subprocess.run(["git", "fast-import", "--quiet"], stdin=stream, cwd=bare, check=True, timeout=600)
    (bare / "import").unlink()
    git("symbolic-ref", "HEAD", "refs/heads/main", folder=bare)


def changed_by_others(bare: Path, files: int) -> None:
    """Commit as somebody else: change a manifest without a marker, if there is one, and a file elsewhere."""
    number = 10 * MARKED if files > 10 * MARKED else files
    path = f"deploy/team-{number % 40}/app-{number}.yaml"
    parts = [_commit(10**6), b"from refs/heads/main^0\n", f"M 100644 inline {path}\n".encode(), _data(b"kind: X\n")]
    parts += [b"M 100644 inline src/new.txt\n", _data(b"new\n")]
    subprocess.run(["git", "fast-import", "--quiet"], input=b"".join(parts), cwd=bare, check=True, timeout=60)


def _history(files: int, history_mb: int) -> Iterator[bytes]:
    entropy = random.Random(files)
    for number in range(history_mb):
        yield _commit(number)
        yield b"M 100644 inline assets/large.bin\n" + _data(entropy.randbytes(2**20))
    yield _commit(history_mb)
    if history_mb:
        yield b"M 100644 inline assets/large.bin\n" + _data(b"small by now\n")
    for number in range(files):
        if number % 10 == 0 or files <= MARKED:
            path = f"deploy/team-{number % 40}/app-{number}.yaml"
        else:
            path = f"src/module-{number % 400}/file-{number}.txt"
        yield f"M 100644 inline {path}\n".encode() + _data(_content(number, path))


def _content(number: int, path: str) -> bytes:
    noise = "".join(hashlib.sha256(f"{number}/{line}".encode()).hexdigest() + "\n# " for line in range(8))
    is_marked = path.endswith(".yaml") and number < 10 * MARKED
    marker = ' # {"$imagepolicy": "ns:app"}' if is_marked else ""
    return f"# {noise}\nimage: app:v1.0.0{marker}\n".encode()


def _commit(number: int) -> bytes:
    who = f"committer somebody <somebody@example.com> {1_700_000_000 + number} +0000\n"
    return f"commit refs/heads/main\n{who}".encode() + _data(f"change {number}\n".encode())


def _data(content: bytes) -> bytes:
    return b"data %d\n" % len(content) + content + b"\n"
