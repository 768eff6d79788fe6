"""Runs tagstream's command line as a person does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.aws_check.report import StepFailed
from tests.aws_check.site import Site

ROOT = Path(__file__).resolve().parents[2]
# The command line itself waits for five minutes at most.
TIMEOUT_S = 330


def tagstream(site: Site, stack: str, *arguments: str, stdin: bytes = b"") -> str:
    """Run a command and return its output.

    Raises:
        StepFailed: the exit code is not 0; the message has the output.
    """
    command = [sys.executable, "-m", "tagstream.cli", "--stack", stack, *arguments]
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        env=dict(site.environ),
        cwd=ROOT,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).decode()[-2000:]
        raise StepFailed(f"tagstream {' '.join(arguments)} ended with {done.returncode}: {said}")
    return done.stdout.decode()
