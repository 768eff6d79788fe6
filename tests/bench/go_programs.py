"""Builds the rivals that are written in Go, each from a folder of this one with its go.mod.

Without Go, or when the modules cannot be fetched, there are none; the rows that need them are left out, saying so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT = HERE.parents[1] / ".bench"
BUILD_TIMEOUT_S = 1_800


class NotBuilt(RuntimeError):
    """A program cannot be had here; the message says why."""


@cache
def program(folder: str, package: str = ".") -> Path:
    """Build a program, unless it is there already as Go's cache knows it.

    Args:
        folder: where its go.mod is, in this folder.
        package: what to build; a package of another module may be named by its path.

    Raises:
        NotBuilt: Go is not there, or could not build it.
    """
    path = BUILT / folder
    BUILT.mkdir(exist_ok=True)
    _go(folder, "build", "-mod=readonly", "-trimpath", "-o", str(path), package)
    return path


@cache
def source(folder: str, module: str, version: str = "") -> Path:
    """Where Go keeps the source of a module, which is fetched if it is not there yet.

    Args:
        folder: whose go.sum has its sum, in this folder.
        module: its path.
        version: of a module of which no program is made; otherwise it is the one in go.mod.

    Raises:
        NotBuilt: Go is not there, or could not fetch it.
    """
    wanted = f"{module}@{version}" if version else module
    return Path(json.loads(_go(folder, "mod", "download", "-json", wanted))["Dir"])


def _go(folder: str, *words: str) -> str:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise NotBuilt("Go is not installed")
    try:
        done = subprocess.run(
            [go, *words],
            cwd=HERE / folder,
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise NotBuilt(f"the modules of {folder} were not fetched and built in time") from error
    if done.returncode:
        said = done.stderr.strip() or "nothing"
        raise NotBuilt(f"`go {words[0]}` of {folder} failed: {said.splitlines()[-1][:200]}")
    return done.stdout
