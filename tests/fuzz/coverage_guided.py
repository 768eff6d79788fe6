"""One target under atheris, in a process of its own: atheris ends the process that it runs in.

It prints the number of executions, and leaves each input that breaks the parser in the folder of findings.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["tagstream", "gocompat"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz the target that the first argument names; the others are libFuzzer's."""
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target.accepts)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
