"""Who may import whom, and what the webhook's cold start may load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.bench.bench_setters import MARKER, OBJECTS
from tests.house.source_files import GOCOMPAT, PACKAGE, ROOT, imports_of, product_files, shown, tree_of

VALUES = {"domain", "errors", "events", "metric_names"}
MAY_IMPORT: dict[str, set[str]] = {
    "gocompat": set(),
    "domain": {"domain"},
    "errors": set(),
    "metric_names": set(),
    "ports": {"domain", "errors", "ports"},
    "events": {"domain", "errors", "events", "ports"},
    "adapters": {"adapters", "domain", "errors", "metric_names", "ports"},
    "reconcile": VALUES | {"ports", "reconcile"},
    "dashboard": VALUES | {"dashboard", "ports", "reconcile"},
    "wiring": VALUES | {"adapters", "ports"},
    "cli": VALUES | {"cli", "dashboard", "ports", "reconcile", "wiring"},
    "functions": {"dashboard", "reconcile", "wiring"},
}
# Who may be given all ports at once; the others speak the values of single ports.
MAY_TOUCH_ALL = {"ports", "reconcile", "dashboard", "wiring", "cli"}
IMPURE = {
    *("asyncio", "boto3", "botocore", "dulwich", "http", "logging", "os", "paramiko", "pathlib", "random", "requests"),
    *("secrets", "shutil", "socket", "ssl", "subprocess", "tempfile", "threading", "time", "urllib3"),
}
EDGE = {"boto3", "botocore", "dulwich", "os", "paramiko", "requests", "socket", "subprocess", "time"}
ALSO_AT_THE_EDGE = {"wiring": {"boto3", "botocore", "os"}, "cli": {"os", "subprocess", "time"}}
SLOW_FOR_WEBHOOKS = {
    *("requests", "dulwich", "ruamel", "_ruamel_yaml", "re2", "paramiko", "pysequoia"),
    # What the first delivery that needs it loads.
    *("jwt", "cel_expr_python"),
}
NOT_FOR_TREES = {
    *("asyncio", "cryptography", "decimal", "difflib", "email", "fractions", "getpass", "hashlib", "http", "logging"),
    *("rich", "shutil", "socket", "ssl", "tempfile", "uuid", "zoneinfo"),
    *("gocompat.template", "gocompat.sprig"),
    *("tagstream.adapters", "tagstream.dashboard", "tagstream.wiring", "tagstream.ports.bundle", "tagstream.ports.git"),
    *("tagstream.domain.calendar", "tagstream.domain.kustomize", "tagstream.domain.notify"),
    *("tagstream.domain.objects.dockerconfig", "tagstream.domain.objects.kustomization"),
    "tagstream.domain.setters.exact_reader",
}
"""What ``lint`` and ``diff`` must not load for plain objects and manifests: they are started for every pull request."""
NOT_FOR_DIFF = NOT_FOR_TREES | {
    *("gocompat.regexp", "gocompat.regexp_syntax", "tagstream.cli.layout", "tagstream.domain.objects.intervention"),
    *("tagstream.domain.select.advice", "tagstream.domain.select.filter", "tagstream.domain.select.policy"),
    *("tagstream.domain.setters.repair", "tagstream.domain.update.destination", "tagstream.ports.ledger"),
}
MAKERS = {"client", "resource", "Session", "create_client", "get_session", "_client", "_session"}


def room_of(path: Path) -> str:
    """The first name below tagstream/, or gocompat or functions."""
    if path.is_relative_to(GOCOMPAT):
        return "gocompat"
    if not path.is_relative_to(PACKAGE):
        return "functions"
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def forbidden_imports(room: str, tree: ast.Module) -> list[str]:
    """What a module of a room imports and may not."""
    found = []
    for name in imports_of(tree):
        parts = name.split(".")
        own = parts[0] == "tagstream" and len(parts) > 1 and parts[1] not in MAY_IMPORT[room]
        impure = room in {"gocompat", "domain", "events"} and parts[0] in IMPURE
        edge = room != "adapters" and parts[0] in EDGE - ALSO_AT_THE_EDGE.get(room, set())
        bundle = room not in MAY_TOUCH_ALL and name.startswith("tagstream.ports.bundle")
        if own or impure or edge or bundle or name.startswith("."):
            found.append(name)
    return found


MODULES = [path for path in product_files() if path != PACKAGE / "__init__.py" and "vendor" not in path.parts]


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    # `if TYPE_CHECKING:` blocks count too: a type from the wrong room is the wrong dependency all the same.
    found = forbidden_imports(room_of(path), tree_of(path))
    typed_only = {"mypy_boto3_codecommit", "mypy_boto3_dynamodb", "mypy_boto3_sqs", "mypy_boto3_secretsmanager"}
    assert [name for name in found if name.split(".")[0] not in typed_only] == []


def test_every_package_that_is_imported_is_declared_and_the_other_way_round() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[^a-z0-9.-]", one)[0] for one in project["dependencies"]}
    roots = {name.split(".")[0] for path in MODULES for name in imports_of(tree_of(path))}
    known = packages_distributions()
    # Distributions may share a root (ruamel.yaml and ruamel.yaml.clib).
    names = (name for root in roots - set(sys.stdlib_module_names) for name in known.get(root, ()))
    used = {name.lower().replace("_", "-") for name in names}
    ours = {one for one in used if not one.startswith(("mypy-boto3", "boto3-stubs"))} - {"tagstream"}
    assert ours == declared


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("domain", "import os"),
        ("domain", "from tagstream.errors import RetryableError"),
        ("domain", "from . import model"),
        ("events", "from tagstream.ports.bundle import Ports"),
        ("adapters", "from tagstream.reconcile import handlers"),
        ("adapters", "from tagstream import wiring"),
        ("reconcile", "def lazy():\n    import boto3"),
        ("functions", "from tagstream.adapters import queue"),
        ("cli", "import requests"),
    ],
)
def test_a_planted_wrong_import_is_found(room: str, source: str) -> None:
    assert forbidden_imports(room, ast.parse(source)) != []


def test_only_wiring_and_the_command_line_read_the_environment() -> None:
    readers = {
        room_of(path)
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }
    assert readers <= {"wiring", "cli"}


def test_no_module_makes_a_client_when_it_is_imported() -> None:
    calls = [
        f"{shown(path)}:{node.lineno}"
        for path in MODULES
        for statement in tree_of(path).body
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in MAKERS
    ]
    assert calls == []


def test_only_wiring_makes_sessions_of_boto3() -> None:
    # Every session reads the environment and asks for the role's keys again; wiring hands out its one.
    importers = {
        room_of(path)
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if "boto3" in imported_roots(node) and not is_for_types_only(node, tree_of(path))
    }
    assert importers == {"wiring"}


def imported_roots(node: ast.AST) -> set[str]:
    """The packages that one statement imports."""
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").split(".")[0]}
    return {one.name.split(".")[0] for one in node.names} if isinstance(node, ast.Import) else set()


def is_for_types_only(node: ast.AST, tree: ast.Module) -> bool:
    """Whether a statement stands below ``if TYPE_CHECKING:``."""
    blocks = [one for one in tree.body if isinstance(one, ast.If) and ast.unparse(one.test) == "TYPE_CHECKING"]
    lines = {line for one in blocks for line in range(one.lineno, (one.end_lineno or 0) + 1)}
    return getattr(node, "lineno", 0) in lines


def test_importing_the_webhook_loads_nothing_slow() -> None:
    # The ports too: they are built in the same cold start.
    code = (
        "import sys, functions.webhook.app\n"
        "from tagstream import wiring\n"
        "wiring.webhook_ports()\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    environ = {
        **{
            "PYTHONPATH": f"{ROOT / 'layers/core'}:{ROOT}",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        **{"TAGSTREAM_TABLE": "t", "TAGSTREAM_STACK": "s", "TAGSTREAM_SCAN_QUEUE_URL": "http://127.0.0.1/q"},
        **{"POWERTOOLS_SERVICE_NAME": "s", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
    }
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) & SLOW_FOR_WEBHOOKS == set()


@pytest.mark.parametrize(
    ("verb", "unwanted"),
    [(("lint",), NOT_FOR_TREES), (("diff", "--ref", "flux-system/app=ghcr.io/org/app:v2.0.0"), NOT_FOR_DIFF)],
    ids=("lint", "diff"),
)
def test_the_verbs_of_continuous_integration_load_only_what_they_need(
    tmp_path: Path, verb: tuple[str, ...], unwanted: set[str]
) -> None:
    (tmp_path / "objects.yaml").write_text(OBJECTS)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "app.yaml").write_text(f"image: ghcr.io/org/app:v1.0.0 {MARKER}\n")
    argv = [*verb, "--objects", f"{tmp_path}/objects.yaml", "--repo", f"{tmp_path}/tree"]
    code = f"import sys\nfrom tagstream.cli import main\nmain({argv!r})\nprint(*sys.modules, file=sys.stderr)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # It did its work, and the names are those of modules.
    assert "app.yaml" in done.stdout
    assert [name for name in unwanted if find_spec(name) is None] == []
    assert set(done.stderr.split()) & unwanted == set()


def test_the_functions_never_load_the_command_line() -> None:
    importers = [
        shown(path) for path in MODULES if room_of(path) != "cli" and "tagstream.cli" in imports_of(tree_of(path))
    ]
    assert importers == []


def test_domain_and_events_import_without_the_vendor_layer() -> None:
    # The domain may use re2 and a YAML parser; everything else, boto3 among it, must not be needed. Only the module
    # that reads Lambda's events may use the data classes that Powertools has for them.
    blocked = ("boto3", "botocore", "requests", "dulwich", "paramiko", "aws_lambda_powertools", "pysequoia")
    names = [
        "tagstream." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for path in MODULES
        if room_of(path) in {"domain", "events"} and path.name not in {"__init__.py", "source.py"}
    ]
    code = f"import sys, importlib\nfor n in {blocked!r}: sys.modules[n] = None\n"
    code += f"for n in {names!r}: importlib.import_module(n)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
