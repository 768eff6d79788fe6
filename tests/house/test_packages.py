"""The five packages of the design do the work in the functions, and nothing stands in for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.source_files import ROOT, imports_of, product_files, shown, tree_of

THE_FIVE = ("boto3", "aws_lambda_powertools", "requests", "ruamel.yaml", "dulwich")
# What each hand-written twin could not do without, as it stands in code.
TWINS = {
    "pkt-lines": re.compile(r"""b["']000[012]["']"""),
    "reading packs": re.compile(r"""b["']PACK["']"""),
    "SOCKS": re.compile(r"""b["']\\x05"""),
    "SigV4": re.compile(r"AWS4-HMAC-SHA256"),
    "scanning YAML": re.compile(r"yaml\.(?:scanner|parser)\.[a-z]|\byaml\.(?:safe_)?load\b"),
    "HTTP": re.compile(r"\bHTTPS?Connection\(|\burlopen\("),
}
_GIT = "layers/core/tagstream/adapters/git/"
# Subclasses and limits beside dulwich's own readers: they look at a header before dulwich may read what is behind it,
# and send the one separator of protocol version 2 that dulwich has no name for.
BESIDE_DULWICH = {
    "pkt-lines": {_GIT + "bounded_answer.py", _GIT + "clients.py"},
    "reading packs": {_GIT + "bounded_pack.py"},
}


def _imports(package: str) -> list[str]:
    """Every import statement of a package below layers/, as file names."""
    return [
        shown(path)
        for path in product_files()
        for name in imports_of(tree_of(path))
        if name == package or name.startswith(f"{package}.")
    ]


@pytest.mark.parametrize("package", THE_FIVE)
def test_each_of_the_five_packages_is_imported_by_the_layers(package: str) -> None:
    assert [name for name in _imports(package) if name.startswith("layers/core/tagstream/")] != []


@pytest.mark.parametrize("what", TWINS)
def test_no_hand_written_twin_of_a_package_comes_back(what: str) -> None:
    found = {shown(path) for path in product_files() if TWINS[what].search(path.read_text())}
    assert found == BESIDE_DULWICH.get(what, set())


@pytest.mark.parametrize(
    ("what", "source"),
    [
        ("pkt-lines", "FLUSH = b'0000'"),
        ("reading packs", 'if data[:4] != b"PACK":'),
        ("SOCKS", r'sock.sendall(b"\x05\x01\x00")'),
        ("SigV4", 'scheme = "AWS4-HMAC-SHA256"'),
        ("scanning YAML", "value = yaml.safe_load(text)"),
        ("HTTP", "with urlopen(url) as answer:"),
    ],
)
def test_a_planted_twin_is_found(what: str, source: str) -> None:
    assert TWINS[what].search(source)


def test_every_package_of_the_functions_has_a_page() -> None:
    pages = {path.stem.removeprefix("package-") for path in (ROOT / "docs/decisions").glob("package-*.md")}
    project = (ROOT / "pyproject.toml").read_text()
    declared = re.findall(r'^  "([a-z0-9.-]+)[>=]', project.partition("[project.optional")[0], re.MULTILINE)
    assert {name.replace(".", "-") for name in declared} == pages


def test_each_page_says_what_a_package_does_its_licence_its_size_and_its_start_up() -> None:
    wanted = ("What it does here", "Licence", "Size in the layer", "Start-up")
    incomplete = [
        path.name
        for path in sorted(Path(ROOT / "docs/decisions").glob("package-*.md"))
        if any(word not in path.read_text() for word in wanted)
    ]
    assert incomplete == []
