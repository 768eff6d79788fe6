"""Runs `sam` in this process, and records which rights its calls of AWS need.

`python -m tests.policies.sam deploy …` takes sam's own arguments; the last line of its output is JSON.
"""

from __future__ import annotations

import json
import sys

from samcli.cli.main import cli

from tests.policies.recorder import Recorder


def main() -> int:
    """Return sam's exit code."""
    recorder, code = Recorder(), 0
    with recorder.recording():
        try:
            cli(sys.argv[1:], standalone_mode=False)
        except SystemExit as ended:
            code = int(ended.code or 0)
        except Exception as error:
            # sam leaves what it does not expect to the interpreter; the rights are to be told all the same.
            print(error, file=sys.stderr)
            code = 1
    print(json.dumps({"used": sorted(recorder.used), "refused": sorted(recorder.refused)}))
    return code


if __name__ == "__main__":
    sys.exit(main())
