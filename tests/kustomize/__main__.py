"""Records what kustomize builds of each case: ``python -m tests.kustomize`` with kustomize 5 on the PATH."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

from tests.kustomize.cases import DATA, Case, cases


def built(case: Case) -> list[object] | None:
    """What kustomize prints; None if it refuses.

    ``--load-restrictor`` is as Flux has it, and the order is that of the files.
    """
    with tempfile.TemporaryDirectory() as folder:
        for path, text in case.files.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        command = ["kustomize", "build", "--load-restrictor", "LoadRestrictionsNone", str(Path(folder) / case.root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode else list(YAML(typ="safe", pure=True).load_all(done.stdout))


if __name__ == "__main__":
    recorded = {case.name: built(case) for case in cases()}
    (DATA / "answers.json").write_text(json.dumps(recorded, indent=1) + "\n")
