"""Runs the command line and sam in processes of their own, and reads which rights of AWS they used."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.house.source_files import ROOT

TIMEOUT_S = 300
# A stack of one queue, which is enough to see what sam itself asks of AWS.
SMALL = """
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Queue: {Type: "AWS::SQS::Queue"}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The rights that were used, those that AWS did not grant, and what failed commands wrote, by the command."""

    used: frozenset[str]
    refused: frozenset[str]
    failed: Mapping[str, str]


def leave_dead_letters(sqs: Any, outputs: Mapping[str, str]) -> None:
    """Put a message into each dead-letter queue of a stack, so that `redrive` has something to do.

    Args:
        sqs: a client with the rights of an administrator.
        outputs: of the stack.
    """
    scan = {"repositories": ["policies/missing"], "reason": "try"}
    batch = {"requestContext": {"condition": "RetriesExhausted"}, "DDBStreamBatchInfo": {"batchSize": 1}}
    for name, body in (("ScanDeadLettersUrl", scan), ("UpdateDeadLettersUrl", batch)):
        sqs.send_message(QueueUrl=outputs[name], MessageBody=json.dumps(body))


def record_commands(stack: str, environ: Mapping[str, str], *commands: str) -> Recorded:
    """Run these commands of the command line, or one of every verb, with the credentials of an environment."""
    return _recorded(["tests.policies.commands", stack, *commands], environ, ROOT)


def record_sam(environ: Mapping[str, str], folder: Path, bucket: str = "") -> Recorded:
    """Deploy a small stack named ``small`` twice and delete it, as `make deploy` does.

    Args:
        environ: holds the region and the credentials.
        folder: an empty folder.
        bucket: the bucket for the code; if it is empty, sam makes one of its own.
    """
    (folder / "template.yaml").write_text(SMALL)
    where = ["--stack-name", "small", "--region", environ["AWS_DEFAULT_REGION"]]
    deploy = ["tests.policies.sam", "deploy", "--template-file", "template.yaml", "--no-progressbar"]
    deploy += [
        *(["--s3-bucket", bucket] if bucket else ["--resolve-s3"]),
        *where,
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
    ]
    delete = ["tests.policies.sam", "delete", *where, "--no-prompts"]
    runs = [_recorded(one, environ, folder) for one in (deploy, deploy, delete)]
    return Recorded(
        used=frozenset().union(*(one.used for one in runs)),
        refused=frozenset().union(*(one.refused for one in runs)),
        failed={key: text for one in runs for key, text in one.failed.items()},
    )


def _recorded(command: list[str], environ: Mapping[str, str], folder: Path) -> Recorded:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**environ, "PYTHONPATH": str(ROOT), "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "1"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    lines = done.stdout.splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(lines[-1])
    failed = told.get("failed", {}) or ({} if done.returncode == 0 else {" ".join(command[:2]): done.stderr[-2000:]})
    return Recorded(used=frozenset(told["used"]), refused=frozenset(told["refused"]), failed=failed)
