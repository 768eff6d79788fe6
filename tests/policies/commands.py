"""Runs a command of every verb in one process, and records which rights their calls of AWS need.

`python -m tests.policies.commands STACK [COMMAND …]` does so with the credentials of the environment, and prints JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tagstream.adapters.store.label_index import MOST_LABELS
from tests.policies.recorder import Recorder

NAMESPACE = "policies"
MANIFESTS = """
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: policies}
stringData: {token: s3cret}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: app, namespace: policies}
spec: {image: 127.0.0.1:1/app, interval: 1h}
---
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: app, namespace: policies}
spec: {type: generic-hmac, secretRef: {name: token}, resources: [{kind: ImageRepository, name: app}]}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: labelled, namespace: policies, labels: {LABELS}}
spec: {imageRepositoryRef: {name: app}, policy: {alphabetical: {}}}
""".replace("LABELS", ", ".join(f"label-{number}: a" for number in range(MOST_LABELS + 2)))
# What `diff` and `lint` find in the folder.
MARKED_BY = """
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: app, namespace: policies}
spec:
  interval: 1h
  sourceRef: {kind: GitRepository, name: app}
  git: {checkout: {ref: {branch: main}}, commit: {author: {email: a@example.com}}}
  update: {path: ./}
"""
# A line for every verb, in an order in which each finds what it needs. No registry or Git server answers them: some
# fail, after every call of AWS. "{folder}" is a folder with the manifest above.
COMMANDS = (
    "apply -f -",
    "apply -f -",
    "create source git app --url=http://127.0.0.1:1/app.git --branch=main",
    "create image repository app --image=127.0.0.1:1/app --interval=1h",
    "create image policy app --image-ref=app --select-semver=>=1.0.0",
    "create image update app --git-repo-ref=app --checkout-branch=main --author-name=a --author-email=a@example.com",
    "bootstrap --url=http://127.0.0.1:1/app.git --branch=main --path=fleet --timeout=1s",
    "create alert-provider app --type=generic --address=http://127.0.0.1:1/x",
    "create alert app --provider-ref=app --event-source=ImagePolicy/*",
    "create secret git a --username=a --password=b --url=https://git.example.com/app.git",
    "create secret oci b --url=registry.example.com --username=a --password=b",
    "create secret proxy d --address=http://127.0.0.1:1",
    "create secret receiver token --token=other",
    "create secret generic e --from-literal=a=b",
    "create secret generic e --from-literal=a=c",
    "get images all",
    "get all -o name",
    "get images repository app -o yaml",
    "get receivers",
    "get secrets",
    "describe image policy app",
    "tree app",
    "dashboard -A -o html",
    "annotate image policy app team=a",
    "create receiver other --type=generic --secret-ref=token --resource=ImageRepository/app",
    "version",
    "check",
    "redrive update",
    "redrive scan --retry",
    "redrive --drop -s",
    "export all",
    "reconcile image repository app --timeout=1s",
    "suspend image update app",
    "resume image update app --no-wait",
    "freeze automation app --reason=try --no-wait",
    "thaw automation app",
    "hold policy app --no-wait",
    "pin policy app 1.0.0 --no-wait",
    "rollback policy app --no-wait",
    "unpin policy app --no-wait",
    "export image repository --all",
    "events",
    "logs --since=1m",
    "webhook-url app",
    "explain policy app",
    "backtest policy app",
    "preview app",
    "diff --objects {folder} --repo {folder}",
    "lint --objects {folder} --repo {folder}",
    "completion bash",
    "delete image update app -s",
    "delete image policy app -s",
    "delete image policy labelled -s",
    "delete image repository app -s",
    "reconcile kustomization fleet --timeout=1s",
    "suspend kustomization fleet",
    "delete kustomization fleet -s",
    "delete source git app -s",
    "delete receiver app -s",
    "delete secret e -s",
)


def run(stack: str, folder: Path, commands: Sequence[str] = COMMANDS) -> dict[str, Any]:
    """Run the commands; return the rights used and refused, and what each failed command wrote."""
    from tagstream.cli import main

    (folder / "objects.yaml").write_text(MARKED_BY)
    recorder, failed = Recorder(), {}
    with recorder.recording():
        for line in commands:
            words = [word.format(folder=folder) for word in line.split()]
            sys.stdin = io.StringIO(MANIFESTS)
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                code = main(["--stack", stack, *words, "-n", NAMESPACE])
            if code:
                failed[line] = out.getvalue()
    return {"used": sorted(recorder.used), "refused": sorted(recorder.refused), "failed": failed}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as empty:
        print(json.dumps(run(sys.argv[1], Path(empty), sys.argv[2:] or COMMANDS)))
