"""Takes out of a layer what another layer has, and what no function reads: foreign service models, tests, symbols.

METADATA and WHEEL stay, so that versions, licences and wheel tags can be read from the artifact.
"""

from __future__ import annotations

import shutil
import struct
import sys
from importlib.metadata import distributions
from pathlib import Path

# The webhook's cold start waits for its layer to be unpacked; tests/house holds this list to what it loads.
ALL_FUNCTIONS = frozenset(
    {
        *("aws-lambda-powertools", "boto3", "botocore", "jmespath", "python-dateutil", "six", "typing-extensions"),
        # boto3 cannot be imported without s3transfer.
        *("s3transfer", "urllib3"),
        # Loaded by the first delivery that needs them: tokens, filters.
        *("pyjwt", "cryptography", "cffi", "cel-expr-python"),
    }
)

# The AWS services that the functions call; tests/house compares this with the clients that the code makes.
SERVICES = frozenset(
    {"codecommit", "dynamodb", "ecr", "ecr-public", "events", "lambda", "secretsmanager", "sns", "sqs", "sts"}
)
# CEL extensions that Flux's environment does not have; each is a library of its own, of several megabytes.
UNREAD_EXTENSIONS = ("ext_bindings", "ext_math", "ext_proto")
# cffi builds extensions; at run time they need its _cffi_backend only. The CEL wheel for arm64 contains its own build.
UNREAD_FOLDERS = (
    *("bin", "boto3/examples", "cffi", "bazel-project"),
    # The models of boto3's resources, which no function makes.
    "boto3/data",
    "aws_lambda_powertools/event_handler",
)
# Types for type checkers, and examples of botocore's documentation.
UNREAD_FILES = ("*.pyi", "py.typed", "examples-1.json")
# Beside its log and its metrics, the functions use these utilities of Powertools; the others are most of its files.
READ_UTILITIES = frozenset({"batch", "data_classes", "idempotency", "jmespath_utils", "parameters", "typing"})
KEPT_METADATA = frozenset({"METADATA", "WHEEL", "LICENSE", "COPYING", "NOTICE", "entry_points.txt", "top_level.txt"})


def choose(site: Path, layer: str) -> None:
    """Keep the packages of one layer.

    Args:
        site: the folder that wheels were unpacked into.
        layer: ``vendor`` for those of all functions, ``heavy`` for the rest.
    """
    for package in list(distributions(path=[str(site)])):
        if (package.name.lower().replace("_", "-") in ALL_FUNCTIONS) is (layer == "vendor"):
            continue
        # Scripts are recorded with a path that leaves the folder; what pip made of it goes with ``bin``.
        for path in [site / one for one in package.files or () if ".." not in one.parts]:
            path.unlink(missing_ok=True)
    for folder in sorted((path for path in site.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


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
    for model in (site / "botocore" / "data").glob("*"):
        if model.is_dir() and model.name not in SERVICES:
            shutil.rmtree(model)
    for utility in (site / "aws_lambda_powertools/utilities").glob("*"):
        if utility.is_dir() and utility.name not in READ_UTILITIES:
            shutil.rmtree(utility)
    for found in [path for path in site.rglob("*") if path.is_dir() and path.name in {"__pycache__", "tests"}]:
        shutil.rmtree(found, ignore_errors=True)
    for info in site.glob("*.dist-info"):
        for path in [path for path in info.iterdir() if path.is_file() and path.name not in KEPT_METADATA]:
            path.unlink()
    for path in [path for pattern in UNREAD_FILES for path in site.rglob(pattern)]:
        path.unlink()
    for library in site.rglob("*.so"):
        library.write_bytes(loadable(library.read_bytes()))


def loadable(library: bytes) -> bytes:
    """A shared object without what only linkers and debuggers read: its symbol table and its section headers.

    A loader reads the program headers alone (System V ABI, "Program Loading"), and symbols are a quarter of a wheel.
    binutils' strip knows one machine only, so this is done here.

    Args:
        library: a little-endian 64-bit ELF file; anything else is left as it is.
    """
    if library[:6] != b"\x7fELF\x02\x01":
        return library
    table, size, count = *struct.unpack_from("<Q", library, 32), *struct.unpack_from("<HH", library, 54)
    # Of a program header: p_offset at 8, p_filesz at 32.
    ends = [sum(struct.unpack_from("<Q16xQ", library, table + at * size + 8)) for at in range(count)]
    # No section headers: e_shoff at 40, e_shnum and e_shstrndx at 60.
    header = library[:40] + bytes(8) + library[48:60] + bytes(4)
    return header + library[64 : max([*ends, table + size * count])]


if __name__ == "__main__":
    choose(Path(sys.argv[1]), sys.argv[2])
    strip(Path(sys.argv[1]))
