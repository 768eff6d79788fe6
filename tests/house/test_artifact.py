"""What `sam build` makes: wheels for the target, small enough, and complete without this machine's packages."""

from __future__ import annotations

import ast
import os
import re
import shutil
import struct
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from tests.embedded.aws import build
from tests.house.source_files import GOCOMPAT, PACKAGE, ROOT, tree_of
from tests.house.template_file import of_type, template

LIMIT_BYTES = 100_000_000
# Clients that only the command line makes, with the whole botocore of its own installation.
COMMAND_LINE_ONLY = frozenset({"cloudformation", "cloudwatch", "logs"})
THIRD_PARTY = ("VendorLayer", "HeavyLayer")
LOADED_BY_THE_WEBHOOK = frozenset(
    {
        *("aws_lambda_powertools", "boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six"),
        *("typing_extensions", "urllib3"),
    }
)
# With the first delivery that needs it.
LOADED_LATER = frozenset({"cel_expr_python", "cryptography", "jwt"})
# PEP 552: bytecode that is not compared with its source, whose time a zip file does not keep.
UNCHECKED_HASH = (1).to_bytes(4, "little")


@pytest.fixture(scope="module")
def for_lambda() -> Path:
    """The artifact of the default target, built on whatever machine this is."""
    return build("lambda-arm64")


@pytest.fixture(scope="module")
def for_host() -> Path:
    """The artifact that the embedded AWS runs."""
    return build("host")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_binary_wheels_are_for_the_target_python_and_platform(for_lambda: Path) -> None:
    files = [path for layer in THIRD_PARTY for path in (for_lambda / layer / "python").glob("*.dist-info/WHEEL")]
    tags = {tag for path in files for tag in re.findall(r"^Tag: (.+)$", path.read_text(), re.MULTILINE)}
    fits = re.compile(r"(py2|py3|py2\.py3)-none-any|cp313-cp313-manylinux\w*_aarch64|cp3\d+-abi3-manylinux\w*_aarch64")
    assert len(files) > 20
    assert {tag for tag in tags if not fits.fullmatch(tag)} == set()


def test_shared_objects_are_of_the_target_machine(for_lambda: Path) -> None:
    machines = {path.read_bytes()[18:20] for layer in THIRD_PARTY for path in (for_lambda / layer).rglob("*.so")}
    assert machines == {(183).to_bytes(2, "little")}, "ELF e_machine 183 is AArch64"


def test_shared_objects_come_without_what_only_linkers_and_debuggers_read(for_lambda: Path, for_host: Path) -> None:
    libraries = [path for built in (for_lambda, for_host) for path in built.rglob("*.so")]
    # e_shoff, then e_shnum and e_shstrndx.
    sections = {(data[40:48], data[60:64]) for data in (path.read_bytes() for path in libraries)}
    assert sections == {(bytes(8), bytes(4))}


def test_shared_objects_keep_every_byte_that_a_loader_maps(for_lambda: Path, for_host: Path) -> None:
    # Those for Lambda are not loaded on this machine, so that only this tells.
    libraries = {path: path.read_bytes() for built in (for_lambda, for_host) for path in built.rglob("*.so")}
    assert [path for path, data in libraries.items() if _last_mapped(data) > len(data)] == []


def _last_mapped(library: bytes) -> int:
    """Where the last segment of a 64-bit ELF file ends, and the table that says so."""
    (table,), (size, count) = struct.unpack_from("<Q", library, 32), struct.unpack_from("<HH", library, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", library, table + at * size) for at in range(count)]
    return max(table + size * count, *(offset + in_file for _, _, offset, _, _, in_file, _, _ in headers))


def test_a_function_with_its_layers_is_at_most_half_of_what_lambda_allows(for_lambda: Path) -> None:
    folders = [for_lambda / name for name in ("UpdateFunction", *_layers("UpdateFunction"))]
    assert sum(map(_size, folders)) < LIMIT_BYTES


def test_the_core_layer_is_the_sources_and_nothing_else(for_lambda: Path) -> None:
    files = [path for path in _files(for_lambda / "CoreLayer") if path.suffix != ".pyc"]
    built = {path.relative_to(for_lambda / "CoreLayer/python") for path in files}
    rooms = (PACKAGE, GOCOMPAT)
    paths = [path for room in rooms for path in _files(room) if "__pycache__" not in path.parts]
    sources = {path.relative_to(PACKAGE.parent) for path in paths}
    assert built == sources


def test_no_layer_is_compiled_when_a_function_starts(for_host: Path) -> None:
    folders = [for_host / layer / "python" for layer in ("CoreLayer", *THIRD_PARTY)]
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    compiled = [Path(cache_from_source(str(path))) for path in sources]
    assert [path for path in compiled if not path.is_file()] == []
    assert {path.read_bytes()[:8] for path in compiled} == {MAGIC_NUMBER + UNCHECKED_HASH}


@pytest.mark.parametrize(("folder", "layer"), [("core", "CoreLayer"), ("vendor", "HeavyLayer")])
def test_a_layer_is_built_and_compiled_in_a_folder_with_spaces(tmp_path: Path, folder: str, layer: str) -> None:
    environment, artifact = tmp_path / "my project", tmp_path / "its artifact"
    environment.symlink_to(sys.prefix)
    python = environment / Path(sys.executable).relative_to(sys.prefix)
    command = ["make", "--silent", "-C", str(ROOT / "layers" / folder), f"build-{layer}"]
    environ = {**os.environ, "TAGSTREAM_BUILD_TARGET": "host", "PYTHON": str(python), "ARTIFACTS_DIR": str(artifact)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    sources = [*artifact.rglob("*.py")]
    assert done.returncode == 0
    assert done.stderr == ""
    assert sources and [path for path in sources if not Path(cache_from_source(str(path))).is_file()] == []


def test_a_build_without_the_functions_python_says_so(tmp_path: Path) -> None:
    # A copy: what SAM notes about builds is not for two at a time.
    shutil.copytree(ROOT / "layers/core", tmp_path / "layers/core")
    shutil.copy(ROOT / "template.yaml", tmp_path)
    lacking = {"TAGSTREAM_BUILD_TARGET": "lambda-arm64", "TAGSTREAM_BUILD_PYTHON": "3.99", "SAM_CLI_TELEMETRY": "0"}
    command = [str(Path(sys.executable).with_name("sam")), "build", "CoreLayer"]
    environ = {**os.environ, **lacking}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "no python3.99 on this machine" in done.stdout + done.stderr


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("function", ["ScanFunction", "WebhookFunction", "UpdateFunction"])
def test_a_handler_imports_with_only_the_built_folders(for_host: Path, function: str) -> None:
    name = function.removesuffix("Function").lower()
    # The ports are made too, since they import lazily.
    code = f"import app; from tagstream import wiring; wiring.{name}_ports(); print(app.handler.__name__)"
    assert _run_built(for_host, function, code) == "handler\n"


def _layers(function: str) -> list[str]:
    """The layers that the template gives a function: those of all, then its own."""
    own = of_type("AWS::Serverless::Function")[function].get("Layers", [])
    return [one["Ref"] for one in [*template()["Globals"]["Function"]["Layers"], *own]]


def _run_built(built: Path, function: str, code: str) -> str:
    """What a program prints that has a function's folder and its layers; -S keeps this environment's packages out."""
    folders = [built / function, *(built / layer / "python" for layer in _layers(function))]
    environ = {
        **{"PYTHONPATH": os.pathsep.join(map(str, folders)), "AWS_DEFAULT_REGION": "eu-central-1", "PATH": ""},
        **{"TAGSTREAM_TABLE": "t", "TAGSTREAM_STACK": "s", "TAGSTREAM_SCAN_QUEUE_URL": "http://127.0.0.1/q"},
        **{"POWERTOOLS_SERVICE_NAME": "s", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
    }
    command = [sys.executable, "-S", "-B", "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_webhook_loads_of_the_layer_what_its_calls_to_aws_and_its_log_need(for_host: Path) -> None:
    # All senders too, as after a first delivery of each; what verifies tokens or filters comes later.
    code = (
        "import sys, importlib, app\n"
        "from tagstream import wiring\n"
        "from tagstream.events.receiver.senders_table import MODULE_BY_SENDER\n"
        "wiring.webhook_ports()\n"
        "for name in MODULE_BY_SENDER.values(): importlib.import_module(name)\n"
        "files = [getattr(one, '__file__', None) or '' for one in sys.modules.values()]\n"
        "inside = [one.partition('VendorLayer/python/')[2] for one in files]\n"
        "print(*sorted({one.partition('/')[0].removesuffix('.py') for one in inside if one}))"
    )
    assert set(_run_built(for_host, "WebhookFunction", code).split()) == LOADED_BY_THE_WEBHOOK


@pytest.mark.parametrize("target", ["host", "lambda-arm64"])
def test_the_layer_that_the_webhook_waits_for_holds_nothing_that_it_does_not_load(target: str) -> None:
    built = build(target)
    vendor, heavy = ({path.name for path in (built / layer / "python").iterdir()} for layer in THIRD_PARTY)
    modules = {name.partition(".")[0] for name in vendor if not name.endswith(".dist-info")}
    assert modules - {"_cffi_backend", "__pycache__"} == LOADED_BY_THE_WEBHOOK | LOADED_LATER
    # Each layer has the bytecode of its own modules; Lambda lays the folders over one another.
    assert (vendor & heavy) - {"__pycache__"} == set()
    pinned = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "layers/vendor/requirements.txt").read_text(), re.MULTILINE)
    records = {name.replace("_", "-").lower() for name in vendor | heavy if name.endswith(".dist-info")}
    assert records == {f"{name}-{version}.dist-info" for name, version in pinned}


def test_a_token_is_verified_in_the_artifact(for_host: Path) -> None:
    tokens = ROOT / "tests/vectors/data/webhooks/gcr_pubsub.jwt.json"
    code = (
        "import json, jwt\n"
        f"vectors = json.load(open({str(tokens)!r}))\n"
        "key = jwt.PyJWKSet.from_dict(vectors['jwks']).keys[0]\n"
        "given = next(iter(vectors['good'].values()))\n"
        "print(bool(jwt.decode(given, key, algorithms=['RS256'], options={'verify_aud': False})))"
    )
    assert _run_built(for_host, "WebhookFunction", code) == "True\n"


def test_a_filter_of_every_extension_runs_in_the_artifact(for_host: Path) -> None:
    code = (
        "from tagstream.events.receiver.expression import evaluate\n"
        'words = \'req.a.split(",")[0].lowerAscii() == "x" && string(base64.decode("eA==")) == "x"\'\n'
        'rest = \' && req.?b.orValue("z") == "z" && sets.contains([1, 2], [1])\'\n'
        "print(evaluate(words + rest, {'req': {'a': 'X,y'}}, boolean=True))"
    )
    assert _run_built(for_host, "WebhookFunction", code) == "True\n"


def test_the_layers_keep_the_models_of_the_services_that_are_called() -> None:
    kept = ast.literal_eval(_assigned(ROOT / "layers/vendor/strip.py", "SERVICES"))
    called = set()
    for path in (PACKAGE / "wiring.py", *(PACKAGE / "adapters").rglob("*.py")):
        called |= set(re.findall(r"client\(\s*\"([a-z-]+)\"", path.read_text()))
    assert called - COMMAND_LINE_ONLY <= kept


def _assigned(path: Path, name: str) -> ast.expr:
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name and isinstance(node.value, ast.Call):
            return node.value.args[0]
    raise AssertionError(f"{path}: no {name}")


def test_licences_and_versions_can_be_read_from_the_artifact(for_lambda: Path) -> None:
    records = [path for layer in THIRD_PARTY for path in (for_lambda / layer / "python").glob("*.dist-info")]
    assert [path.name for path in records if not (path / "METADATA").is_file()] == []
