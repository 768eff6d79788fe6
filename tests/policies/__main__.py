"""Records the policies of docs/policies anew (`make policies`), on an embedded AWS that refuses nothing."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.embedded.aws import running
from tests.policies.documents import CLI, DEPLOYER, VIEWER, cli_policy, deployer_policy, viewer_policy, write
from tests.policies.record import leave_dead_letters, record_commands, record_sam


def main() -> int:
    """Write all policies."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    with running() as aws, tempfile.TemporaryDirectory() as folder:
        stack = aws.deploy()
        leave_dead_letters(stack.client("sqs"), stack.outputs)
        write(CLI, cli_policy(record_commands(stack.name, {**kept, **stack.environ}).used))
        write(DEPLOYER, deployer_policy(record_sam(aws.environ, Path(folder)).used))
    write(VIEWER, viewer_policy())
    print(f"wrote {CLI}, {DEPLOYER} and {VIEWER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
