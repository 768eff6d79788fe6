"""Runs command lines of ours in one process: reads a JSON list of them, and prints code and output of each.

`python -m tests.embedded.command_lines` does so with the stack and the credentials of the environment.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import sys


def main() -> None:
    """Run the lines of stdin."""
    from tagstream.cli import main as run

    results = []
    for line in json.load(sys.stdin):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(shlex.split(line)[1:])
        results.append({"code": code, "out": out.getvalue(), "err": err.getvalue()})
    print(json.dumps(results))


if __name__ == "__main__":
    main()
