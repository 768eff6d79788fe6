"""Takes out of the vendor layer what no function reads: foreign service models, tests, scripts, build records.

In: the layer's site-packages. Out: the same folder, smaller; METADATA and WHEEL stay, so that versions, licences and
wheel tags can be read from the artifact.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

# The AWS services that the functions call; tests/house compares this with the clients that the code makes.
SERVICES = frozenset({"dynamodb", "sqs", "secretsmanager", "ecr", "ecr-public", "sts"})
# CEL extensions that Flux's environment does not have; each is a library of its own, of several megabytes.
UNREAD_EXTENSIONS = ("ext_bindings", "ext_math", "ext_proto")
UNREAD_FOLDERS = ("bin", "boto3/examples", "boto3/data/ec2", "boto3/data/cloudformation")
KEPT_METADATA = frozenset({"METADATA", "WHEEL", "LICENSE", "COPYING", "NOTICE", "entry_points.txt", "top_level.txt"})


def strip(site: Path) -> None:
    """Remove unread files below a site-packages folder.

    Args:
        site: the folder that wheels were unpacked into.
    """
    for folder in UNREAD_FOLDERS:
        shutil.rmtree(site / folder, ignore_errors=True)
    for name in UNREAD_EXTENSIONS:
        for path in (site / "cel_expr_python" / "ext").glob(f"{name}.*"):
            path.unlink()
    for model in (site / "botocore" / "data").iterdir():
        if model.is_dir() and model.name not in SERVICES:
            shutil.rmtree(model)
    for folder in [path for path in site.rglob("*") if path.is_dir() and path.name in {"__pycache__", "tests"}]:
        shutil.rmtree(folder, ignore_errors=True)
    for info in site.glob("*.dist-info"):
        for path in [path for path in info.iterdir() if path.is_file() and path.name not in KEPT_METADATA]:
            path.unlink()


if __name__ == "__main__":
    strip(Path(sys.argv[1]))
