"""gocompat/ and domain/ are pure: no call in them reads a clock or draws random numbers.

The import test cannot see this: `datetime` has to be imported for its type, and a library that makes keys may be
imported for something else.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.source_files import GOCOMPAT, PACKAGE, product_files, shown, tree_of

PURE = [path for path in product_files() if path.is_relative_to(GOCOMPAT) or path.is_relative_to(PACKAGE / "domain")]
# Modules of which every call is impure.
IMPURE_MODULES = frozenset({"time", "random", "secrets", "uuid"})
# Functions and methods that are impure whatever they are called on.
IMPURE_NAMES = frozenset(
    {
        *("now", "utcnow", "today", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"),
        *("urandom", "getrandom", "SystemRandom", "uuid1", "uuid4", "randbits", "randint", "randrange", "randbelow"),
        *("token_bytes", "token_hex", "token_urlsafe", "gensalt", "random_serial_number"),
        *("generate", "generate_key", "generate_private_key", "generate_parameters"),
    }
)


def _imported(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: ``{"t": "time", "choice": "random.choice"}``."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.asname or one.name.partition(".")[0]: one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return found


def impure_uses(tree: ast.Module) -> list[str]:
    """Every clock and source of chance that a module uses, as ``name:line``.

    An imported one counts even where it is not called, because it may be passed on and called elsewhere. Of other
    values only calls of their methods count: ``clock.now()`` does, the field ``data.now`` does not.
    """
    imported = _imported(tree)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_NAMES:
            found.add(f"{ast.unparse(node.func)}:{node.lineno}")
        if not isinstance(node, ast.Attribute | ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        first, *rest = ast.unparse(node).split(".")
        module, dot, name = ".".join((imported.get(first, ""), *rest)).rpartition(".")
        if dot and first in imported and (module.split(".")[0] in IMPURE_MODULES or name in IMPURE_NAMES):
            found.add(f"{ast.unparse(node)}:{node.lineno}")
    return sorted(found)


@pytest.mark.parametrize("path", PURE, ids=shown)
def test_a_pure_module_neither_reads_a_clock_nor_draws_random_numbers(path: Path) -> None:
    assert impure_uses(tree_of(path)) == []


def test_both_pure_packages_are_looked_at() -> None:
    assert {path.relative_to(GOCOMPAT.parent).parts[0] for path in PURE} == {"gocompat", "tagstream"}
    assert len(PURE) > 60


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import UTC, datetime\nnow = datetime.now(UTC)",
        "import datetime\nday = datetime.date.today()",
        "from datetime import datetime as dt\nread = dt.utcnow",
        "import time\nbegin = time.time()",
        "from time import monotonic as clock\nbegin = clock()",
        "import time as t\nt.sleep(1)",
        "import random\nrandom.shuffle([])",
        "from random import choice\nchoice('ab')",
        "import secrets\nsecrets.token_hex()",
        "from secrets import token_bytes\ndraw = token_bytes",
        "import os\nos.urandom(16)",
        "import uuid\nuuid.uuid4()",
        "def lazy():\n    from uuid import uuid4\n    return uuid4()",
        "from cryptography.hazmat.primitives.ciphers.aead import AESGCM\nAESGCM.generate_key(128)",
        "from cryptography.hazmat.primitives.asymmetric import rsa\nrsa.generate_private_key(65537, 2048)",
        "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey\nEd25519PrivateKey.generate()",
        "from cryptography import x509\nx509.random_serial_number()",
        "import bcrypt\nbcrypt.gensalt()",
        "def f(clock):\n    return clock.now()",
        "class A:\n    def f(self):\n        return self._clock.monotonic()",
    ],
)
def test_a_planted_clock_or_source_of_chance_is_found(source: str) -> None:
    assert impure_uses(ast.parse(source)) != []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import UTC, datetime\nSTART = datetime(2026, 1, 1, tzinfo=UTC)",
        "def f(data):\n    return data.now - data.now",
        "def f(entropy):\n    return entropy(16)",
        "from gocompat.sprig.lots import functions\nfunctions(bytes)",
        "def f(now, time):\n    return now.year, time.clock",
    ],
)
def test_what_a_caller_passes_in_is_no_finding(source: str) -> None:
    assert impure_uses(ast.parse(source)) == []
