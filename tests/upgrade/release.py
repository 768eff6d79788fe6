"""The last release: its sources from the history of this repository, and what `sam build` makes of them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.embedded.aws import ROOT, embedded_template

LAST_RELEASE = "51b8ae0"
"""The commit that an upgrade begins from; a release moves it."""


def built_release(commit: str, folder: Path) -> Path:
    """Build a commit for this machine; return the template that the embedded AWS takes.

    Raises:
        SystemExit: the history lacks the commit, or sam has failed.
    """
    folder.mkdir()
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        sys.exit(f"the history of this checkout lacks {commit}: {packed.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    environ = {**os.environ, "TAGSTREAM_BUILD_TARGET": "host", "PYTHON": sys.executable, "SAM_CLI_TELEMETRY": "0"}
    sam = Path(sys.executable).with_name("sam")
    done = subprocess.run([str(sam), "build"], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"sam build of {commit} failed\n{(done.stdout + done.stderr)[-4000:]}")
    return embedded_template(folder / ".aws-sam" / "build")
